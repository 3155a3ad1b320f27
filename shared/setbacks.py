"""Why a lane's turn did not get through yet: the last reason of any kind, and the latest failures that were counted.

They lie beside the failure count in the conversation's hash while the turn lasts (`<stage>:last`, `<stage>:story`), and
with the dead letter when it is given up. One JSON object per line: a script can append to that without reading it.
"""

import time

import msgspec

from shared.keys import LaneKeys, Stage
from shared.phone import mask_numbers
from shared.scripts import Call, script

MOST_KEPT = 20
"""Failures that are kept of one turn: more than any schedule has waits."""
MOST_CHARACTERS = 300
"""Of a reason: an agent may raise a whole page."""


class Setback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One attempt that did not get through."""

    at_ms: int
    """By the worker's clock."""
    reason: str
    """Numbers masked, cut after `MOST_CHARACTERS`."""
    code: str = ""
    """Of a failure, as in a dead letter; empty: the turn was put off, and no attempt counted."""
    hint: str = ""


encode_setback = msgspec.json.Encoder().encode
_decode_lines = msgspec.json.Decoder(Setback).decode_lines


def setback_of(reason: str, *, code: str = "", hint: str = "") -> Setback:
    """What has just happened."""
    short = mask_numbers(reason)[:MOST_CHARACTERS]
    return Setback(at_ms=time.time_ns() // 1_000_000, reason=short, code=code, hint=mask_numbers(hint))


def note_put_off(*, lane: LaneKeys, stage: Stage, turn: str, setback: Setback) -> Call:
    """Keep why a turn waits; the reply is 1, or 0 if it is no longer current."""
    return Call(script("note_put_off"), (lane.state,), (stage.value, turn, encode_setback(setback)))


def setbacks_in(stored: bytes | None) -> tuple[Setback, ...]:
    """The setbacks in a stored field, the oldest first; what cannot be read counts as none."""
    try:
        return tuple(_decode_lines(stored or b""))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
