"""Quiet hours are local: they follow the person's zones, daylight saving and midnight."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from shared.records import Origin, Part
from shared.settings import QuietHours
from workers.quiet import JUST_RECEIVED_MS, is_answer, quiet_window, window_for, zones_for

NIGHT = QuietHours(start=time(21), until=time(8), time_zone=QuietHours.RECIPIENT, replies=False)
NEW_YORK = "+12125550123"


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def hours_of(start: str, until: str) -> QuietHours:
    return QuietHours(start=time.fromisoformat(start), until=time.fromisoformat(until), time_zone="UTC", replies=False)


def window(hours: QuietHours, zones: tuple[str, ...], now: str) -> tuple[int, int]:
    found = quiet_window(hours, zones, now=datetime.fromisoformat(now))
    return found.from_ms, found.until_ms


@pytest.mark.parametrize(
    ("hours", "zone", "now", "start", "end"),
    [
        ("21:00-08:00", "UTC", "2026-11-21T22:00Z", "2026-11-21T21:00Z", "2026-11-22T08:00Z"),
        ("21:00-08:00", "UTC", "2026-11-22T07:59:59Z", "2026-11-21T21:00Z", "2026-11-22T08:00Z"),
        ("21:00-08:00", "UTC", "2026-11-22T08:00Z", "2026-11-22T21:00Z", "2026-11-23T08:00Z"),
        ("12:00-14:00", "UTC", "2026-11-21T13:00Z", "2026-11-21T12:00Z", "2026-11-21T14:00Z"),
        ("12:00-14:00", "UTC", "2026-11-21T15:00Z", "2026-11-22T12:00Z", "2026-11-22T14:00Z"),
        # Clocks go forward on 2026-03-29: the night is an hour shorter, and 02:30 does not exist.
        ("21:00-08:00", "Europe/Berlin", "2026-03-29T00:00Z", "2026-03-28T20:00Z", "2026-03-29T06:00Z"),
        ("21:00-02:30", "Europe/Berlin", "2026-03-29T00:00Z", "2026-03-28T20:00Z", "2026-03-29T01:30Z"),
        # And back on 2026-10-25: an hour longer.
        ("21:00-08:00", "Europe/Berlin", "2026-10-25T00:00Z", "2026-10-24T19:00Z", "2026-10-25T07:00Z"),
        ("21:00-08:00", "America/New_York", "2026-11-22T02:00Z", "2026-11-22T02:00Z", "2026-11-22T13:00Z"),
    ],
)
def test_the_stretch_that_lasts_or_the_next_one(hours: str, zone: str, now: str, start: str, end: str) -> None:
    first, last = hours.split("-")
    assert window(hours_of(first, last), (zone,), now) == (ms(start), ms(end))


def test_it_is_quiet_while_it_is_quiet_in_any_of_the_zones() -> None:
    both = ("America/Los_Angeles", "America/New_York")
    assert window(NIGHT, both, "2026-11-22T01:00Z") == (ms("2026-11-22T02:00Z"), ms("2026-11-22T16:00Z"))
    assert window(NIGHT, both, "2026-11-22T14:00Z") == (ms("2026-11-22T02:00Z"), ms("2026-11-22T16:00Z"))


def test_zones_around_the_globe_do_not_hold_a_text_for_ever() -> None:
    globe = ("UTC", "Asia/Tokyo", "Pacific/Honolulu")
    assert window(NIGHT, globe, "2026-11-21T22:00Z") == window(NIGHT, ("UTC",), "2026-11-21T22:00Z")


ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
clock = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@settings(max_examples=300)
@given(
    clock,
    clock,
    st.sets(st.sampled_from(ZONES), min_size=1, max_size=2),
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - Hypothesis wants them so,
)
def test_a_stretch_is_quiet_all_along_and_over_at_its_end(
    start: time, until: time, zones: set[str], moment: datetime
) -> None:
    """By the plain reading of the clock on the wall, minute by minute at its edges and at the moment itself."""
    if start == until:
        return
    now = moment.replace(tzinfo=UTC)
    hours = QuietHours(start=start, until=until, time_zone="UTC", replies=False)
    found = quiet_window(hours, tuple(sorted(zones)), now=now)
    begins = datetime.fromtimestamp(found.from_ms / 1000, UTC)
    ends = datetime.fromtimestamp(found.until_ms / 1000, UTC)
    assert begins < ends
    assert ends > now, "never a stretch that is over"
    if any(_changes_its_clock(zone, begins, ends) for zone in zones):
        return  # the wall clock shows an hour twice, or not at all; see the table above
    day = [begins + timedelta(minutes=minute) for minute in range(24 * 60)]
    if len(zones) > 1 and all(any(_is_quiet(hours, zone, at) for zone in zones) for at in day):
        assert found == quiet_window(hours, tuple(sorted(zones))[:1], now=now), "somebody is always quiet"
        return
    if now < begins:
        assert not any(_is_quiet(hours, zone, now) for zone in zones)
    else:
        assert any(_is_quiet(hours, zone, now) for zone in zones)
    for at in (begins, begins + (ends - begins) / 2, ends - timedelta(minutes=1)):
        assert any(_is_quiet(hours, zone, at) for zone in zones)
    assert not any(_is_quiet(hours, zone, ends) for zone in zones)


def _is_quiet(hours: QuietHours, zone: str, at: datetime) -> bool:
    wall = at.astimezone(ZoneInfo(zone)).time()
    if hours.start < hours.until:
        return hours.start <= wall < hours.until
    return wall >= hours.start or wall < hours.until


def _changes_its_clock(zone: str, begins: datetime, ends: datetime) -> bool:
    here = ZoneInfo(zone)
    around = [begins - timedelta(days=2), begins, ends, ends + timedelta(days=2)]
    return len({at.astimezone(here).utcoffset() for at in around}) > 1


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        (NEW_YORK, ("America/New_York",)),
        ("+14155550123", ("America/Los_Angeles",)),
        ("+4930123456", ("Europe/Berlin",)),
        ("+8613812345678", ("Asia/Shanghai",)),
        ("+882161234567", ("UTC",)),
        ("+80012345678", ("UTC",)),
        ("rcs:somebody", ("UTC",)),
        ("rcs:+4930123456", ("Europe/Berlin",)),
    ],
)
def test_a_number_tells_its_zones(number: str, zones: tuple[str, ...]) -> None:
    assert zones_for(number, QuietHours.RECIPIENT) == zones
    assert zones_for(number, "Asia/Tokyo") == ("Asia/Tokyo",)


def test_a_mobile_number_of_a_wide_country_has_all_its_zones() -> None:
    assert {"Australia/Perth", "Australia/Sydney"} <= set(zones_for("+61412345678", QuietHours.RECIPIENT))
    assert "America/New_York" in zones_for("+15551234567", QuietHours.RECIPIENT), "nobody has this one"


def part_of(origin: Origin, received_ms: int | None) -> Part:
    return Part(
        part_id="r.0",
        reply_id="r",
        index=0,
        count=1,
        account_id="default",
        conversation="c",
        to=NEW_YORK,
        body="hello",
        encoding="GSM-7",
        segments=1,
        origin=origin,
        created_ms=1,
        received_ms=received_ms,
    )


NOW_MS = ms("2026-11-22T04:00Z")
"""Eleven at night in New York."""


@pytest.mark.parametrize(
    ("origin", "received_ms", "answers"),
    [
        (Origin.AGENT, NOW_MS - 1000, True),
        (Origin.PAIRING, NOW_MS - 1000, True),
        (Origin.APOLOGY, NOW_MS - JUST_RECEIVED_MS, True),
        (Origin.AGENT, NOW_MS - JUST_RECEIVED_MS - 1, False),
        (Origin.AGENT, None, False),
        (Origin.NOTICE, None, False),
        (Origin.API, None, False),
        (Origin.OPERATOR, None, False),
    ],
)
def test_what_answers_a_text_just_received_is_not_held_back(
    origin: Origin, received_ms: int | None, answers: bool
) -> None:
    part = part_of(origin, received_ms)
    strict: Any = QuietHours(start=NIGHT.start, until=NIGHT.until, time_zone=NIGHT.time_zone, replies=True)
    assert is_answer(part, now_ms=NOW_MS) is answers
    assert (window_for(part, NIGHT, now_ms=NOW_MS) is None) is answers
    assert window_for(part, strict, now_ms=NOW_MS) is not None, "replies: true"
    assert window_for(part, None, now_ms=NOW_MS) is None, "off"
