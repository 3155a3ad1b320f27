"""What one text alone costs Redis, from its own counters: the same count for the bench and for the guard in the tests.

Round trips are those that clients make: a pipeline of any length that arrives whole is one. Waiting at a doorbell
(BLPOP) and the observer's own commands are left out.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

ASIDE = frozenset({"blpop", "info", "zcard", "config|resetstat"})
"""Workers that wait for their doorbell, and the observer's own look."""


class Cost(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Of one text, compared by commands first."""

    commands: int
    """Those inside the scripts count, too."""
    round_trips: int
    scripts: int


def cost_of(stats: Mapping[str, Any]) -> Cost:
    """From `INFO all` right after the text, if `CONFIG RESETSTAT` came right before it."""
    table = {name.removeprefix("cmdstat_"): each for name, each in stats.items() if name.startswith("cmdstat_")}
    calls: dict[str, int] = {name: each["calls"] for name, each in table.items()}
    aside = sum(number for name, number in calls.items() if name in ASIDE)
    return Cost(
        commands=sum(calls.values()) - aside,
        # This very look has been read but not counted, and the reset was counted but read before it: they make up.
        round_trips=int(stats["total_reads_processed"]) - aside,
        scripts=calls["evalsha"],
    )
