"""When a message is to be sent: a moment with its offset, from now to 35 days ahead. Pure functions.

The limit is that of Twilio's own scheduling, so that whoever comes from there finds the same.
"""

from datetime import datetime, timedelta

LONGEST_WAIT = timedelta(days=35)
PAST = "expected a time that is still to come"


def check_send_at(moment: datetime, *, now_ms: int) -> int:
    """The moment in Unix ms. Raises ValueError if it has no offset or is too far ahead.

    The past is the caller's matter.
    """
    if moment.tzinfo is None:
        raise ValueError("expected a time with its offset, such as 2026-12-24T18:00:00+01:00")
    due_ms = round(moment.timestamp() * 1000)
    if due_ms > now_ms + LONGEST_WAIT.total_seconds() * 1000:
        raise ValueError(f"expected a time within {LONGEST_WAIT.days} days")
    return due_ms


def parse_send_at(text: str, *, now_ms: int) -> int:
    """The moment that a person wrote, in Unix ms. Raises ValueError as above, for what is no time, and for the past."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("expected a time such as 2026-12-24T18:00:00+01:00") from None
    due_ms = check_send_at(moment, now_ms=now_ms)
    if due_ms < now_ms:
        raise ValueError(PAST)
    return due_ms
