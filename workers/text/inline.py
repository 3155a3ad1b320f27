"""What stands inside a paragraph: emphasis, links, images, code, HTML tags.

One writer per paragraph collects text. A link or an image is rewritten when it ends, because only then its label is
known.
"""

from collections.abc import Iterable

from workers.text.grammar import Token
from workers.text.html_tags import BLOCKS, HIDDEN, Tag, read_tag, unescape
from workers.text.literals import Literals
from workers.text.marks import BETWEEN_CELLS, BULLET, QUOTED, RAISED, RULE, STRUCK

_WEB = ("http://", "https://")
_ADDRESSES = ("mailto:", "tel:", "sms:")
_AROUND = {"q": QUOTED, "del": STRUCK, "s": STRUCK, "strike": STRUCK}
_AT_LINE_START = {"hr": f"{RULE}\n", "li": BULLET}


def inline_text(tokens: Iterable[Token], literals: Literals, cited: set[str]) -> str:
    """The text of inline tokens. `cited` collects the keys of the reference definitions that links used."""
    writer = _Writer(literals, cited)
    writer.write_all(tokens)
    return writer.text()


def link_text(label: str, target: str, literals: Literals) -> str:
    """`label (target)`, or one of them where the other says nothing new."""
    shown = literals.restore(label).strip()
    address = literals.restore(target)
    if not shown or shown == address or address.removesuffix("/") in [scheme + shown for scheme in _WEB]:
        return target
    if not address or address.startswith("#") or f"({address})" in shown:
        return label
    if address in [scheme + shown for scheme in _ADDRESSES]:
        return label
    return f"{label} ({target})"


class _Writer:
    def __init__(self, literals: Literals, cited: set[str]) -> None:
        self._literals = literals
        self._cited = cited
        self._pieces: list[str] = []
        self._anchor: tuple[int, str] | None = None
        self._hidden_from: int | None = None

    def text(self) -> str:
        self._end_anchor()
        return "".join(self._pieces)

    def write_all(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            self._write(token)

    def _write(self, token: Token) -> None:
        match token["type"]:
            case "text":
                self._add(unescape(token["raw"]))
            case "codespan":
                self._add(self._literals.restore_code(token["raw"]))
            case "softbreak" | "linebreak":
                self._start_line()
            case "link" | "image":
                self._write_link(token)
            case "strikethrough":
                self._add(STRUCK)
                self.write_all(token["children"])
                self._add(STRUCK)
            case "footnote_ref":
                self._add(f"[{token['attrs']['index']}]")
            case "inline_html":
                self._write_html(token["raw"])
            case _ if "children" in token:
                self.write_all(token["children"])
            case _:
                self._add(token["raw"])

    def _write_link(self, token: Token) -> None:
        if "ref" in token:
            self._cited.add(token["ref"])
        start = len(self._pieces)
        self.write_all(token["children"])
        self._end_link(min(start, len(self._pieces)), token["attrs"]["url"])

    def _end_link(self, start: int, target: str) -> None:
        label = " ".join(line.strip() for line in "".join(self._pieces[start:]).split("\n"))
        self._pieces[start:] = [link_text(label, target, self._literals)]

    def _write_html(self, markup: str) -> None:
        if markup.startswith(("<!--", "<!D", "<!d")):
            return
        tag = read_tag(markup)
        if tag is None:
            self._add(self._literals.restore_code(markup))
        elif tag.name in HIDDEN:
            self._hide(tag, markup)
        else:
            self._write_tag(tag)

    def _write_tag(self, tag: Tag) -> None:
        if tag.name == "a":
            self._end_anchor()
            if not tag.closing:
                self._anchor = len(self._pieces), tag.attributes.get("href", "")
        elif tag.name == "img":
            attributes = tag.attributes
            self._add(link_text(unescape(attributes.get("alt", "")), attributes.get("src", ""), self._literals))
        elif tag.name in _AROUND:
            self._add(_AROUND[tag.name])
        elif tag.name == "br":
            self._add("\n")
        elif tag.name in ("td", "th"):
            self._start_cell(tag)
        elif tag.name == "sup" and not tag.closing:
            self._add(RAISED)
        elif tag.name in BLOCKS or tag.name == "hr":
            self._start_line()
            self._add("" if tag.closing else _AT_LINE_START.get(tag.name, ""))

    def _end_anchor(self) -> None:
        if self._anchor is not None:
            start, target = self._anchor
            self._anchor = None
            self._end_link(min(start, len(self._pieces)), target)

    def _hide(self, tag: Tag, markup: str) -> None:
        """Content without its end tag stays visible, and so does the tag: it may be the rest of the reply."""
        if not tag.closing and self._hidden_from is None:
            self._hidden_from = len(self._pieces)
            self._add(markup)
        elif tag.closing and self._hidden_from is not None:
            del self._pieces[self._hidden_from :]
            self._hidden_from = None

    def _start_line(self) -> None:
        if self._pieces and not self._pieces[-1].endswith("\n"):
            self._add("\n")

    def _start_cell(self, tag: Tag) -> None:
        if not tag.closing and self._pieces and not self._pieces[-1].endswith("\n"):
            self._add(BETWEEN_CELLS)

    def _add(self, piece: str) -> None:
        if piece:
            self._pieces.append(piece)
