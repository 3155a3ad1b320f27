"""When to try again, and when to give up: pure decisions.

A schedule is a list of waits in seconds, one per failure; past its end the work becomes a dead letter. Waiting for
other reasons (`NotNow`) costs no attempt and never ends up here.
"""

import random

from shared.keys import Stage

WAITS_S: dict[Stage, tuple[float, ...]] = {
    Stage.AGENT: (2, 10, 30),
    Stage.FORMAT: (1, 5, 30),
    Stage.OUTBOUND: (1, 5, 15, 60, 300, 900, 1800, 3600),
}
"""Outbound lasts about two hours: longer than most outages of Twilio or of a network."""

SUSPECT_AFTER = 3
"""Claims (each ended by the death of a worker, or it would have been taken back) after which a turn runs apart."""

MAX_CLAIMS = {Stage.AGENT: 10, Stage.FORMAT: 10, Stage.OUTBOUND: 100}
"""Claims after which a turn counts as poison: a text that kills its worker each time must not do so forever. Outbound
runs no code of others, so there it is far more likely that something else kills the worker."""

JITTER = 0.2
"""Up to a fifth longer, so that a thousand texts that failed together do not come back together."""


def next_wait_s(stage: Stage, failures: int, rng: random.Random, *, asked_s: float | None = None) -> float | None:
    """The wait after the turn has failed that often (1 = once), None if it is to be given up.

    `asked_s`: the least wait that the other side asked for (`Retry-After`).
    """
    waits = WAITS_S[stage]
    if failures > len(waits):
        return None
    wait = waits[failures - 1] * (1 + JITTER * rng.random())
    return max(wait, asked_s or 0.0)
