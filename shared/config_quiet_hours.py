"""`quietHours` of an account, checked: two different times, and a time zone that exists. Pure functions."""

from datetime import time

from shared.config_shape import join
from shared.errors import ConfigError
from shared.settings_account import QuietHours
from shared.settings_number_rules import QuietHoursSection


def build_quiet_hours(section: QuietHoursSection | None, path: str) -> QuietHours | None:
    """The hours ready for use, None if there are none. Raises ConfigError."""
    if section is None:
        return None
    if section.start == section.until:
        raise ConfigError(join(path, "to"), found="the same as from", expected="expected another, or no quietHours")
    return QuietHours(
        start=time.fromisoformat(section.start),
        until=time.fromisoformat(section.until),
        time_zone=_time_zone(section.time_zone.strip(), join(path, "timeZone")),
        replies=section.replies,
    )


def _time_zone(zone: str, path: str) -> str:
    from zoneinfo import ZoneInfo  # most set-ups have no quiet hours

    if zone == QuietHours.RECIPIENT:
        return zone
    try:
        return ZoneInfo(zone).key
    except (KeyError, OSError, ValueError):  # not there, a folder, not a name
        raise ConfigError(
            path, found="no such time zone", expected="expected recipient, or an IANA zone such as Europe/Berlin"
        ) from None
