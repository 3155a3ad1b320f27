"""The pace of a sender and of a whole account: shared, fair, and paid once. Counts decide here, never time.

Where a part's turn is to come, the test dates its reserved start into the past.
"""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from redis.asyncio import Redis

from shared.keys import Keys, Stage
from shared.lanes import append
from shared.outbox import Status, dispatch, settle
from shared.phone import Address
from shared.records import Origin, Part, decode_part, encode
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call
from tests.integration.outbound.conftest import account_of

SLOW = 0.0001
"""Segments per second: one segment takes hours, so nothing comes due while a test runs."""

SID, OTHER_SID = "AC" + "1" * 32, "AC" + "2" * 32


class Senders:
    """Conversations of several senders, and any number of workers that ask for them."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

    async def do(self, call: Call) -> Any:
        (reply,) = await execute(self.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def fill(self, conversation: str, count: int, *, segments: int = 1) -> None:
        parts = [
            Part(
                part_id=f"{conversation}.{index}",
                reply_id=conversation,
                index=index,
                count=count,
                account_id="default",
                conversation=conversation,
                to="+15557654321",
                body="x",
                encoding="GSM-7",
                segments=segments,
                origin=Origin.AGENT,
                created_ms=1,
            )
            for index in range(count)
        ]
        lane = self.keys.lane(Stage.OUTBOUND, conversation)
        await self.do(append(lane=lane, stage=Stage.OUTBOUND, records=tuple(map(encode, parts))))

    async def head(self, conversation: str) -> Part | None:
        found = await load_list(self.redis, self.keys.lane(Stage.OUTBOUND, conversation).list, 0, 0)
        return decode_part(found[0]) if found else None

    async def turn(self, conversation: str) -> str:
        found = await self.redis.hget(self.keys.conversation(conversation), "outbound")  # type: ignore[misc]
        return str(found.decode()) if found else ""

    async def ask(
        self,
        conversation: str,
        *,
        sender: str = "+1",
        rate: float = 0,
        sid: str = SID,
        account_rate: float = 0,
        attempt: str = "a",
    ) -> str:
        part = await self.head(conversation)
        assert part is not None
        call = dispatch(
            keys=self.keys,
            part=part,
            turn=await self.turn(conversation),
            attempt=attempt,
            sender=sender,
            segments_per_second=rate,
            account_sid=sid,
            account_segments_per_second=account_rate,
        )
        return str((await self.do(call))[0].decode())

    async def start(self, conversation: str, field: str = "start_ms") -> int | None:
        """The start that is reserved for the conversation's head."""
        part = await self.head(conversation)
        raw = await self.redis.hget(self.keys.part(part.part_id), field) if part else None  # type: ignore[misc]
        return None if raw is None else int(raw)

    async def its_time_comes(self, conversation: str, field: str = "start_ms") -> None:
        part = await self.head(conversation)
        assert part is not None
        await self.redis.hset(self.keys.part(part.part_id), field, "1")  # type: ignore[misc]

    async def send(self, conversation: str) -> None:
        part = await self.head(conversation)
        assert part is not None
        turn = await self.turn(conversation)
        sid = f"SM{part.part_id}"
        assert await self.do(settle(keys=self.keys, part=part, turn=turn, sid=sid, status=Status.QUEUED)) == 1


@pytest.fixture
def senders(redis: Redis, keys: Keys) -> Senders:
    return Senders(redis, keys)


async def test_all_senders_of_a_twilio_account_share_its_pace(senders: Senders) -> None:
    for person in ("ann", "bob", "cat"):
        await senders.fill(person, 1)
    assert await senders.ask("ann", sender="+1", account_rate=SLOW) == "go"
    assert await senders.ask("bob", sender="MG1", account_rate=SLOW) == "wait", "another sender of the same account"
    assert await senders.ask("cat", sender="+1", sid=OTHER_SID, account_rate=SLOW) == "go", "another account"


async def test_without_an_account_pace_senders_do_not_meet(senders: Senders) -> None:
    for person in ("ann", "bob"):
        await senders.fill(person, 1)
    assert [await senders.ask("ann", sender="+1", rate=SLOW), await senders.ask("bob", sender="+2", rate=SLOW)] == [
        "go"
    ] * 2


