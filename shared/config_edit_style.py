"""How new JSON5 is written into a file, so that it looks like what is there: quotes, indentation, line ends. Pure."""

import json
import re
from typing import Any

import msgspec

from shared.config_edit_tree import Node, line_indent, starts_its_line

_MAX_FLAT = 80
"""A longer object or list is written over several lines."""

_BARE_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_LINE_SEPARATORS = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029"})


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """What the file's author does."""

    newline: str = "\n"
    unit: str = "  "
    """One step of indentation."""
    quotes_keys: bool = False
    """True: plain JSON, so no bare keys and no trailing commas are brought in."""

    def member(self, key: str, value: Any, indent: str) -> str:
        """Write `key: value`; `indent` is that of the line it will stand in."""
        return f"{self.key(key)}: {self.value(value, indent)}"

    def key(self, key: str) -> str:
        """Write a key, quoted if it must be or if this file does so."""
        return key if _BARE_KEY.fullmatch(key) and not self.quotes_keys else _scalar(key)

    def value(self, value: Any, indent: str) -> str:
        """Write a value; objects in objects, and whatever is long, over several lines."""
        if not isinstance(value, (dict, list)) or _is_small(value):
            flat = self.flat(value)
            if not isinstance(value, (dict, list)) or len(flat) <= _MAX_FLAT:
                return flat
        inner = indent + self.unit
        items = (
            [self.member(key, each, inner) for key, each in value.items()]
            if isinstance(value, dict)
            else [self.value(each, inner) for each in value]
        )
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        lines = f",{self.newline}{inner}".join(items)
        comma = "" if self.quotes_keys else ","
        return f"{opening}{self.newline}{inner}{lines}{comma}{self.newline}{indent}{closing}"

    def flat(self, value: Any) -> str:
        """Write a value in one line."""
        if isinstance(value, dict):
            inside = ", ".join(f"{self.key(key)}: {self.flat(each)}" for key, each in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        if isinstance(value, list):
            return f"[{', '.join(self.flat(each) for each in value)}]"
        return _scalar(value)


def detect_style(text: str, root: Node) -> Style:
    """Look at the line ends, at the first key and at the first indented line."""
    first = root.members[0] if root.members else None
    indent = line_indent(text, first.start) if first and starts_its_line(text, first.start) else ""
    return Style(
        newline="\r\n" if "\r\n" in text else "\n",
        unit=indent or Style().unit,
        quotes_keys=first is not None and text[first.start] in "\"'",
    )


def _is_small(value: dict[str, Any] | list[Any]) -> bool:
    """Whether it nests nothing but lists of plain values."""
    inner = value.values() if isinstance(value, dict) else value
    return not any(isinstance(each, dict) and each for each in inner)


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).translate(_LINE_SEPARATORS)
