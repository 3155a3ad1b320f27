"""Quiet hours: when the next quiet stretch of a person is, and which parts it concerns. Pure decisions.

The local time comes from the number (`phonenumbers`, Google's prefix data) or from one configured zone. A number whose
prefix lies in several zones is quiet while any of them is. Daylight saving is `zoneinfo`'s matter.
"""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from shared.phone import person_of
from shared.records import Part
from shared.settings import QuietHours

JUST_RECEIVED_MS = 3600 * 1000
"""How long an answer counts as one to a text just received: as long as an agent's turn may take."""

UNKNOWN_ZONE = "Etc/Unknown"
FALLBACK_ZONE = "UTC"
"""For a number whose prefix is of no place: satellite phones, other channels' senders."""

NEVER_AWAKE = timedelta(days=2)
"""Zones so far apart that somebody is always quiet: then the first zone counts alone, or the text would never leave."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A quiet stretch in Unix ms, its end not included."""

    from_ms: int
    until_ms: int


def window_for(part: Part, hours: QuietHours | None, *, now_ms: int) -> Window | None:
    """The quiet stretch that a part must keep to: the one that lasts or the next; None if it keeps to none."""
    if hours is None or (is_answer(part, now_ms=now_ms) and not hours.replies):
        return None
    return quiet_window(hours, zones_for(part.to, hours.time_zone), now=datetime.fromtimestamp(now_ms / 1000, UTC))


def is_answer(part: Part, *, now_ms: int) -> bool:
    """Whether it answers a text that was received within the hour; the pairing code does."""
    return part.received_ms is not None and now_ms - part.received_ms <= JUST_RECEIVED_MS


def quiet_window(hours: QuietHours, zones: tuple[str, ...], *, now: datetime) -> Window:
    """The quiet stretch that lasts at `now`, or the next one, with the stretches of all zones laid together."""
    start, end = _first_stretch(hours, zones, now)
    if end - start >= NEVER_AWAKE:
        start, end = _first_stretch(hours, zones[:1], now)
    return Window(from_ms=round(start.timestamp() * 1000), until_ms=round(end.timestamp() * 1000))


@lru_cache(maxsize=4096)
def zones_for(number: str, time_zone: str) -> tuple[str, ...]:
    """The IANA zones that count for a person; at least one."""
    if time_zone != QuietHours.RECIPIENT:
        return (time_zone,)
    import phonenumbers
    from phonenumbers.timezone import time_zones_for_geographical_number, time_zones_for_number

    try:
        parsed = phonenumbers.parse(person_of(number), None)
    except phonenumbers.NumberParseException:
        return (FALLBACK_ZONE,)
    # The second looks at the prefix alone: for numbers that nobody has been given, as in a sandbox.
    for zones in (time_zones_for_number(parsed), time_zones_for_geographical_number(parsed)):
        known = tuple(zone for zone in zones if zone != UNKNOWN_ZONE)
        if known:
            return known
    return (FALLBACK_ZONE,)


def _first_stretch(hours: QuietHours, zones: tuple[str, ...], now: datetime) -> tuple[datetime, datetime]:
    """The first of the merged stretches that has not ended."""
    nights = sorted({night for zone in zones for night in _nights(hours, zone, now)})
    start, end = nights[0]
    for next_start, next_end in nights[1:]:
        if next_start <= end:
            end = max(end, next_end)
        elif end > now:
            break
        else:
            start, end = next_start, next_end
    return start, end


def _nights(hours: QuietHours, zone: str, now: datetime) -> list[tuple[datetime, datetime]]:
    """Stretches of one zone around now, from the day before yesterday on."""
    here = ZoneInfo(zone)
    today = now.astimezone(here).date()
    over_midnight = timedelta(days=1 if hours.until <= hours.start else 0)

    def moment(days: timedelta, at: time) -> datetime:
        return datetime.combine(today + days, at, tzinfo=here).astimezone(UTC)

    return [
        (moment(timedelta(days=day), hours.start), moment(timedelta(days=day) + over_midnight, hours.until))
        for day in range(-2, 4)
    ]
