"""The sweeper: heals what has no job, leaves alone what has one, and is one for all workers."""

import asyncio
from typing import Any

from redis.asyncio import Redis

from shared.keys import Keys, Stage
from shared.lanes import append
from shared.queue import split_job_id
from shared.round_trip import execute
from tests.integration.engine.rig import LIMIT_S, Queue, StartWorker, until
from workers.sweeper import MOST_AT_ONCE, Sweeper


async def fill(redis: Redis, keys: Keys, *conversations: str, stage: Stage = Stage.AGENT) -> None:
    lanes = [keys.lane(stage, conversation) for conversation in conversations]
    await execute(redis, [append(lane=lane, stage=stage, records=(b"r",)) for lane in lanes])


async def test_a_lane_without_a_job_gets_one(redis: Redis, keys: Keys, queue: Queue) -> None:
    await fill(redis, keys, "whole", "broken")
    await fill(redis, keys, "format", stage=Stage.FORMAT)
    jobs = await redis.zrange(queue.name, 0, -1)
    await redis.delete(keys.queue("format"))
    broken = next(job for job in jobs if b"broken" in job)
    await redis.zrem(queue.name, broken)
    sweeper = Sweeper(redis, keys, name="w", quiet_s=0)
    assert await sweeper.sweep() == 2
    assert set(await redis.zrange(queue.name, 0, -1)) == set(jobs)
    assert await redis.zcard(keys.queue("format")) == 1
    assert await sweeper.sweep() == 0


async def test_a_lane_with_signs_of_life_is_left_alone(redis: Redis, keys: Keys, queue: Queue) -> None:
    await fill(redis, keys, "c")
    await redis.delete(queue.name)
    assert await Sweeper(redis, keys, name="w", quiet_s=3600).sweep() == 0
    assert await Sweeper(redis, keys, name="w", quiet_s=0).sweep() == 1


async def test_any_number_of_lanes_is_swept(redis: Redis, keys: Keys, queue: Queue) -> None:
    number = 2 * MOST_AT_ONCE + 7
    await fill(redis, keys, *(f"c{index}" for index in range(number)))
    await redis.delete(queue.name)
    await redis.zadd(keys.busy, {keys.lane(Stage.AGENT, f"c{index}").list: 1 for index in range(number)})
    await redis.zadd(keys.busy, {"test:lane:unheard-of:c": 0})
    assert await Sweeper(redis, keys, name="w", quiet_s=60).sweep() == number
    assert await redis.zcard(queue.name) == number


async def test_one_worker_sweeps_at_a_time(redis: Redis, keys: Keys) -> None:
    sweepers = [Sweeper(redis, keys, name=f"w{number}") for number in range(3)]
    assert [await sweeper._may_sweep() for sweeper in sweepers] == [True, False, False]
    assert 0 < await redis.pttl(keys.sweeper) <= 15_000


async def test_a_lane_job_that_a_worker_cannot_run_is_dropped_and_healed(
    start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue
) -> None:
    """As in a rolling deploy, when an old worker finds a new stage's job on its queue."""

    async def other(_: dict[str, Any]) -> None: ...

    await fill(redis, keys, "c")
    worker = start_worker({"other": other}, peek=1)
    await until(queue.is_empty)
    await worker.close()
    assert await Sweeper(redis, keys, name="w", quiet_s=0).sweep() == 1
    assert await redis.zcard(queue.name) == 1


async def test_every_worker_hosts_a_sweeper(start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue) -> None:
    healed = asyncio.Event()

    async def agent(ctx: dict[str, Any]) -> None:
        assert split_job_id(ctx["job_id"])[0] == keys.lane(Stage.AGENT, "c").list
        healed.set()

    await fill(redis, keys, "c")
    await redis.delete(queue.name)
    start_worker({"agent": agent}, sweep_interval_s=0.05, sweep_quiet_s=0)
    await asyncio.wait_for(healed.wait(), LIMIT_S)
