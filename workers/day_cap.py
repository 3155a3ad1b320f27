"""The day of an account, for its cap on segments (`dailySegmentCap`). Pure decisions."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.outbox import DayCap
from shared.records import Origin, Part
from shared.settings import Account

CAPPED_WAIT_S = 900.0
"""How often a part that the cap holds is looked at again: a cap that was raised counts by then."""


def cap_for(part: Part, account: Account, *, now_ms: int) -> DayCap | None:
    """What is left to count against; None if nothing is. That somebody opted out is confirmed in any case."""
    if not account.daily_segment_cap or part.origin is Origin.OPT_OUT:
        return None
    zone = ZoneInfo(account.time_zone)
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    ends = datetime.combine(today + timedelta(days=1), time.min, zone)
    return DayCap(segments=account.daily_segment_cap, day=today.isoformat(), ends_ms=round(ends.timestamp() * 1000))