def test_a_messaging_service_is_a_sender_of_its_own() -> None:
    keys = Keys("test:")
    number = account_of()
    service = account_of(from_number=None, messaging_service_sid="MG" + "1" * 32)
    both = account_of(messaging_service_sid="MG" + "1" * 32)
    assert keys.pace("default", number.sender) != keys.pace("default", service.sender)
    assert both.sender == number.sender, "the number is what sends"
    assert account_of(from_number=Address("+12025550199")).sender != number.sender


async def test_no_part_pays_twice_for_either_pace(senders: Senders) -> None:
    """Ruling 8."""
    for person in ("ann", "bob"):
        await senders.fill(person, 1, segments=3)
    paces: Any = {"rate": SLOW, "account_rate": SLOW}
    assert await senders.ask("ann", **paces) == "go"
    assert await senders.ask("bob", **paces) == "wait"
    reserved = await senders.redis.get(senders.keys.pace("default", "+1"))
    for attempt in "bcd":
        assert await senders.ask("bob", attempt=attempt, **paces) == "wait"
    assert await senders.redis.get(senders.keys.pace("default", "+1")) == reserved
    await senders.its_time_comes("bob")
    assert await senders.ask("bob", **paces) == "wait", "for the account now"
    account = await senders.redis.get(senders.keys.account_pace(SID))
    for attempt in "bcd":
        assert await senders.ask("bob", attempt=attempt, **paces) == "wait"
    assert await senders.redis.get(senders.keys.account_pace(SID)) == account
    assert await senders.redis.get(senders.keys.pace("default", "+1")) == reserved
    await senders.its_time_comes("bob", "account_start_ms")
    assert await senders.ask("bob", **paces) == "go"


async def test_a_slow_sender_does_not_book_the_account_while_it_waits(senders: Senders) -> None:
    for person in ("ann", "bob", "cat"):
        await senders.fill(person, 1)
    assert await senders.ask("ann", sender="slow", rate=SLOW) == "go"
    assert await senders.ask("bob", sender="slow", rate=SLOW, account_rate=SLOW) == "wait"
    assert await senders.ask("cat", sender="quick", account_rate=SLOW) == "go", "the account is idle"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_conversations_of_one_number_are_served_in_the_order_in_which_they_asked(
    senders: Senders, data: st.DataObject
) -> None:
    """Any number of workers ask in any order and again and again: the first asking decides."""
    await senders.redis.flushall()
    people = [f"p{number}" for number in range(data.draw(st.integers(2, 6)))]
    field = data.draw(st.sampled_from(["start_ms", "account_start_ms"]))
    rates: Any = {"rate": SLOW} if field == "start_ms" else {"account_rate": SLOW}
    for person in people:
        await senders.fill(person, 1, segments=data.draw(st.integers(1, 3)))
    asked: list[str] = []
    for person in data.draw(st.lists(st.sampled_from(people), min_size=1, max_size=20)):
        if person not in asked:
            asked.append(person)
        await senders.ask(person, attempt=f"worker-{len(asked)}", **rates)
    starts = [await senders.start(person, field) for person in asked]
    assert None not in starts
    assert starts == sorted(starts, key=lambda start: start or 0)
    assert len(set(starts)) == len(starts), "each has a place of its own"


async def test_a_long_answer_starves_nobody(senders: Senders) -> None:
    """One conversation with thirty parts, four with three: among any five parts that leave, each has one."""
    lengths = {"long": 30, "a": 3, "b": 3, "c": 3, "d": 3}
    for person, count in lengths.items():
        await senders.fill(person, count)
    left: list[str] = []
    while len(left) < 15:
        for person in lengths:  # every worker asks for every conversation, over and over
            if await senders.head(person) is not None:
                await senders.ask(person, rate=SLOW)
        starts = {person: start for person in lengths if (start := await senders.start(person)) is not None}
        first = min(starts, key=lambda person: starts[person])
        await senders.its_time_comes(first)
        assert await senders.ask(first, rate=SLOW) == "go"
        await senders.send(first)
        left.append(first)
    for round_ in range(3):
        assert Counter(left[round_ * 5 : round_ * 5 + 5]) == dict.fromkeys(lengths, 1), left
