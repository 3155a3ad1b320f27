"""Change values inside a JSON5 text and leave every other byte as it is: comments, blanks, order, quotes. Pure.

`rewrite` takes the values that the text shall have. What is equal already is not touched; a value that differs is
replaced where it stands; a new key is appended to its object; a key that is gone takes its comma and the comment
behind it in the same line along, while a comment in a line of its own always stays. The result is read back: a text
that would mean anything else is never returned.

Why not a library: `docs/adr/0003-patching-json5-by-offsets.md`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from shared.config_edit_style import Style, detect_style
from shared.config_edit_tree import NEWLINES, Member, Node, has_line_breaks, line_indent, parse_tree, starts_its_line
from shared.config_file import parse_json5
from shared.errors import UsageError

_REST_OF_LINE = re.compile(
    rf"""
    (?: [^\S{NEWLINES}] | , | /\* (?: (?!\*/) [^{NEWLINES}] )* \*/ )*
    (?: //[^{NEWLINES}]* )?
    (?= [{NEWLINES}] )
    """,
    re.VERBOSE,
)
"""What may stand behind a member that has its line to itself."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """Put `text` where `start` to `end` is now."""

    start: int
    end: int
    text: str = ""


def merge_patch(values: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Merge objects, delete what the patch says is null, replace everything else. Source: RFC 7396."""
    merged = dict(values)
    for key, change in patch.items():
        if change is None:
            merged.pop(key, None)
        elif isinstance(change, Mapping):
            inner = merged.get(key)
            merged[key] = merge_patch(inner if isinstance(inner, Mapping) else {}, change)
        else:
            merged[key] = change
    return merged


def rewrite(content: bytes, wanted: dict[str, Any], *, name: str) -> bytes:
    """Give the document with the wanted values. Raises `ConfigError` if it, or the result, is no JSON5 we accept."""
    values = parse_json5(content, name=name)
    text = content.decode()
    root = parse_tree(text)
    editor = _Editor(text, detect_style(text, root))
    result = _apply(text, editor.change(root, values, wanted, is_root=True)).encode()
    if not is_same(parse_json5(result, name=name), wanted):
        raise UsageError(f"{name}: this file cannot be changed without rewriting it: change it by hand")
    return result


def is_same(one: Any, other: Any) -> bool:
    """Whether two parsed values are equal to the type: 1, 1.0 and true differ, and so do 0.0 and -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return repr(one) == repr(other)


def _apply(text: str, edits: Iterable[Edit]) -> str:
    """Edits do not overlap; of two at one place, the one that was found first comes first."""
    pieces: list[str] = []
    cursor = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += (text[cursor : edit.start], edit.text)
        cursor = edit.end
    return "".join([*pieces, text[cursor:]])


class _Editor:
    """Finds the edits that give an object the wanted values."""

    def __init__(self, text: str, style: Style) -> None:
        self._text = text
        self._style = style

    def change(
        self, node: Node, values: dict[str, Any], wanted: dict[str, Any], *, is_root: bool = False
    ) -> Iterator[Edit]:
        kept: list[Member] = []
        gone: list[Edit] = []
        for member, key, value in node.with_values(values):
            if key not in wanted:
                gone += self._delete(member)
                continue
            kept.append(member)
            if isinstance(value, dict) and isinstance(wanted[key], dict):
                yield from self.change(member.value, value, wanted[key])
            elif not is_same(value, wanted[key]):
                new = self._style.value(wanted[key], line_indent(self._text, member.start))
                yield Edit(start=member.value.start, end=member.value.end, text=new)
        yield from gone
        added = {key: value for key, value in wanted.items() if key not in values}
        if added:
            if kept and kept[-1].comma is None:
                yield Edit(start=kept[-1].value.end, end=kept[-1].value.end, text=",")
            # Behind whatever is deleted: two edits must not overlap.
            at = max([node.tail, *(edit.end for edit in gone)])
            yield Edit(start=at, end=at, text=self._written(node, added, at, is_root=is_root))
        elif gone and kept:
            yield from self._drop_last_comma(node, kept[-1])

    def _delete(self, member: Member) -> Iterator[Edit]:
        end = member.value.end
        before = len(self._text[: member.start].rstrip(" \t"))
        rest = _REST_OF_LINE.match(self._text, end)
        if rest is not None and starts_its_line(self._text, member.start):
            end = rest.end()
            before -= 2 if self._text[:before].endswith("\r\n") else 1
        yield Edit(start=before, end=end)
        if member.comma is not None and member.comma >= end:
            yield Edit(start=member.comma, end=member.comma + 1)

    def _drop_last_comma(self, node: Node, last: Member) -> Iterator[Edit]:
        """Where the author ends an object without a comma, a deletion must not leave one."""
        if node.members[-1].comma is None and last.comma is not None:
            yield Edit(start=last.comma, end=last.comma + 1)

    def _written(self, node: Node, added: dict[str, Any], at: int, *, is_root: bool) -> str:
        in_lines = has_line_breaks(self._text, node)
        closing = self._text[at : node.end - 1]
        if not in_lines and not (is_root and not node.members):
            items = [self._style.key(key) + ": " + self._style.flat(value) for key, value in added.items()]
            comma = "," if node.members and node.members[-1].comma is not None else ""
            blank = "" if closing or node.members else " "
            return f" {', '.join(items)}{comma}{blank}"
        indent = self._indent(node)
        lead = self._style.newline + indent
        items = [self._style.member(key, value, indent) for key, value in added.items()]
        ends_with_comma = node.members[-1].comma is not None if node.members else not self._style.quotes_keys
        end = "," if ends_with_comma else ""
        if not any(newline in closing for newline in NEWLINES) and not node.members:
            end += self._style.newline + line_indent(self._text, node.start)
        return f"{lead}{f',{lead}'.join(items)}{end}"

    def _indent(self, node: Node) -> str:
        for member in node.members:
            if starts_its_line(self._text, member.start):
                return line_indent(self._text, member.start)
        return line_indent(self._text, node.start) + self._style.unit
