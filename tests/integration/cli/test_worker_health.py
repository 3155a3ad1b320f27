"""A worker counts as up once its own health key is there: not another process's, stage's or gateway's."""

import pytest
from redis.asyncio import Redis

from cli.worker_health import worker_is_up
from shared.keys import Keys, Stage


@pytest.mark.parametrize("worker", ["host-417-a1b2c3", "stock:417", "417"])
async def test_the_key_of_the_process_counts(redis: Redis, keys: Keys, worker: str) -> None:
    await redis.set(keys.health("agent", worker), "j_complete=0", ex=60)
    assert await worker_is_up(redis, keys, Stage.AGENT, 417)


@pytest.mark.parametrize(
    "key",
    [
        Keys("test:").health("agent", "host-4170-a1b2c3"),
        Keys("test:").health("agent", "host417-9-a1b2c3"),
        Keys("test:").health("format", "host-417-a1b2c3"),
        Keys("other:").health("agent", "host-417-a1b2c3"),
    ],
)
async def test_any_other_key_does_not(redis: Redis, keys: Keys, key: str) -> None:
    await redis.set(key, "j_complete=0", ex=60)
    assert not await worker_is_up(redis, keys, Stage.AGENT, 417)
