"""Which texts of the log are still to be admitted."""

import pytest

from shared.phone import Address
from shared.settings import Account
from workers.catching_up.decide import decide_missing
from workers.catching_up.log import Arrival

ACCOUNT = Account(id="a", account_sid="AC")
ANN, BOB = Address("+12025550111"), Address("+12025550122")


def log_of(*said: tuple[Address, str, bool]) -> tuple[list[Arrival], set[str]]:
    """The log, oldest first, and the SIDs of those that did not arrive."""
    arrivals = [
        Arrival(sid=f"SM{index}", sender=who, recipient=BOB, body=body, created_s=index, media_count=0)
        for index, (who, body, _) in enumerate(said)
    ]
    return arrivals, {arrival.sid for arrival, (_, _, arrived) in zip(arrivals, said, strict=True) if not arrived}


def test_what_never_arrived_is_admitted_in_the_order_of_the_log() -> None:
    arrivals, missing = log_of((ANN, "1", False), (BOB, "2", True), (ANN, "3", False), (BOB, "STOP", False))
    assert [text.body for text in decide_missing(arrivals, missing, ACCOUNT)] == ["1", "3", "STOP"]


@pytest.mark.parametrize(
    ("missed", "later", "admitted"),
    [
        ("START", "STOP", []),
        ("STOP", "START", []),
        ("yes", "stopall", []),
        ("STOP", "STOP", ["STOP"]),
        ("START", "thanks", ["START"]),
        ("hello", "STOP", ["hello"]),
    ],
)
def test_a_keyword_that_its_sender_took_back_since_changes_nothing(
    missed: str, later: str, admitted: list[str]
) -> None:
    arrivals, missing = log_of((ANN, missed, False), (ANN, later, True))
    assert [text.body for text in decide_missing(arrivals, missing, ACCOUNT)] == admitted


def test_another_persons_keyword_takes_nothing_back() -> None:
    arrivals, missing = log_of((ANN, "START", False), (BOB, "STOP", True))
    assert [text.body for text in decide_missing(arrivals, missing, ACCOUNT)] == ["START"]
