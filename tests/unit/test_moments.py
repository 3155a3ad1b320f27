"""A stored time is the same moment wherever the process runs, to the millisecond."""

from datetime import UTC, datetime

from shared.moments import maybe_moment, moment


def test_a_stored_time_is_a_moment_in_utc() -> None:
    assert moment(1_700_000_000_250) == datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)
    assert moment(0).tzinfo is UTC


def test_no_time_is_no_moment() -> None:
    assert maybe_moment(None) is None
    assert maybe_moment(0) == moment(0)
