"""How long a part took from stage to stage, as far as it has come. Pure.

The times are of several clocks (the ingress, a worker, Redis), so a step may seem to come a moment before the last one.
"""

from itertools import pairwise
from typing import Any

import msgspec

from cli.channels_words import duration, iso
from shared.outbox import RANK
from shared.trace import PartTrace


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, and when."""

    name: str
    at_ms: int


def steps_of(part: PartTrace) -> list[Step]:
    """What is known to have happened, in the order of the pipeline: `received` (the text that it answers), `written`
    (its reply), `posted` (announced in the journal; the last attempt), `accepted` (by Twilio), then Twilio's states."""
    state = part.state
    known: list[tuple[str, int | None]] = [("received", part.received_ms), ("written", part.created_ms)]
    if state is not None:
        known += [("posted", state.journaled_ms), ("accepted", state.accepted_ms)]
        told = sorted(state.reached.items(), key=lambda reached: (RANK[reached[0]], reached[1]))
        known += [(status.value, ms) for status, ms in told if status.value != "accepted"]
    return [Step(name=name, at_ms=ms) for name, ms in known if ms is not None]


def steps_as_json(steps: list[Step]) -> list[dict[str, Any]]:
    """The documented shape; `afterMs` counts from the step before."""
    before = [None, *(step.at_ms for step in steps)]
    return [
        {"step": step.name, "at": iso(step.at_ms), "afterMs": None if last is None else step.at_ms - last}
        for step, last in zip(steps, before, strict=False)
    ]


def steps_line(steps: list[Step]) -> str:
    """`received 2026-01-31T12:00:00Z, written +410 ms, posted +6 ms`; empty if nothing is known."""
    said = [f"{steps[0].name} {iso(steps[0].at_ms)}"] if steps else []
    said += [f"{step.name} +{_short(step.at_ms - last.at_ms)}" for last, step in pairwise(steps)]
    return ", ".join(said)


def _short(ms: int) -> str:
    if abs(ms) < 1000:
        return f"{ms} ms"
    return f"{ms / 1000:.1f} s" if ms < 60_000 else duration(ms)
