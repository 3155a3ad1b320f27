"""Log lines of the children as people read them in `textgate up`: role, time, event, the rest as `key=value`.

The children log as they do in production, one JSON object a line. Pure functions; what is no JSON passes as it is.
"""

import json
from collections.abc import Iterator

from cli.terminal import Paint

ROLE_WIDTH = 8
"""The longest role, `outbound`; a longer one only shifts its own lines."""

_COLOURS = {
    "up": "white",
    "ingress": "green",
    "agent": "magenta",
    "format": "blue",
    "outbound": "cyan",
    "sandbox": "yellow",
}
_LEVELS = {"warning": "yellow", "error": "red", "critical": "red", "debug": "dim"}
_TRACEBACKS = ("exception", "traceback")
_QUIET = frozenset({"event", "level", "timestamp", "role", "logger", *_TRACEBACKS})


def prefixed(role: str, line: str, paint: Paint) -> Iterator[str]:
    """The lines to print for one line of a child's log."""
    prefix = paint(f"{role:<{ROLE_WIDTH}} |", _COLOURS.get(role, "white"))
    for text in readable(line, paint):
        yield f"{prefix} {text}"


def readable(line: str, paint: Paint) -> Iterator[str]:
    """One JSON event as a readable line, then its traceback if it has one; any other line as it is."""
    event = _event(line)
    if event is None:
        yield line
        return
    level = str(event.get("level", "info"))
    words = [paint(_time(event), "dim")]
    if level != "info":
        words.append(paint(level, _LEVELS.get(level, "white")))
    words.append(_what(event))
    words += [paint(f"{key}={_value(value)}", "dim") for key, value in event.items() if key not in _QUIET]
    yield " ".join(word for word in words if word)
    for key in _TRACEBACKS:
        yield from (paint(text, "dim") for text in str(event.get(key, "")).splitlines())


def _what(event: dict[str, object]) -> str:
    """The event; of an agent's own error, which is for its author, a sentence: where it was, and what."""
    if event["event"] != "agent_failed":
        return str(event["event"])
    where = f" at {event.pop('at')}" if "at" in event else ""
    return f"the agent failed{where}: {event.pop('error', '')}"


def _event(line: str) -> dict[str, object] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "event" in found else None


def _time(event: dict[str, object]) -> str:
    """`08:10:43` of `2026-11-21T08:10:43.123Z`."""
    return str(event.get("timestamp", "")).partition("T")[2][:8]


def _value(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value, ensure_ascii=False)
