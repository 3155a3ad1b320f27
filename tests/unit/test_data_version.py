"""What a mark says, and which programs it keeps away."""

import pytest

from shared.data_version import DATA_VERSION, FIRST, STEPS, Mark, decide_refusal, parse_mark
from shared.version import version


@pytest.mark.parametrize(
    ("raw", "number", "writer"),
    [
        (b"1 0.1.0", 1, "0.1.0"),
        (b"12 3.0.0 and what a later version adds", 12, "3.0.0"),
        (b"2", 2, ""),
        (b"", 0, ""),
        (b"x 0.1.0", 0, "0.1.0"),
        (b"-1 0.1.0", 0, "0.1.0"),
        ("² 0.1.0".encode(), 0, "0.1.0"),
        (b"9999999999999 0.1.0", 0, "0.1.0"),
    ],
)
def test_a_mark_is_read_or_counts_as_unreadable(raw: bytes, number: int, writer: str) -> None:
    assert parse_mark(raw) == Mark(version=number, written_by=writer)


def test_no_mark_is_no_mark() -> None:
    assert parse_mark(None) is None


def mark(number: int) -> Mark:
    return Mark(version=number, written_by="9.9.9")


@pytest.mark.parametrize(
    ("stored", "knows", "process_may", "command_may"),
    [
        (None, 1, True, True),
        (mark(1), 1, True, True),
        (mark(2), 1, False, False),
        (mark(0), 1, False, False),
        (None, 2, True, False),  # data of before there was a mark is to be upgraded
        (mark(1), 2, True, False),
        (mark(2), 2, True, True),
        (mark(3), 2, False, False),
        (mark(0), 2, False, False),
    ],
)
def test_who_may_work_on_which_data(stored: Mark | None, knows: int, process_may: bool, command_may: bool) -> None:
    assert (decide_refusal(stored, prefix="tg:", knows=knows) is None) is process_may
    assert (decide_refusal(stored, prefix="tg:", knows=knows, upgrades=False) is None) is command_may


def test_a_refusal_says_who_wrote_the_data_and_what_to_do() -> None:
    refusal = decide_refusal(mark(2), prefix="tg:", knows=1)
    assert refusal is not None
    assert refusal.path == "redis.prefix"
    assert 'below "tg:" lies data of version 2, written by Textgate 9.9.9' in refusal.found
    assert f"this is Textgate {version()}, which knows version 1" in refusal.found
    assert refusal.expected == "update this process, or set another redis.prefix"


def test_every_version_but_the_first_has_its_step() -> None:
    assert FIRST + len(STEPS) == DATA_VERSION
