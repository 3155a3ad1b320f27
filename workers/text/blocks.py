"""Paragraphs, headings, lists, quotes, code and tables, one under the other.

Blank lines between blocks are those of the source; lists, tables, quotes and code always stand apart from what
follows. Inside a list there are none. A quote loses its marks: what an agent quotes is mostly a draft to copy.
"""

import re
from collections.abc import Iterable, Sequence

from workers.text.grammar import Document, Token
from workers.text.inline import inline_text
from workers.text.literals import Literals
from workers.text.marks import BETWEEN_LINES, BULLET, CHECKED, RULE, UNCHECKED
from workers.text.tables import table_records

_STEP = "  "
_STANDS_APART = frozenset({"list", "block_quote", "block_code", "block_html", "table"})
_LANGUAGE = re.compile(r"[\w+#.-]*\Z")
_ALERT = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*", re.IGNORECASE)


def document_text(document: Document, literals: Literals) -> str:
    """The plain text of a document, its literals not yet restored."""
    walk = _Walk(literals)
    lines = walk.lines(document.tokens)
    left_over = [text for key, text in document.definitions if key not in walk.cited]
    return "\n".join([*lines, "", *left_over])


class _Walk:
    """Each method gives the lines of a block; code lines come as they are, all others can be indented."""

    def __init__(self, literals: Literals) -> None:
        self._literals = literals
        self.cited: set[str] = set()

    def lines(self, tokens: Iterable[Token], indent: str = "", *, in_list: bool = False) -> list[str]:
        lines: list[str] = []
        apart = False
        for token in tokens:
            if token["type"] == "blank_line":
                apart = True
                continue
            block = self._block(token, indent)
            if lines and block and apart and not in_list:
                lines.append("")
            lines += block
            if block:
                apart = token["type"] in _STANDS_APART
        return lines

    def _block(self, token: Token, indent: str) -> list[str]:
        match token["type"]:
            case "list":
                return self._list(token, indent)
            case "block_code":
                return self._code(token)
            case "block_quote":
                return self._quote(token, indent)
            case "table":
                return self._table(token, indent)
            case "thematic_break":
                return [indent + RULE]
            case "footnotes":
                return self._footnotes(token)
            case _:
                return _indented(self._inline(token), indent)

    def _list(self, token: Token, indent: str) -> list[str]:
        attributes = token["attrs"]
        lines: list[str] = []
        for number, item in enumerate(token["children"], start=attributes.get("start", 1)):
            mark = f"{number}{token['bullet']} " if attributes["ordered"] else BULLET
            if item["type"] == "task_list_item":
                mark = CHECKED if item["attrs"]["checked"] else UNCHECKED
            lines += self._item(item["children"], mark, indent)
        return lines

    def _item(self, children: Sequence[Token], mark: str, indent: str) -> list[str]:
        deeper = indent + _STEP
        lines = self.lines(children, deeper, in_list=True)
        if not lines or children[0]["type"] in ("list", "block_code"):
            return [indent + mark.rstrip(), *lines]
        return [indent + mark + lines[0].removeprefix(deeper), *lines[1:]]

    def _code(self, token: Token) -> list[str]:
        """The lines between the fences. Words behind the opening fence are kept unless they only name a language."""
        info = token.get("attrs", {}).get("info", "")
        code = self._literals.restore_code(token["raw"].rstrip("\n"))
        lines = code.split("\n") if code.strip() else []
        return lines if _LANGUAGE.match(info) else [self._literals.restore_code(info), *lines]

    def _quote(self, token: Token, indent: str) -> list[str]:
        lines = self.lines(token["children"], indent)
        if lines and (alert := _ALERT.match(lines[0], len(indent))):
            first = lines[0][alert.end() :] or "".join(lines[1:2]).strip()
            lines[: 1 if lines[0][alert.end() :] else 2] = [f"{indent}{alert[1].capitalize()}: {first}"]
        return lines

    def _table(self, token: Token, indent: str) -> list[str]:
        rows = [
            [self._inline(cell).replace("\n", BETWEEN_LINES) for cell in row["children"]] for row in token["children"]
        ]
        lines: list[str] = []
        for record in table_records(rows):
            lines += [""] if lines and not indent else []
            lines += [indent + line for line in record]
        return lines

    def _footnotes(self, token: Token) -> list[str]:
        lines = [""]
        for note in token["children"]:
            lines += self._item(note["children"], f"[{note['attrs']['index']}] ", "")
        return lines

    def _inline(self, token: Token) -> str:
        return inline_text(token.get("children", ()), self._literals, self.cited)


def _indented(text: str, indent: str) -> list[str]:
    return [indent + line for line in text.split("\n")] if text.strip() else []
