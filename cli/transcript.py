"""A conversation as people see it: the phone on the left, the agent on the right, what it cost and how it ended.

Pure: entries in, lines out. 80 columns, and as clear without colour as with it.
"""

import re
import textwrap
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from cli.terminal import Paint

COLUMNS = 80
_ITEM = re.compile(r"\s*(- \[.\]|-|\d+\.|\[.\]) ")
TEXT_COLUMNS = 54
"""Width of a text; the rest of the line says whose it is."""


class Side(StrEnum):
    """Who wrote an entry."""

    PHONE = "phone"
    AGENT = "agent"
    OWNER = "owner"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One text, or one thing that the owner did."""

    side: Side
    kind: str
    """`text`, `pairing`, `notice`, `answer` or `command`; stable, for programs."""
    body: str
    segments: int = 0
    latency_ms: int | None = None
    """From the person's text to the moment this one reached (the stand-in for) Twilio."""
    status: str = ""
    sid: str = ""
    part: int = 1
    parts: int = 1

    def as_json(self) -> dict[str, object]:
        """The entry for programs; the names are those that `textgate demo --help` promises."""
        return {
            "side": self.side.value,
            "kind": self.kind,
            "body": self.body,
            "segments": self.segments,
            "latencyMs": self.latency_ms,
            "status": self.status,
            "sid": self.sid,
            "part": self.part,
            "parts": self.parts,
        }


def render(entry: Entry, paint: Paint) -> Iterator[str]:
    """The lines of one entry, with an empty one after it."""
    match entry.side:
        case Side.OWNER:
            yield paint(f"$ {entry.body}".center(COLUMNS).rstrip(), "yellow")
        case Side.PHONE:
            yield from (f"  {paint('|', 'cyan')} {line}" for line in _wrap(entry.body))
            yield paint(f"  {_facts(entry)}", "dim")
        case Side.AGENT:
            indent = " " * (COLUMNS - TEXT_COLUMNS - 2)
            yield from (f"{indent}{line:<{TEXT_COLUMNS}} {paint('|', 'green')}" for line in _wrap(entry.body))
            yield _right(entry, paint)
    yield ""


def tick(status: str) -> str:
    """`✓✓` delivered, `✓` sent, `✗` failed, `…` on its way."""
    match status:
        case "delivered" | "read" | "received":
            return "✓✓"
        case "sent":
            return "✓"
        case "failed" | "undelivered" | "canceled":
            return "✗"
    return "…"


def _right(entry: Entry, paint: Paint) -> str:
    facts, mark = _facts(entry), tick(entry.status)
    blank = " " * max(0, COLUMNS - len(facts) - len(mark) - 1)
    colour = "red" if mark == "✗" else "green"
    return f"{blank}{paint(facts, 'dim')} {paint(mark, 'bold', colour)}"


def _facts(entry: Entry) -> str:
    words = []
    if entry.parts > 1:
        words.append(f"part {entry.part} of {entry.parts}")
    words.append(f"{entry.segments} segment{'s' if entry.segments != 1 else ''}")
    if entry.latency_ms is not None:
        words.append(f"after {entry.latency_ms} ms")
    if entry.status:
        words.append(entry.status)
    return ", ".join(words)


def _wrap(body: str) -> Iterator[str]:
    """Lines that fit; what continues a list item hangs below its text, and a URL stays in one piece."""
    for line in body.rstrip().splitlines() or [""]:
        mark = _ITEM.match(line)
        wrapped = textwrap.wrap(
            line,
            TEXT_COLUMNS,
            subsequent_indent=" " * len(mark[0]) if mark else "",
            break_long_words=len(max(line.split(), key=len, default="")) > TEXT_COLUMNS,
            break_on_hyphens=False,
        )
        yield from wrapped or [""]
