"""Where everything stands in a JSON5 text: objects, their members, the commas, as offsets. Pure.

The text must already have been read as JSON5 (`config_tokens.py`). Lists and plain values are leaves: an edit replaces
them as a whole.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from shared.config_tokens import tokens_of

NEWLINES = "\n\r\u2028\u2029"

_NEWLINE = re.compile(f"[{NEWLINES}]")


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One `key: value` of an object."""

    start: int
    """Where the key starts."""
    value: "Node"
    comma: int | None
    """Where the comma after it stands; only the last member may have none."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One value: `text[start:end]`."""

    start: int
    end: int
    is_object: bool = False
    members: tuple[Member, ...] = ()
    tail: int = 0
    """Objects: where the last thing before the closing brace ends, a comment included."""

    def with_values(self, values: dict[str, Any]) -> Iterator[tuple[Member, str, Any]]:
        """Give each member with its key and value; `values` is what a parser made of this object."""
        for member, (key, value) in zip(self.members, values.items(), strict=True):
            yield member, key, value


def parse_tree(text: str) -> Node:
    """Find the value that the text is."""
    return _Reader(text).value()


def parse_comments(text: str) -> Iterator[tuple[int, int]]:
    """Give where each comment starts and ends."""
    return (token.span() for token in tokens_of(text) if token.lastgroup == "comment")


def has_line_breaks(text: str, node: Node) -> bool:
    """Whether an object is written over several lines: a line ends between its own braces, keys and commas."""
    starts = [node.start, *(member.value.end for member in node.members)]
    ends = [*(member.start for member in node.members), node.end]
    return any(_NEWLINE.search(text, start, end) for start, end in zip(starts, ends, strict=True))


def line_indent(text: str, offset: int) -> str:
    """Give the blanks at the start of the line that `offset` is in."""
    start = offset
    while start > 0 and text[start - 1] not in NEWLINES:
        start -= 1
    end = start
    while end < offset and text[end] in " \t":
        end += 1
    return text[start:end]


def starts_its_line(text: str, offset: int) -> bool:
    """Whether only blanks stand before `offset` in its line."""
    before = text[:offset].rstrip(" \t")
    return bool(before) and before[-1] in NEWLINES


class _Reader:
    """Reads values off a stream of tokens, stepping over comments."""

    def __init__(self, text: str) -> None:
        self._tokens = list(tokens_of(text))
        self._next = 0

    def value(self) -> Node:
        first = self._take()
        if first[0] == "{":
            return self._object(first.start())
        if first[0] == "[":
            return Node(start=first.start(), end=self._end_of_list())
        return Node(start=first.start(), end=first.end())

    def _object(self, start: int) -> Node:
        members: list[Member] = []
        while True:
            token = self._take()
            if token[0] == "}":
                return Node(
                    start=start,
                    end=token.end(),
                    is_object=True,
                    members=tuple(members),
                    tail=self._tokens[self._next - 2].end(),
                )
            members.append(self._member(token))

    def _member(self, key: "re.Match[str]") -> Member:
        self._take()  # the colon
        value = self.value()
        comma = self._take() if self._peek()[0] == "," else None
        return Member(start=key.start(), value=value, comma=None if comma is None else comma.start())

    def _end_of_list(self) -> int:
        depth = 1
        while depth:
            token = self._take()
            depth += (token[0] in ("[", "{")) - (token[0] in ("]", "}"))
        return token.end()

    def _take(self) -> "re.Match[str]":
        token = self._peek()
        self._next += 1
        return token

    def _peek(self) -> "re.Match[str]":
        while self._tokens[self._next].lastgroup == "comment":
            self._next += 1
        return self._tokens[self._next]
