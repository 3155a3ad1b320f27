"""Retries are a visible list of seconds, and each kind of trouble has an age at which it is given up."""

import random

import pytest

from shared.keys import Stage
from shared.twilio_codes import CODES, DAILY_CAPS, ErrorClass
from workers.schedule import JITTER, LEAST_FAILURES, OUTBOUND, WAITS_S, Patience, next_wait_s, patience_with

RNG = random.Random(7)
HOUR = 3600


@pytest.mark.parametrize("stage", list(Stage))
def test_waits_grow_and_carry_bounded_jitter(stage: Stage) -> None:
    waits = WAITS_S[stage]
    assert list(waits) == sorted(waits)
    for attempt, wait in enumerate(waits, start=1):
        given = next_wait_s(stage, attempt, RNG)
        assert given is not None
        assert wait <= given <= wait * (1 + JITTER)


@pytest.mark.parametrize("stage", [Stage.AGENT, Stage.FORMAT])
def test_an_agent_and_a_formatter_fail_as_often_as_the_list_says(stage: Stage) -> None:
    assert next_wait_s(stage, len(WAITS_S[stage]) + 1, RNG) is None
    assert next_wait_s(stage, 1, RNG, age_s=1000 * HOUR) is not None


@pytest.mark.parametrize("patience", list(Patience))
def test_a_part_is_given_up_at_a_total_age_however_often_it_has_failed(patience: Patience) -> None:
    schedule = OUTBOUND[patience]
    assert schedule.give_up_after_s is not None

    def wait(failures: int, age_s: float) -> float | None:
        return next_wait_s(Stage.OUTBOUND, failures, RNG, age_s=age_s, patience=patience)

    late = wait(1000, schedule.give_up_after_s - 1)
    assert late is not None
    assert late >= schedule.waits_s[-1], "the last wait repeats"
    assert wait(LEAST_FAILURES, schedule.give_up_after_s) is None
    assert wait(LEAST_FAILURES - 1, schedule.give_up_after_s * 100) is not None, "one bad minute is not the end"


def test_the_other_sides_wish_is_the_least_wait() -> None:
    assert next_wait_s(Stage.OUTBOUND, 1, RNG, asked_s=77.0) == 77.0
    shorter = next_wait_s(Stage.OUTBOUND, 5, RNG, asked_s=1.0)
    assert shorter is not None
    assert shorter >= 300


def test_a_daily_cap_is_waited_for_longer_than_a_day() -> None:
    assert (OUTBOUND[Patience.CAPPED].give_up_after_s or 0) > 24 * HOUR
    assert {patience_with(f"twilio-{code}") for code in DAILY_CAPS} == {Patience.CAPPED}
    assert all(CODES[code].error_class is ErrorClass.TRANSIENT for code in DAILY_CAPS)


@pytest.mark.parametrize(
    ("code", "patience"),
    [
        ("outcome-unknown", Patience.UNKNOWN),
        ("unreachable", Patience.ORDINARY),
        ("twilio-20429", Patience.ORDINARY),
        ("agent-failed", Patience.ORDINARY),
    ],
)
def test_what_went_wrong_decides_how_long_to_go_on(code: str, patience: Patience) -> None:
    assert patience_with(code) is patience
