"""A time to send at is a moment with an offset, still to come, and not too far."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from shared.send_at import LONGEST_WAIT, check_send_at, parse_send_at

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


@given(st.timedeltas(min_value=timedelta(0), max_value=LONGEST_WAIT), st.integers(-12, 14))
def test_a_moment_is_the_same_in_every_offset(ahead: timedelta, hours: int) -> None:
    ahead -= timedelta(microseconds=ahead.microseconds % 1000)
    moment = (NOW + ahead).astimezone(tz=datetime.fromisoformat(f"2026-01-01T00:00:00{hours:+03d}:00").tzinfo)
    due_ms = NOW_MS + ahead // timedelta(milliseconds=1)
    assert parse_send_at(moment.isoformat(), now_ms=NOW_MS) == due_ms
    assert check_send_at(moment, now_ms=NOW_MS) == due_ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-24T18:00:00", "with its offset"),
        ("2026-12-24", "with its offset"),
        ("tomorrow", "expected a time such as"),
        ("", "expected a time such as"),
        ("18:00", "expected a time such as"),
        ("2026-11-21T11:59:59Z", "still to come"),
        ("2026-11-21T12:59:59+01:00", "still to come"),
        ("2026-12-26T12:00:01Z", "within 35 days"),
        ("2099-01-01T00:00:00Z", "within 35 days"),
    ],
)
def test_what_cannot_be_is_refused_in_words(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_send_at(text, now_ms=NOW_MS)
