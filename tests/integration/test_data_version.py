"""The mark on real Redis: who writes it, who is refused, how a later version upgrades, and the door of the ingress."""

import asyncio
import hashlib
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from ingress.data_door import DataDoor
from shared import data_version
from shared.data_version import Mark, ensure_data_version, load_mark, refuse_unknown_data
from shared.errors import ConfigError
from shared.keys import Keys
from shared.redis_client import connect
from shared.scripts import Script
from shared.version import version
from workers.engine import EventWorker

SOURCE = """
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('INCR', ARGV[1] .. 'data-version-test')
redis.call('EXPIRE', ARGV[1] .. 'data-version-test', 60)
redis.call('SET', KEYS[1], ARGV[3])
return 1
"""
STEP = Script("step", SOURCE, hashlib.sha1(SOURCE.encode(), usedforsecurity=False).hexdigest())


async def test_whoever_comes_first_marks_the_data_and_nobody_after_it(redis: Redis, keys: Keys) -> None:
    await asyncio.gather(*(ensure_data_version(redis.execute_command, keys) for _ in range(10)))
    assert await load_mark(redis, keys) == Mark(version=1, written_by=version())
    await redis.set(keys.data_version, "1 0.0.1")
    await ensure_data_version(redis.execute_command, keys)
    assert await redis.get(keys.data_version) == b"1 0.0.1"


@pytest.mark.parametrize("stored", ["2 9.9.9", "what is this?", ""])
async def test_data_that_is_not_known_is_refused_and_left_alone(redis: Redis, keys: Keys, stored: str) -> None:
    await redis.set(keys.data_version, stored)
    with pytest.raises(ConfigError, match=r"^redis\.prefix: "):
        await ensure_data_version(redis.execute_command, keys)
    with pytest.raises(ConfigError, match=r"^redis\.prefix: "):
        await refuse_unknown_data(redis, keys)
    assert await redis.get(keys.data_version) == stored.encode()


async def test_a_command_writes_no_mark(redis: Redis, keys: Keys) -> None:
    await refuse_unknown_data(redis, keys)
    assert await redis.dbsize() == 0


@pytest.mark.parametrize("stored", [None, "1 0.0.1", "2 0.0.2"])
async def test_of_many_processes_that_upgrade_at_once_one_does_each_step(
    redis: Redis, keys: Keys, monkeypatch: pytest.MonkeyPatch, stored: str | None
) -> None:
    monkeypatch.setattr(data_version, "STEPS", (STEP, STEP))
    monkeypatch.setattr(data_version.decide_refusal, "__kwdefaults__", {"knows": 3, "upgrades": True})
    if stored is not None:
        await redis.set(keys.data_version, stored)
    await asyncio.gather(*(ensure_data_version(redis.execute_command, keys) for _ in range(10)))
    assert await load_mark(redis, keys) == Mark(version=3, written_by=version())
    assert await redis.get(f"{keys.prefix}data-version-test") == (b"1" if stored == "2 0.0.2" else b"2")


async def test_a_worker_on_newer_data_ends_before_it_takes_a_job(redis: Redis, redis_url: str, keys: Keys) -> None:
    await redis.set(keys.data_version, "2 9.9.9")
    before = await redis.info("commandstats")
    worker = EventWorker([_never], redis_url=redis_url, keys=keys, stage="agent", handle_signals=False)
    with pytest.raises(ConfigError, match="version 2, written by Textgate 9\\.9\\.9"):
        await worker.async_run()
    await worker.close()
    after = await redis.info("commandstats")
    assert after.get("cmdstat_evalsha") == before.get("cmdstat_evalsha")
    assert [key async for key in redis.scan_iter()] == [keys.data_version.encode()]


async def _never(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:
    raise AssertionError("a job was taken")


async def test_the_door_lets_a_connection_through_and_marks_the_data(redis: Redis, redis_url: str, keys: Keys) -> None:
    door = DataDoor(keys)
    client = connect(redis_url, greet=door.greet)
    await client.ping()
    await client.aclose()
    assert door.refusal is None
    assert await load_mark(redis, keys) == Mark(version=1, written_by=version())


async def test_the_door_looks_once_per_connection(redis: Redis, redis_url: str, keys: Keys) -> None:
    client = connect(redis_url, greet=DataDoor(keys).greet)
    await client.ping()
    await redis.config_resetstat()
    for _ in range(20):
        await client.ping()
    stats = await redis.info("commandstats")
    await client.aclose()
    assert "cmdstat_get" not in stats
    assert stats["cmdstat_ping"]["calls"] == 20


async def test_newer_data_looks_like_a_redis_that_is_away_and_is_told_once(
    redis: Redis, redis_url: str, keys: Keys
) -> None:
    await redis.set(keys.data_version, "2 9.9.9")
    told: list[str] = []
    door = DataDoor(keys, on_refusal=lambda: told.append("end"))
    client = connect(redis_url, greet=door.greet)
    for _ in range(3):
        with pytest.raises(RedisConnectionError, match="version 2"):
            await client.set("test:paced", "written", ex=60)
    await client.aclose()
    assert isinstance(door.refusal, ConfigError)
    assert told == ["end"]
    assert await redis.dbsize() == 1
