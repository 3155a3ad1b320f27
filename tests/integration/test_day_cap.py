"""A day's segments: counted once for each part, shared by all of an account's senders; what is more waits, unharmed."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.keys import Keys
from shared.outbox import DayCap, dispatch, load_part_state, release
from tests.integration.test_pace import SLOW, Senders

TODAY, TOMORROW = "2030-01-31", "2030-02-01"
ENDS_MS = 1_896_134_400_000


class Account(Senders):
    """One account with a cap."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        super().__init__(redis, keys)
        self.cap: DayCap | None = DayCap(segments=5, day=TODAY, ends_ms=ENDS_MS)

    async def ask(self, conversation: str, *, rate: float = 0, attempt: str = "a", **more: Any) -> str:
        part = await self.head(conversation)
        assert part is not None
        call = dispatch(
            keys=self.keys,
            part=part,
            turn=await self.turn(conversation),
            attempt=attempt,
            sender=conversation,
            segments_per_second=rate,
            cap=self.cap,
            **more,
        )
        return str((await self.do(call))[0].decode())

    async def used(self, day: str = TODAY) -> int:
        return int(await self.redis.get(self.keys.segments_of_day("default", day)) or 0)


@pytest.fixture
def account(redis: Redis, keys: Keys) -> Account:
    return Account(redis, keys)


async def test_what_is_more_than_the_day_s_segments_waits_for_the_next_day(account: Account) -> None:
    for person in ("ann", "bob", "cat"):
        await account.fill(person, 2, segments=2)
    assert [await account.ask(person) for person in ("ann", "bob", "cat")] == ["go", "go", "capped"]
    assert await account.used() == 4
    state = await load_part_state(account.redis, account.keys, "cat.0")
    assert state is not None
    assert (state.state, state.capped_until_ms) == ("waiting", ENDS_MS), "and the trace can say so"
    assert await account.turn("cat"), "it is still at the head of its lane"

    account.cap = DayCap(segments=5, day=TOMORROW, ends_ms=ENDS_MS + 86_400_000)
    assert await account.ask("cat") == "go"
    state = await load_part_state(account.redis, account.keys, "cat.0")
    assert state is not None
    assert state.capped_until_ms is None


async def test_workers_that_ask_at_once_never_pass_the_cap(account: Account) -> None:
    people = [f"person{number}" for number in range(30)]
    for person in people:
        await account.fill(person, 1)
    verdicts = await asyncio.gather(*(account.ask(person) for person in people))
    assert verdicts.count("go") == 5
    assert verdicts.count("capped") == 25


async def test_a_part_is_counted_once_however_often_it_is_tried(account: Account) -> None:
    await account.fill("ann", 1, segments=3)
    for attempt in "abc":
        assert await account.ask("ann", attempt=attempt) == "go"
        await account.do(release(keys=account.keys, part_id="ann.0", attempt=attempt))
    assert await account.used() == 3


async def test_a_part_that_waits_for_its_pace_is_counted_once(account: Account) -> None:
    for person in ("ann", "bob"):
        await account.fill(person, 2, segments=2)
    assert await account.ask("ann", rate=SLOW) == "go"
    await account.send("ann")
    assert [await account.ask("ann", rate=SLOW) for _ in range(3)] == ["wait"] * 3
    assert await account.used() == 4
    assert await account.ask("bob", rate=SLOW) == "capped"
    assert await account.start("bob") is None, "who may not go today books no place"


async def test_a_part_larger_than_the_cap_goes_first_on_its_day(account: Account) -> None:
    await account.fill("ann", 1, segments=9)
    await account.fill("bob", 1, segments=9)
    assert [await account.ask("ann"), await account.ask("bob")] == ["go", "capped"]
    account.cap = DayCap(segments=5, day=TOMORROW, ends_ms=ENDS_MS + 86_400_000)
    assert await account.ask("bob") == "go"


async def test_a_doubt_stays_a_doubt_behind_the_cap(account: Account) -> None:
    """Its worker died in the middle of the request, yesterday; today's segments are used up already."""
    await account.fill("ann", 1)
    assert await account.ask("ann") == "go"
    await account.fill("bob", 1, segments=5)
    account.cap = DayCap(segments=5, day=TOMORROW, ends_ms=ENDS_MS + 86_400_000)
    assert await account.ask("bob") == "go"
    state = await load_part_state(account.redis, account.keys, "ann.0")
    assert state is not None
    assert await account.ask("ann", attempt="b") == "in_doubt"
    assert await account.ask("ann", attempt="b", looked_for_ms=str(state.journaled_ms)) == "capped"
    assert await account.ask("ann", attempt="c") == "in_doubt"
    assert await account.redis.ttl(account.keys.part("ann.0")) == -1, "a doubt is not forgotten while it waits"


async def test_without_a_cap_nothing_is_counted(account: Account) -> None:
    account.cap = None
    await account.fill("ann", 1, segments=100)
    assert await account.ask("ann") == "go"
    assert await account.used() == 0
