"""What somebody who waits for a text is told, as a table: what Redis knows -> how it ended, or not yet."""

from typing import Any

import pytest

from cli.message_fate import EXIT_STATUS, Fate, decide_fate, has_failed, stages_of
from ingress.api.stored import StoredMessage
from shared.outbox import PartState, Status
from shared.records import DeadLetter


def stored(*states: PartState, **facts: Any) -> StoredMessage:
    given: dict[str, Any] = {
        "message_id": "m",
        "conversation": "c",
        "account_id": "default",
        "created_ms": None,
        "states": states,
        "waiting": (),
        "lanes_busy": False,
        "letters": (),
        "paused": False,
    } | facts
    return StoredMessage(**given)


def at_twilio(status: Status, index: int = 0, **facts: Any) -> PartState:
    return PartState(part_id=f"m.{index}", state="accepted", sid="SM1", status=status, **facts)


LETTER = DeadLetter(
    letter_id="format-c-1",
    stage="format",
    account_id="default",
    conversation="c",
    turn="1",
    code="bug",
    message="",
    hint="",
    attempts=1,
    buried_ms=1,
    records=(),
)
ANNOUNCED = PartState(part_id="m.0", state="dispatching")
BURIED = PartState(part_id="m.0", state="dead")

CASES: list[tuple[StoredMessage, Fate | None]] = [
    (stored(), Fate.EMPTY),
    (stored(lanes_busy=True), None),
    (stored(lanes_busy=True, paused=True), Fate.PAUSED),
    (stored(waiting=("m.0",), lanes_busy=True), None),
    (stored(waiting=("m.0",), lanes_busy=True, paused=True), Fate.PAUSED),
    (stored(ANNOUNCED, waiting=("m.0",), lanes_busy=True), None),
    *((stored(at_twilio(status)), None) for status in (Status.ACCEPTED, Status.QUEUED, Status.SENT)),
    (stored(at_twilio(Status.PARTIALLY_DELIVERED)), None),
    (stored(at_twilio(Status.DELIVERED)), Fate.DELIVERED),
    (stored(at_twilio(Status.READ), paused=True), Fate.DELIVERED),
    (stored(at_twilio(Status.DELIVERED), waiting=("m.0",), lanes_busy=True), Fate.DELIVERED),
    *((stored(at_twilio(status)), Fate.FAILED) for status in (Status.FAILED, Status.UNDELIVERED, Status.CANCELED)),
    (stored(at_twilio(Status.DELIVERED), at_twilio(Status.SENT, 1)), None),
    (stored(at_twilio(Status.UNDELIVERED), at_twilio(Status.SENT, 1)), None),
    (stored(at_twilio(Status.UNDELIVERED), at_twilio(Status.DELIVERED, 1)), Fate.FAILED),
    (stored(at_twilio(Status.DELIVERED), waiting=("m.1",), lanes_busy=True), None),
    (stored(at_twilio(Status.DELIVERED), waiting=("m.1",), lanes_busy=True, paused=True), Fate.PAUSED),
    (stored(letters=(LETTER,)), Fate.FAILED),
    (stored(at_twilio(Status.DELIVERED), letters=(LETTER,)), Fate.FAILED),
    (stored(BURIED), Fate.FAILED),
]


@pytest.mark.parametrize(("known", "fate"), CASES)
def test_only_twilios_word_ends_the_wait(known: StoredMessage, fate: Fate | None) -> None:
    assert decide_fate(known) is fate


def test_a_failure_is_known_before_the_rest_is_decided() -> None:
    assert has_failed(stored(at_twilio(Status.UNDELIVERED), at_twilio(Status.SENT, 1)))
    assert not has_failed(stored(at_twilio(Status.DELIVERED), at_twilio(Status.SENT, 1)))


def test_only_delivered_counts_as_success() -> None:
    assert {fate for fate, status in EXIT_STATUS.items() if status == 0} == {Fate.DELIVERED}
    assert set(EXIT_STATUS) == set(Fate)


def test_each_part_is_told_in_order_with_its_ticks() -> None:
    known = stored(
        at_twilio(Status.DELIVERED),
        at_twilio(Status.UNDELIVERED, 1, error_code=30003),
        at_twilio(Status.SENT, 2),
        PartState(part_id="m.3", state="dispatching"),
        waiting=("m.3", "m.10"),
    )
    assert list(stages_of(known)) == [
        ("m.0", "delivered ✓✓"),
        ("m.1", "undelivered (30003) ✗"),
        ("m.2", "sent ✓"),
        ("m.3", "on its way to Twilio"),
        ("m.10", "waits for its turn"),
    ]
    assert list(stages_of(stored(lanes_busy=True))) == [("", "waits to be cut into parts")]
