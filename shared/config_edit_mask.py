"""A JSON5 text with its secrets hidden, fit to be shown as a diff. Pure; shows nothing whose meaning is unknown.

Hidden: a secret that stands in the file itself, whatever stands under an unknown key, the arguments and the id of a
command, and a secret in a commented-out line. A reference shows the variable or file that it names.
"""

import difflib
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.inspect import Type

from shared.config_edit_keys import is_secret, step, whole_document
from shared.config_edit_tree import Node, parse_comments, parse_tree
from shared.config_file import parse_json5
from shared.secrets import MASK

CHANGED = f"{MASK} (changed)"

_ARGUMENTS = re.compile(r"secrets\.providers\..+\.args")
_NAME_OF_A_PLACE = re.compile(r"[A-Z][A-Z0-9_]{0,127}|~?/.*")
_COMMENTED_OUT = re.compile(r"""(?i)((?:token|secret|key|url|password)\w*["']?\s*[:=]\s*)([^\s,][^,\n\r]*)""")


class _Hidden(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    start: int
    end: int
    value: Any


def show_diff(before: bytes, after: bytes, *, name: str) -> list[str]:
    """Give the lines of a unified diff of two documents, without their secrets."""
    old, new = (_find_hidden(content, name) for content in (before, after))
    was = {hidden.path: hidden.value for hidden in old}
    changed = {hidden.path for hidden in new if hidden.path in was and was[hidden.path] != hidden.value}
    lines = (
        _mask(before, old, set()).split("\n"),
        _mask(after, new, changed).split("\n"),
    )
    diff = difflib.unified_diff(*lines, fromfile=name, tofile=f"{name} (new)", lineterm="")
    return [line.rstrip("\r") for line in diff]


def _mask(content: bytes, hidden: list[_Hidden], changed: set[str]) -> str:
    text = content.decode()
    edits = [(each.start, each.end, f'"{CHANGED if each.path in changed else MASK}"') for each in hidden]
    edits += [
        (start, end, _COMMENTED_OUT.sub(rf"\g<1>{MASK}", text[start:end]))
        for start, end in parse_comments(text)
        if not any(each.start < start < each.end for each in hidden)
    ]
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text.removeprefix("\ufeff")


def _find_hidden(content: bytes, name: str) -> list[_Hidden]:
    root = parse_tree(content.decode())
    return list(_walk(root, parse_json5(content, name=name), whole_document(), ""))


def _walk(node: Node, values: dict[str, Any], kind: Type | None, path: str) -> Iterator[_Hidden]:
    for member, key, value in node.with_values(values):
        inner, place = step(kind, key), f"{path}.{key}" if path else key
        if member.value.is_object and not (is_secret(kind) and key == "id"):
            yield from _walk(member.value, value, inner, place)
        elif _must_hide(kind, inner, place, key, values):
            yield _Hidden(path=place, start=member.value.start, end=member.value.end, value=value)


def _must_hide(kind: Type | None, inner: Type | None, path: str, key: str, siblings: dict[str, Any]) -> bool:
    value = siblings[key]
    if value is None or isinstance(value, bool) or value == []:
        return False
    if is_secret(kind) and key == "id":
        return siblings.get("source") == "exec" or not (isinstance(value, str) and _NAME_OF_A_PLACE.fullmatch(value))
    return inner is None or is_secret(inner) or _ARGUMENTS.fullmatch(path) is not None
