"""What Markdown must not touch is taken out before parsing and put back afterwards.

URLs, math and products (`2*3`) are literals: a Markdown parser would percent-encode, unescape or de-emphasise them.
Each is replaced by a word that does not occur in the text and means nothing to Markdown.
"""

import re

from workers.text.html_tags import unescape
from workers.text.urls import Span, find_urls

_MATH = re.compile(
    r"\$\$(?!\s*\$)(?:(?!\n[ \t]*\n|\$\$).){1,500}\$\$"
    r"|\\\[(?:(?!\n[ \t]*\n|\\\]).){1,500}\\\]"
    r"|\\\((?:(?!\n[ \t]*\n|\\\)).){1,500}\\\)"
    r"|(?<![\\$\w])\$(?![\s$])[^$\n`]{1,300}(?<![\s\\])\$(?![\d$])",
    re.DOTALL,
)
_MATH_SIGN = re.compile(r"(?<=.)[\\^_={](?=.)", re.DOTALL)
_PRODUCT = re.compile(r"(?<=[0-9])\*{1,2}(?=[0-9])")
_RELATIVE_TARGET = re.compile(r"(?<=\]\()[^\s()<>\[\]]+(?<!\\)(?=[\s)])")
_REST_OF_AUTOLINK = re.compile(r"[^\s<>]*>")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|&[A-Za-z0-9#]+;")
_REFERENCE_AT_END = re.compile(r"&[A-Za-z0-9#]{1,32}\Z")
_TABLE_ROW = re.compile(r"[\s>*+\-\d.)]*\|")


class Literals:
    """The literals of one text and the words that stand for them.

    A word is the mark, the literal's number, and what it stands for: `u` a URL, `a` a URL that stood in angle
    brackets (part of code, but no part of prose), `x` anything else.
    """

    def __init__(self, source: str) -> None:
        used = {int(number) for number in re.findall(r"qz(\d{1,6})z", source)}
        mark = f"qz{next(n for n in range(len(used) + 1) if n not in used)}z"
        self._mark = mark
        self._word = re.compile(rf"{mark}(\d+)([uax])")
        self._literals: list[str] = []

    def keep(self, literal: str, kind: str = "x") -> str:
        """The word that stands for this literal from now on."""
        self._literals.append(self.restore_code(literal))
        return f"{self._mark}{len(self._literals) - 1}{kind}"

    def keep_target(self, target: str) -> str:
        """The word for a link's target, which may be a literal already."""
        return target if self._word.fullmatch(target) else self.keep(target, "u")

    def restore(self, text: str) -> str:
        """Text with its literals back, for a reader: `a\\_b?x&amp;y` is the address `a_b?x&y`."""
        return self._word.sub(self._as_read, text)

    def restore_code(self, text: str) -> str:
        """Text with its literals back, character for character as they were written."""
        return self._word.sub(self._as_written, text)

    def _as_read(self, word: re.Match[str]) -> str:
        literal = self._literals[int(word[1])]
        return _ESCAPED.sub(_unescaped, literal) if word[2] == "u" else literal

    def _as_written(self, word: re.Match[str]) -> str:
        literal = self._literals[int(word[1])]
        return f"<{literal}>" if word[2] == "a" else literal


def take_literals(source: str) -> tuple[str, Literals]:
    """The source with words in place of its literals, and the literals."""
    literals = Literals(source)
    text = _take_urls(source, literals)
    text = _MATH.sub(lambda math: _take_math(math, literals), text)
    text = _RELATIVE_TARGET.sub(lambda target: literals.keep_target(target[0]), text)
    return _PRODUCT.sub(lambda stars: literals.keep(stars[0]), text), literals


def _take_urls(source: str, literals: Literals) -> str:
    pieces: list[str] = []
    position = 0
    for start, end in _urls_of_lines(source):
        if start < position:
            continue
        before = position
        autolink = _REST_OF_AUTOLINK.match(source, end) if source[start - 1 : start] == "<" else None
        if autolink:
            pieces += [source[before : start - 1], literals.keep(source[start : autolink.end() - 1], "a")]
            position = autolink.end()
        else:
            position = _without_reference(source, start, end)
            pieces += [source[before:start], literals.keep(source[start:position], "u")]
    return "".join([*pieces, source[position:]])


def _without_reference(source: str, start: int, end: int) -> int:
    """The end of a URL without a character reference behind it: `https://ex.com&gt;` holds `https://ex.com`."""
    reference = _REFERENCE_AT_END.search(source, start, end) if source[end : end + 1] == ";" else None
    return reference.start() if reference else end


def _unescaped(escape: re.Match[str]) -> str:
    """What an escape in an address means, by the rules of CommonMark; one that means a blank stays as it is."""
    char = escape[1] or unescape(escape[0])
    return char if char.isprintable() and not char.isspace() else escape[0]


def _urls_of_lines(source: str) -> list[Span]:
    """Line by line, because only in a table's row a pipe ends a URL."""
    spans: list[Span] = []
    offset = 0
    for line in source.split("\n"):
        in_table = _TABLE_ROW.match(line) is not None
        spans += [(offset + start, offset + end) for start, end in find_urls(line, pipe_ends=in_table)]
        offset += len(line) + 1
    return spans


def _take_math(math: re.Match[str], literals: Literals) -> str:
    """Keeps what looks like a formula: `\\(x_1\\)` does, `\\[draft\\]` and `$5 or 10$` do not."""
    inner = math[0][2:-2] if math[0][:2] in ("$$", "\\[", "\\(") else math[0][1:-1]
    return literals.keep(math[0]) if _MATH_SIGN.search(f" {inner} ") else math[0]
