"""Retries are a visible list of seconds."""

import random

import pytest

from shared.keys import Stage
from workers.schedule import JITTER, WAITS_S, next_wait_s

RNG = random.Random(7)


@pytest.mark.parametrize("stage", list(Stage))
def test_waits_grow_carry_bounded_jitter_and_end(stage: Stage) -> None:
    waits = WAITS_S[stage]
    assert list(waits) == sorted(waits)
    for attempt, wait in enumerate(waits, start=1):
        given = next_wait_s(stage, attempt, RNG)
        assert given is not None
        assert wait <= given <= wait * (1 + JITTER)
    assert next_wait_s(stage, len(waits) + 1, RNG) is None


def test_the_other_sides_wish_is_the_least_wait() -> None:
    assert next_wait_s(Stage.OUTBOUND, 1, RNG, asked_s=77.0) == 77.0
    shorter = next_wait_s(Stage.OUTBOUND, 5, RNG, asked_s=1.0)
    assert shorter is not None
    assert shorter >= 300
