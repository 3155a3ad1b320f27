"""Calls that travel together: who gets which answer when Redis hangs or refuses, and what is never sent."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from shared import group_commit
from shared.errors import TransientError
from shared.group_commit import GroupCommit
from shared.keys import Keys, Stage
from shared.lanes import append
from shared.redis_batch import Line
from shared.redis_client import connect, load_list
from shared.scripts import Call, script

SLOT_MS = 60_000


@pytest.fixture
async def commit(redis_url: str, redis: Redis) -> AsyncIterator[GroupCommit]:
    group = GroupCommit(connect(redis_url), limit_s=0.5)
    yield group
    await group.close()


def count(key: str) -> Call:
    return Call(script("count"), (key,), (SLOT_MS,))


async def hang(redis: Redis) -> None:
    """Writes wait, as in a server that hangs, until `go_on`."""
    await redis.client_pause(60_000, all=False)


async def go_on(redis: Redis) -> None:
    await redis.client_unpause()


async def test_what_nobody_waits_for_any_more_is_not_sent(commit: GroupCommit, redis: Redis, keys: Keys) -> None:
    """Else a Redis that hangs for a minute would find the work of a minute, all of it answered 503 long ago."""
    counter = keys.account_rate("a")
    await commit.call(count(keys.account_rate("b")))
    await hang(redis)
    asked = [asyncio.create_task(commit.call(count(counter))) for _ in range(2 * group_commit.MAX_GROUP)]
    refused = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(reply, TransientError) for reply in refused)
    await go_on(redis)
    assert await commit.call(count(counter)) == group_commit.MAX_GROUP + 1


async def test_a_group_goes_out_although_the_one_before_has_no_answer_yet(
    commit: GroupCommit, redis: Redis, keys: Keys
) -> None:
    counter = keys.account_rate("a")
    await commit.call(count(counter))
    await hang(redis)
    asked = []
    for number in range(3):
        asked.append(asyncio.create_task(commit.call(count(counter))))
        async with asyncio.timeout(10):
            while commit.groups < 2 + number:  # noqa: ASYNC110 - it has no event to wait for
                await asyncio.sleep(0)
    await go_on(redis)
    assert await asyncio.gather(*asked) == [2, 3, 4]


async def test_a_redis_that_hangs_costs_no_more_than_so_much_memory(
    commit: GroupCommit, redis: Redis, keys: Keys
) -> None:
    counter = keys.account_rate("a")
    await commit.call(count(keys.account_rate("b")))
    await hang(redis)
    asked = [asyncio.create_task(commit.call(count(counter))) for _ in range(3 * group_commit.MAX_WAITING)]
    await asyncio.sleep(0)
    at_once = [task for task in asked if task.done()]
    assert len(asked) - len(at_once) == group_commit.MAX_GROUP + group_commit.MAX_WAITING
    assert all(isinstance(task.exception(), TransientError) for task in at_once)
    await go_on(redis)
    await asyncio.gather(*asked, return_exceptions=True)
    assert await commit.call(count(keys.account_rate("b"))) == 2


@pytest.mark.parametrize("trouble", ["the connection breaks", "the scripts are gone"])
async def test_what_came_first_stays_first(redis: Redis, redis_url: str, keys: Keys, trouble: str) -> None:
    """Else a START that is sent again would undo the STOP behind it."""
    lane, texts = keys.lane(Stage.FORMAT, "c"), 300
    for _ in range(5):
        await redis.flushdb()
        commit = GroupCommit(connect(redis_url))
        asked = []
        for number in range(texts):
            record, once = b"%d" % number, keys.once(f"{number}")
            call = append(lane=lane, stage=Stage.FORMAT, records=(record,), once=once)
            asked.append(asyncio.create_task(commit.call(call)))
            if number % 5 == 0:
                await asyncio.sleep(0)
            if number == 100 and trouble == "the connection breaks":
                await redis.client_kill_filter(_type="normal", skipme=True)
            elif number == 100:
                await redis.script_flush()
        await asyncio.gather(*asked)
        await commit.close()
        assert await load_list(redis, lane.list, 0, -1) == [b"%d" % number for number in range(texts)]


async def test_what_was_given_up_is_not_sent_again(
    redis: Redis, redis_url: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a hang that outlasts the connection's patience, too."""
    monkeypatch.setattr(Line.__init__, "__kwdefaults__", {"limit_s": 1.0})
    commit, counter = GroupCommit(connect(redis_url), limit_s=0.5), keys.account_rate("a")
    await commit.call(count(counter))
    await hang(redis)
    refused = await asyncio.gather(*(commit.call(count(counter)) for _ in range(20)), return_exceptions=True)
    async with asyncio.timeout(10):
        while any(  # noqa: ASYNC110 - the server has no event to wait for
            client["cmd"] == "evalsha" for client in await redis.client_list()
        ):
            await asyncio.sleep(0.01)  # until the connection that hangs is given up
    assert all(isinstance(reply, TransientError) for reply in refused)
    await go_on(redis)
    assert await commit.call(count(counter)) == 2
    await commit.close()


async def test_closing_twice_at_once_ends(commit: GroupCommit, keys: Keys) -> None:
    asked = asyncio.create_task(commit.call(count(keys.account_rate("a"))))
    await asyncio.sleep(0)
    await asyncio.gather(commit.close(), commit.close())
    assert await asked == 1


async def test_a_server_that_cannot_write_is_away_not_wrong(commit: GroupCommit, redis: Redis, keys: Keys) -> None:
    await redis.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(TransientError):
            await commit.call(count(keys.account_rate("a")))
    finally:
        await redis.config_set("min-replicas-to-write", 0)


async def test_a_call_that_cannot_be_sent_fails_alone(commit: GroupCommit, keys: Keys) -> None:
    good, bad = count(keys.account_rate("a")), count(keys.account_rate("\ud800"))
    replies = await asyncio.gather(*map(commit.call, (good, bad, good)), return_exceptions=True)
    assert isinstance(replies[1], UnicodeEncodeError)
    assert [replies[0], replies[2]] == [1, 2]
