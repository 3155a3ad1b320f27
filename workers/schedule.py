"""When to try again, and when to give up: pure decisions.

A schedule is a list of waits in seconds, one per attempt; past its end the work becomes a dead letter. Waiting for
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

MAX_CLAIMS = {Stage.AGENT: 10, Stage.FORMAT: 10, Stage.OUTBOUND: 30}
"""Claims after which work counts as poison: a text that kills its worker each time must not do so forever."""

JITTER = 0.2
"""Up to a fifth longer, so that a thousand texts that failed together do not come back together."""


def next_wait_s(stage: Stage, attempt: int, rng: random.Random, *, asked_s: float | None = None) -> float | None:
    """The wait before the attempt after `attempt` (1 = the first), None if there is none left.

    `asked_s`: the least wait that the other side asked for (`Retry-After`).
    """
    waits = WAITS_S[stage]
    if attempt > len(waits):
        return None
    wait = waits[attempt - 1] * (1 + JITTER * rng.random())
    return max(wait, asked_s or 0.0)
