"""A worker counts as up once its own health key is there: not another process's, stage's or gateway's."""

import pytest
from redis.asyncio import Redis

from cli.worker_health import worker_is_up
from shared.keys import Keys, Stage

OTHERS = Keys("other:")


async def report(redis: Redis, keys: Keys, stage: str, name: str) -> None:
    """As a worker says that it lives."""
    await redis.zadd(keys.workers(stage), {name: 1})
    await redis.set(keys.health(stage, name), "j_complete=0", ex=60)
    if keys.prefix == OTHERS.prefix:
        await redis.expire(keys.workers(stage), 60)


async def test_the_key_of_the_process_counts(redis: Redis, keys: Keys) -> None:
    await report(redis, keys, "agent", "my-host-417-a1b2c3")
    assert await worker_is_up(redis, keys, Stage.AGENT, 417)


async def test_a_worker_that_was_killed_does_not(redis: Redis, keys: Keys) -> None:
    await report(redis, keys, "agent", "host-417-a1b2c3")
    await redis.delete(keys.health("agent", "host-417-a1b2c3"))
    assert not await worker_is_up(redis, keys, Stage.AGENT, 417)


@pytest.mark.parametrize(
    ("whose", "stage", "name"),
    [
        (Keys("test:"), "agent", "host-4170-a1b2c3"),
        (Keys("test:"), "agent", "host417-9-a1b2c3"),
        (Keys("test:"), "agent", "417-9-417"),
        (Keys("test:"), "format", "host-417-a1b2c3"),
        (OTHERS, "agent", "host-417-a1b2c3"),
    ],
)
async def test_any_other_key_does_not(redis: Redis, keys: Keys, whose: Keys, stage: str, name: str) -> None:
    await report(redis, whose, stage, name)
    assert not await worker_is_up(redis, keys, Stage.AGENT, 417)
