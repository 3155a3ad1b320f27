"""Scripted faults strike the requests that they name, in order, and then no more."""

import re
from pathlib import Path

import msgspec
import pytest

from sandbox.faults import Answer, Fault, FaultQueue, Operation, Subject, matches, server_error, too_many_requests


def create(to: str = "+1", from_: str = "+2", body: str = "hello") -> Subject:
    return Subject(operation=Operation.CREATE, to=to, from_=from_, body=body)


def test_a_fault_strikes_as_often_as_it_says() -> None:
    queue, fault = FaultQueue(), Fault(times=2)
    queue.add(fault)
    assert [queue.take(create()) for _ in range(3)] == [fault, fault, None]
    assert queue.waiting() == []


def test_faults_strike_in_the_order_in_which_they_were_scripted() -> None:
    queue, first, second = FaultQueue(), too_many_requests(), server_error(accepted=True)
    queue.add(first)
    queue.add(second)
    assert [queue.take(create()) for _ in range(3)] == [first, second, None]


def test_skipped_requests_pass_first() -> None:
    queue, fault = FaultQueue(), Fault(skip=1)
    queue.add(fault)
    assert [queue.take(create()) for _ in range(3)] == [None, fault, None]


def test_a_fault_waits_for_its_own_request_and_lets_others_pass() -> None:
    queue, fault = FaultQueue(), Fault(to="+9")
    queue.add(fault)
    assert queue.take(create()) is None
    assert queue.waiting() == [(fault, 1)]
    assert queue.take(create(to="+9")) is fault


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        (Fault(), True),
        (Fault(to="+1", from_="+2", body_contains="ell"), True),
        (Fault(to="+3"), False),
        (Fault(from_="+3"), False),
        (Fault(body_contains="bye"), False),
        (Fault(operation=Operation.LIST), False),
    ],
)
def test_every_condition_must_hold(fault: Fault, hit: bool) -> None:
    assert matches(fault, create()) is hit


@pytest.mark.parametrize(
    ("status", "code", "said", "message"),
    [
        (500, 20500, "", "An internal server error has occurred"),
        (429, 20429, "", "Too Many Requests"),
        (400, 21211, "", "Invalid 'To' Phone Number"),
        (400, 21606, "", "The 'From' phone number is not a number of your account"),
        (400, 39999, "", "Bad Request"),
        (499, 39999, "", "Refused"),
        (400, 21211, "In my words", "In my words"),
    ],
)
def test_a_scripted_refusal_says_what_its_code_means_unless_it_has_words_of_its_own(
    status: int, code: int, said: str, message: str
) -> None:
    fault = Fault(answer=Answer.ERROR, accepted=False, status=status, code=code, message=said)
    assert fault.error().message == message


def test_a_fault_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="needs answer 'drop' or 'error'"):
        Fault(accepted=False)
    with pytest.raises(ValueError, match="needs accepted=false"):
        Fault(answer=Answer.ERROR, status=429)


def test_clearing_leaves_nothing() -> None:
    queue = FaultQueue()
    queue.add(Fault())
    queue.clear()
    assert queue.take(create()) is None


DOC = (Path(__file__).parents[3] / "docs/cli.md").read_text()


def test_each_fault_in_the_documentation_is_one() -> None:
    shown = re.findall(r"/sandbox/faults -d '([^']*)'", DOC)
    assert [msgspec.json.decode(each, type=Fault).answer for each in shown] == [
        Answer.ERROR,
        Answer.DROP,
        Answer.ERROR,
        Answer.USUAL,
    ]
