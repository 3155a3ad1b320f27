"""When to try again, and when to give up: pure decisions.

A schedule is a list of waits in seconds, one per failure of the turn. At the agent and format stages its end is the
end: the work becomes a dead letter. Outbound goes on with the last wait until a total age, which depends on what went
wrong.
Waiting for other reasons (`NotNow`) costs no attempt and never ends up here.
"""

import random
from enum import StrEnum

import msgspec

from shared.keys import Stage
from shared.twilio_codes import DAILY_CAPS


class Patience(StrEnum):
    """What went wrong, as far as it decides how long to go on."""

    ORDINARY = "ordinary"
    """Twilio cannot be reached or does not want it now, or the agent failed."""
    UNKNOWN = "unknown"
    """A request may have been carried out, and Twilio's log does not tell."""
    CAPPED = "capped"
    """A daily cap is reached: nothing helps until the day is over."""


class Schedule(msgspec.Struct, frozen=True):
    """Waits in seconds, one per failure; with `give_up_after_s` the last one repeats until the turn has been failing
    for that long, without it the list's end is the end."""

    waits_s: tuple[float, ...]
    give_up_after_s: float | None = None


WAITS_S: dict[Stage, tuple[float, ...]] = {
    Stage.AGENT: (2, 10, 30),
    Stage.FORMAT: (1, 5, 30),
    Stage.OUTBOUND: (1, 5, 15, 60, 300, 900, 1800, 3600),
}

OUTBOUND: dict[Patience, Schedule] = {
    Patience.ORDINARY: Schedule(WAITS_S[Stage.OUTBOUND], give_up_after_s=2 * 3600),
    Patience.UNKNOWN: Schedule((2, 5, 15, 60, 300), give_up_after_s=6 * 3600),
    Patience.CAPPED: Schedule((3600,), give_up_after_s=26 * 3600),
}
"""Two hours are longer than most outages of a network. A part in doubt is worth more patience: each look may settle it,
and a dead letter would hand the doubt to a person. A cap of a day is over within a day."""

LEAST_FAILURES = 3
"""Never given up before, however old: after a day without a running worker one bad minute must not be the end."""

SUSPECT_AFTER = 3
"""Claims (each ended by the death of a worker, or it would have been taken back) after which a turn runs apart."""

MAX_CLAIMS = {Stage.AGENT: 10, Stage.FORMAT: 10, Stage.OUTBOUND: 100}
"""Claims after which a turn counts as poison: a text that kills its worker each time must not do so forever. Outbound
runs no code of others, so there it is far more likely that something else kills the worker."""

JITTER = 0.2
"""Up to a fifth longer, so that a thousand texts that failed together do not come back together."""


def next_wait_s(
    stage: Stage,
    failures: int,
    rng: random.Random,
    *,
    asked_s: float | None = None,
    age_s: float = 0.0,
    patience: Patience = Patience.ORDINARY,
) -> float | None:
    """The wait after the turn has failed that often (1 = once), None if it is to be given up.

    `asked_s`: the least wait that the other side asked for (`Retry-After`). `age_s`: since its first failure.
    """
    schedule = OUTBOUND[patience] if stage is Stage.OUTBOUND else Schedule(WAITS_S[stage])
    if is_over(schedule, failures, age_s):
        return None
    wait = schedule.waits_s[min(failures, len(schedule.waits_s)) - 1] * (1 + JITTER * rng.random())
    return max(wait, asked_s or 0.0)


def is_over(schedule: Schedule, failures: int, age_s: float) -> bool:
    """Whether a turn has failed often enough, or for long enough."""
    if schedule.give_up_after_s is None:
        return failures > len(schedule.waits_s)
    return failures >= LEAST_FAILURES and age_s >= schedule.give_up_after_s


def patience_with(code: str) -> Patience:
    """How long to go on after a failure with this code of ours or of Twilio's (`twilio-30023`)."""
    if code == "outcome-unknown":
        return Patience.UNKNOWN
    return Patience.CAPPED if code in {f"twilio-{each}" for each in DAILY_CAPS} else Patience.ORDINARY
