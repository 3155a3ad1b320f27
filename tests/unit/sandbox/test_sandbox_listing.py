"""The list is filtered and paged as Twilio's."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from sandbox.listing import DAY_S, ListQuery, decide_page, matches, parse_query
from sandbox.message import Direction, Message, Status
from sandbox.twilio_errors import TwilioError

MIDNIGHT = datetime(2026, 3, 14, tzinfo=UTC).timestamp()


def message(seq: int, *, sent_at: float | None = MIDNIGHT, listed_at: float = 0.0, to: str = "+1") -> Message:
    return Message(
        seq=seq,
        sid=f"SM{seq}",
        account_sid="AC1",
        direction=Direction.OUTBOUND_API,
        from_="+2",
        to=to,
        body="",
        posted_body="",
        num_segments=1,
        status=Status.SENT,
        created_at=0,
        updated_at=0,
        sent_at=sent_at,
        listed_at=listed_at,
    )


def query(**params: str) -> ListQuery:
    parsed = parse_query({name.replace("After", ">").replace("Before", "<"): value for name, value in params.items()})
    assert isinstance(parsed, ListQuery)
    return parsed


@pytest.mark.parametrize(
    ("params", "sent_from", "sent_until"),
    [
        ({}, None, None),
        ({"DateSent": "2026-03-14"}, MIDNIGHT, MIDNIGHT + DAY_S - 1),
        ({"DateSent": "2026-03-14T15:00:00Z"}, MIDNIGHT, MIDNIGHT + DAY_S - 1),
        ({"DateSentAfter": "2026-03-14"}, MIDNIGHT, None),
        ({"DateSentAfter": "2026-03-14T00:00:09Z"}, MIDNIGHT + 9, None),
        ({"DateSentBefore": "2026-03-14"}, None, MIDNIGHT + DAY_S - 1),
        ({"DateSentBefore": "2026-03-14T00:00:09Z"}, None, MIDNIGHT + 9),
        ({"DateSentAfter": "2026-03-14", "DateSentBefore": "2026-03-14T00:00:09Z"}, MIDNIGHT, MIDNIGHT + 9),
    ],
)
def test_date_filters(params: dict[str, str], sent_from: float | None, sent_until: float | None) -> None:
    parsed = query(**params)
    assert (parsed.sent_from, parsed.sent_until) == (sent_from, sent_until)


@pytest.mark.parametrize("params", [{"DateSent": "yesterday"}, {"Page": "two"}, {"PageSize": "x"}])
def test_what_cannot_be_read_is_refused(params: dict[str, str]) -> None:
    refused = parse_query(params)
    assert isinstance(refused, TwilioError)
    assert refused.status == 400


def test_page_sizes_are_cut_to_twilios_range() -> None:
    assert (query().page_size, query(PageSize="0").page_size, query(PageSize="5000").page_size) == (50, 1, 1000)


def test_a_queued_message_matches_no_date_filter() -> None:
    queued = message(1, sent_at=None)
    assert matches(queued, query(), now=0)
    assert not matches(queued, query(DateSentAfter="2000-01-01"), now=0)
    assert not matches(queued, query(DateSentBefore="2099-01-01"), now=0)


def test_a_lagging_list_shows_a_message_from_its_moment_on() -> None:
    late = message(1, listed_at=10)
    assert not matches(late, query(), now=9.9)
    assert matches(late, query(), now=10)


@given(total=st.integers(0, 30), size=st.integers(1, 12))
def test_the_pages_together_are_the_list(total: int, size: int) -> None:
    messages = [message(seq) for seq in range(1, total + 1)]
    seen: list[int] = []
    before: int | None = None
    while True:
        page = decide_page(messages, ListQuery(page_size=size), now=0, before_seq=before)
        seen += [found.seq for found in page.messages]
        if page.next_after is None:
            break
        before = int(page.next_after.removeprefix("SM"))
    assert seen == list(range(total, 0, -1))


def test_a_page_number_without_a_token_counts_from_the_newest() -> None:
    messages = [message(seq) for seq in range(1, 6)]
    page = decide_page(messages, ListQuery(page=1, page_size=2), now=0)
    assert [found.seq for found in page.messages] == [3, 2]
