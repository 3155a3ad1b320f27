"""Stored times, in Unix milliseconds, as moments in UTC: what documents and requests say. Pure functions."""

from datetime import UTC, datetime


def moment(at_ms: int) -> datetime:
    """A stored time as a moment."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def maybe_moment(at_ms: int | None) -> datetime | None:
    """The same, where there may be none."""
    return None if at_ms is None else moment(at_ms)
