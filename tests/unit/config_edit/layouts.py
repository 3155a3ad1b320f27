"""JSON5 documents in every layout that people and editors produce, for property tests."""

import json
from typing import Any

from hypothesis import strategies as st

KEYS = ["a", "b", "c", "$d", "null", "é", "e f", "__proto__", ""]
BARE_KEYS = {"a", "b", "c", "$d", "null", "é", "__proto__"}
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
FRAGMENTS = [
    "1", "1.0", "-0", "0x1F", "+5", ".5", "5.", "1e3", "true", "false", "null", "''", '"//"', "'/* { */'", "'\\''",
    '"a\\\nb"', "'\\u0041\\x42'", '"\u2028"', "[]", "[1, /* in a list */ 2,]", "[{a: [1]}, // in a list\n{}]",
]  # fmt: skip
BLANKS = ["", "", "", " ", "  ", "\n", "\r\n", "\n  ", "\n\n", "\t", "\u2028", "\xa0", "\ufeff"]


class Writer:
    """Draws a document piece by piece; every comment is different, so that a lost one is seen."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.comments = 0

    def gap(self) -> str:
        pieces = self.draw(st.lists(st.sampled_from([*BLANKS, "//", "/*", "/*\n"]), max_size=3))
        return "".join(self.comment(piece) for piece in pieces)

    def comment(self, piece: str) -> str:
        if not piece.startswith("/"):
            return piece
        self.comments += 1
        inside = f'<{self.comments}> "{{,'
        return f"//{inside}\n" if piece == "//" else f"{piece}{inside}*/"

    def key(self, key: str) -> str:
        spellings = [json.dumps(key), json.dumps(key, ensure_ascii=False), f"'{key}'"]
        bare = [key] * 3 if key in BARE_KEYS else []
        return self.draw(st.sampled_from([*spellings, *bare]))

    def value(self, depth: int) -> str:
        if depth > 0 and self.draw(st.booleans()):
            return self.object(depth - 1)
        return self.draw(st.one_of(st.sampled_from(FRAGMENTS), TEXT.map(json.dumps)))

    def object(self, depth: int) -> str:
        keys = self.draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=4))
        members = [
            f"{self.gap()}{self.key(key)}{self.gap()}:{self.gap()}{self.value(depth)}{self.gap()}" for key in keys
        ]
        comma = "," if len(members) > 0 and self.draw(st.booleans()) else ""
        return f"{{{','.join(members)}{comma}{self.gap()}}}"


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """One document with an object at the top."""
    writer = Writer(draw)
    return f"{writer.gap()}{writer.object(3)}{writer.gap()}".encode()


def patches() -> st.SearchStrategy[dict[str, Any]]:
    """Merge patches over the same keys, so that they hit."""
    plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT)
    values = st.recursive(
        st.one_of(plain, st.lists(plain, max_size=3)),
        lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
        max_leaves=8,
    )
    return st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
