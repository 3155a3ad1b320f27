"""Filters and pages the list of messages as Twilio's list endpoint does. Pure: `now` is an argument.

Three habits of Twilio that trip a careless reader, all imitated: `DateSent` looks at the sent date, so a message that
is still queued matches no DateSent filter; the newest comes first; and a new message may be missing for a while.
Source: twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, date, datetime
from operator import attrgetter

from msgspec import Struct

from sandbox.message import Message
from sandbox.twilio_errors import TwilioError, refuse

DAY_S = 86_400
DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000


class ListQuery(Struct, frozen=True, kw_only=True):
    """What a list request asks for. Moments are Unix seconds, both ends included."""

    to: str = ""
    from_: str = ""
    sent_from: float | None = None
    sent_until: float | None = None
    page: int = 0
    page_size: int = DEFAULT_PAGE_SIZE
    page_token: str = ""

    @property
    def by_date(self) -> bool:
        """True if any DateSent filter is set."""
        return self.sent_from is not None or self.sent_until is not None


class ListPage(Struct, frozen=True, kw_only=True):
    """One page, newest first. `next_after` is the SID after which the next page begins; None on the last page."""

    messages: list[Message]
    next_after: str | None = None


def parse_query(params: dict[str, str]) -> ListQuery | TwilioError:
    """Read the query string of a list request; `DateSent=` is a day, `DateSent>=` and `DateSent<=` are limits."""
    try:
        day = _moments(params.get("DateSent"))
        after = _moments(params.get("DateSent>"))
        before = _moments(params.get("DateSent<"))
        page = int(params.get("Page") or 0)
        page_size = int(params.get("PageSize") or DEFAULT_PAGE_SIZE)
    except ValueError as error:
        return refuse(20001, f"Invalid parameter: {error}")
    starts = [moment for moment in (day and _midnight(day[0]), after and after[0]) if moment is not None]
    ends = [moment for moment in (day and _midnight(day[0]) + DAY_S - 1, before and before[1]) if moment is not None]
    return ListQuery(
        to=params.get("To", ""),
        from_=params.get("From", ""),
        sent_from=max(starts, default=None),
        sent_until=min(ends, default=None),
        page=max(page, 0),
        page_size=min(max(page_size, 1), MAX_PAGE_SIZE),
        page_token=params.get("PageToken", ""),
    )


def decide_page(
    messages: Sequence[Message], query: ListQuery, *, now: float, before_seq: int | None = None
) -> ListPage:
    """One page of `messages` (oldest first), from the one before `before_seq` on.

    A page starts where the last one ended, by message and not by count, so texts that arrive in between shift nothing.
    """
    end = len(messages) if before_seq is None else bisect_left(messages, before_seq, key=attrgetter("seq"))
    to_skip = 0 if before_seq is not None else query.page * query.page_size
    found: list[Message] = []
    for index in range(end - 1, -1, -1):
        if not matches(messages[index], query, now=now):
            continue
        if to_skip:
            to_skip -= 1
            continue
        if len(found) == query.page_size:
            return ListPage(messages=found, next_after=found[-1].sid)
        found.append(messages[index])
    return ListPage(messages=found)


def matches(message: Message, query: ListQuery, *, now: float) -> bool:
    """True if the list shows this message at this moment."""
    if message.listed_at > now:
        return False
    if (query.to and message.to != query.to) or (query.from_ and message.from_ != query.from_):
        return False
    if not query.by_date:
        return True
    if message.sent_at is None:
        return False
    sent = int(message.sent_at)  # Twilio keeps whole seconds
    return (query.sent_from is None or sent >= query.sent_from) and (
        query.sent_until is None or sent <= query.sent_until
    )


def _moments(text: str | None) -> tuple[float, float] | None:
    """First and last second that a filter value names: a whole day, or one second."""
    if not text:
        return None
    if len(text) == len("2009-07-06"):
        start = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC).timestamp()
        return start, start + DAY_S - 1
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return moment.timestamp(), moment.timestamp()


def _midnight(moment: float) -> float:
    return moment - moment % DAY_S
