"""How commands say times, ages, and things that must not show a phone number. Pure functions."""

import re

from shared.moments import moment
from shared.phone import mask

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


def iso(ms: int) -> str:
    """Unix milliseconds as ISO 8601 in UTC: `2026-01-31T12:00:00Z`."""
    return moment(ms).isoformat(timespec="seconds").replace("+00:00", "Z")


def iso_or_none(ms: int | None) -> str | None:
    """The same, where there may be none."""
    return None if ms is None else iso(ms)


def duration(ms: float) -> str:
    """A length of time in the one or two units that matter: `12 s`, `3 min`, `2 h 5 min`, `4 d`."""
    seconds = max(0, round(ms / 1000))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def mask_numbers(text: str) -> str:
    """The text with every phone number in it masked: Twilio's messages quote them."""
    return _NUMBER.sub(lambda found: mask(found[0]), text)


def plural(count: int, one: str, many: str = "") -> str:
    """`1 lane`, `2 lanes`, `no lanes`."""
    return f"{count or 'no'} {one if count == 1 else many or f'{one}s'}"


def times(count: int) -> str:
    """`once`, `4 times`."""
    return "once" if count == 1 else f"{count} times"
