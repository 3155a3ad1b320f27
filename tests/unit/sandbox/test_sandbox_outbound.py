"""A message's way to its end, and where its callbacks stand on it."""

import pytest

from sandbox.faults import Callbacks
from sandbox.message import Status
from sandbox.outbound import plan_delivery
from sandbox.state import Phone

DELIVERED = Phone()


def plan(end: Phone, callbacks: Callbacks) -> str:
    """Lower case enters a state, upper case tells it: `q Q s S d D`."""
    return " ".join(
        step.status.value[0].upper() if step.tell else step.status.value[0] for step in plan_delivery(end, callbacks)
    )


@pytest.mark.parametrize(
    ("callbacks", "expected"),
    [
        (Callbacks.USUAL, "q Q s S d D"),
        (Callbacks.BEFORE_ANSWER, "q Q s S d D"),
        (Callbacks.TWICE, "q Q Q s S S d D D"),
        (Callbacks.REVERSED, "q s d D S Q"),
        (Callbacks.NONE, "q s d"),
    ],
)
def test_callbacks_stand_where_the_fault_puts_them(callbacks: Callbacks, expected: str) -> None:
    assert plan(DELIVERED, callbacks) == expected


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (Status.DELIVERED, "q Q s S d D"),
        (Status.UNDELIVERED, "q Q s S u U"),
        (Status.SENT, "q Q s S"),
        (Status.QUEUED, "q Q"),
        (Status.FAILED, "q Q f F"),
    ],
)
def test_a_message_can_end_early_or_badly(end: Status, expected: str) -> None:
    assert plan(Phone(final_status=end), Callbacks.USUAL) == expected


def test_only_the_last_state_carries_the_error() -> None:
    steps = plan_delivery(Phone(final_status=Status.UNDELIVERED, error_code=30003), Callbacks.USUAL)
    assert [step.error_code for step in steps] == [None, None, None, None, 30003, 30003]
