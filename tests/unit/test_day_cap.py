"""An account's day begins and ends where the account is, whatever the clock there does."""

from datetime import UTC, datetime

import msgspec
import pytest

from shared.config_rules import check_time_zone
from shared.phone import Address
from shared.records import Origin, Part
from shared.settings import Account
from workers.day_cap import cap_for

PART = Part(
    part_id="p.0",
    reply_id="p",
    index=0,
    count=1,
    account_id="default",
    conversation="c",
    to="+15557654321",
    body="x",
    encoding="GSM-7",
    segments=1,
    origin=Origin.AGENT,
    created_ms=1,
)


def account_in(zone: str, cap: int = 7) -> Account:
    return Account(
        id="default", account_sid="AC1", from_number=Address("+15550001111"), daily_segment_cap=cap, time_zone=zone
    )


def ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "now", "day", "ends"),
    [
        ("UTC", "2026-11-21T23:59:59+00:00", "2026-11-21", "2026-11-22T00:00:00+00:00"),
        ("UTC", "2026-11-22T00:00:00+00:00", "2026-11-22", "2026-11-23T00:00:00+00:00"),
        ("America/New_York", "2026-11-22T03:00:00+00:00", "2026-11-21", "2026-11-22T05:00:00+00:00"),
        ("Asia/Kolkata", "2026-11-21T20:00:00+00:00", "2026-11-22", "2026-11-22T18:30:00+00:00"),
        ("Europe/Berlin", "2026-10-25T10:00:00+00:00", "2026-10-25", "2026-10-25T23:00:00+00:00"),  # 25 hours
        ("Europe/Berlin", "2026-03-29T10:00:00+00:00", "2026-03-29", "2026-03-29T22:00:00+00:00"),  # 23 hours
    ],
)
def test_the_day_is_that_of_the_place(zone: str, now: str, day: str, ends: str) -> None:
    cap = cap_for(PART, account_in(zone), now_ms=ms(now))
    assert cap is not None
    assert (cap.segments, cap.day, cap.ends_ms) == (7, day, ms(ends))


def test_no_cap_and_the_confirmation_of_a_stop_are_not_held() -> None:
    assert cap_for(PART, account_in("UTC", cap=0), now_ms=1) is None
    confirms = msgspec.structs.replace(PART, origin=Origin.OPT_OUT)
    assert cap_for(confirms, account_in("UTC"), now_ms=1) is None


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../etc/passwd", "/etc/localtime", "America", "a\x00b", "UTC+1"])
def test_a_zone_that_there_is_not_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="expected an IANA zone"):
        check_time_zone(zone)
