"""Find a key that is written twice in one JSON5 object. Pure; the text must already have been read as JSON5.

JSON5 parsers keep the last of two equal keys without a word, so that a `dmPolicy: "open"` further down would win
unseen.
"""

import msgspec

from shared.config_shape import join
from shared.config_tokens import tokens_of


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """A key and the two lines where it stands."""

    path: str
    first_line: int
    second_line: int


class _Level:
    """One open object or list: the keys seen so far with their offsets, and where we are in it."""

    def __init__(self, path: str, *, is_object: bool) -> None:
        self.path = path
        self.is_object = is_object
        self.keys: dict[str, int] = {}
        self.current = ""
        self.index = 0
        self.expects_key = is_object

    def here(self) -> str:
        return join(self.path, self.current) if self.is_object else f"{self.path}[{self.index}]"


def find_duplicate(text: str) -> Duplicate | None:
    """Return the first key that its object already has; `a`, `"a"` and `\\u0061` spell the same one."""
    levels: list[_Level] = []
    for token in tokens_of(text):
        kind = token.lastgroup
        if kind == "mark":
            _move(levels, token[0])
        elif kind != "comment" and levels and levels[-1].expects_key:
            level = levels[-1]
            level.current = _name(token[0], quoted=kind == "string")
            level.expects_key = False
            first = level.keys.setdefault(level.current, token.start())
            if first != token.start():
                return Duplicate(
                    path=level.here(), first_line=_line(text, first), second_line=_line(text, token.start())
                )
    return None


def _move(levels: list[_Level], mark: str) -> None:
    if mark in "{[":
        levels.append(_Level(levels[-1].here() if levels else "", is_object=mark == "{"))
    elif mark in "}]":
        levels.pop()
    elif mark == "," and levels:
        levels[-1].index += 1
        levels[-1].expects_key = levels[-1].is_object


def _name(token: str, *, quoted: bool) -> str:
    """Give the key that a token spells; only an escape needs the parser."""
    if "\\" not in token:
        return token[1:-1] if quoted else token
    import pyjson5  # already imported by whoever parsed the text

    [key] = pyjson5.decode(f"{{{token}:0}}")
    return str(key)


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
