"""arq's own eyes on our workers: `Job`, results, aborting, `arq --check`, and jobs that arq would refuse."""

import asyncio
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from arq.connections import ArqRedis, RedisSettings
from arq.jobs import Job, JobStatus
from arq.worker import async_check_health
from redis.asyncio import Redis

from shared.keys import Keys, Stage
from shared.live_workers import load_live_workers
from shared.queue import deserialize
from tests.integration.engine.rig import LIMIT_S, Queue, StartWorker, until


@pytest.fixture
def job(queue: Queue) -> Callable[[str], Job]:
    """arq's view of a job."""
    return lambda job_id: Job(f"test:{job_id}", queue.redis, _queue_name=queue.name, _deserializer=deserialize)


async def add(_: dict[str, Any], left: int, *, right: int) -> int:
    return left + right


async def fail(_: dict[str, Any]) -> None:
    raise ValueError("as expected")


async def result_of(job: Job) -> Any:
    return await job.result(timeout=LIMIT_S, poll_delay=0.01)


async def test_a_result_is_arqs(start_worker: StartWorker, queue: Queue, job: Callable[[str], Job]) -> None:
    start_worker({"add": add, "fail": fail}, keep_result=60)
    await queue.put("add", 1, right=2, job_id="sum")
    assert await result_of(job("sum")) == 3
    info = await job("sum").result_info()
    assert info is not None
    assert (info.function, list(info.args), info.kwargs) == ("add", [1], {"right": 2})
    assert (info.job_try, info.success) == (1, True)
    assert info.queue_name == queue.name
    assert await job("sum").status() is JobStatus.complete

    await queue.put("fail", job_id="failure")
    await until(lambda: queue.is_gone("failure"))
    failure = await job("failure").result_info()
    assert failure is not None
    assert not failure.success
    assert failure.result == "ValueError('as expected')"


async def test_the_status_is_arqs(start_worker: StartWorker, queue: Queue, job: Callable[[str], Job]) -> None:
    started, gate = asyncio.Event(), asyncio.Event()

    async def wait(_: dict[str, Any]) -> None:
        started.set()
        await gate.wait()

    await queue.put("wait", job_id="j")
    assert await job("j").status() is JobStatus.queued
    start_worker({"wait": wait})
    await asyncio.wait_for(started.wait(), LIMIT_S)
    assert await job("j").status() is JobStatus.in_progress
    info = await job("j").info()
    assert info is not None
    assert info.function == "wait"
    gate.set()
    await until(lambda: queue.is_gone("j"))
    assert await job("j").status() is JobStatus.not_found


async def test_a_job_can_be_aborted(start_worker: StartWorker, redis: Redis, queue: Queue) -> None:
    """With pickle, since `Job.abort` wants the exception itself back."""
    options: dict[str, Any] = {"job_serializer": pickle.dumps, "job_deserializer": pickle.loads}
    pool = ArqRedis(redis.connection_pool, default_queue_name=queue.name)
    started = asyncio.Event()

    async def wait(_: dict[str, Any]) -> None:
        started.set()
        await asyncio.Event().wait()

    start_worker({"wait": wait}, allow_abort_jobs=True, keep_result=60, **options)
    running = await pool.enqueue_job("wait", _job_id="test:running")
    deferred = await pool.enqueue_job("wait", _job_id="test:deferred", _defer_by=3600)
    assert running
    assert deferred
    await queue.ring()
    await asyncio.wait_for(started.wait(), LIMIT_S)
    assert await running.abort(timeout=LIMIT_S, poll_delay=0.01)
    assert await deferred.abort(timeout=LIMIT_S, poll_delay=0.01)
    assert await queue.is_empty()


async def test_a_job_that_nobody_knows_ends_with_an_error(
    start_worker: StartWorker, queue: Queue, job: Callable[[str], Job]
) -> None:
    await queue.put("nonsense", job_id="unknown")
    await queue.put("add", job_id="expired")
    await queue.redis.delete("arq:job:test:expired")
    await queue.put("add", job_id="garbage")
    await queue.redis.set("arq:job:test:garbage", b"\xc1", ex=60)
    start_worker({"add": add}, keep_result=60)
    await until(queue.is_empty)
    results = {name: await job(name).result_info() for name in ("unknown", "expired", "garbage")}
    told = {name: found.result for name, found in results.items() if found and not found.success}
    assert told == {
        "unknown": "JobExecutionFailed(\"function 'nonsense' not found\")",
        "expired": "JobExecutionFailed('job expired')",
        "garbage": "DeserializationError('unable to deserialize job')",
    }


async def test_a_job_that_takes_too_long_fails(
    start_worker: StartWorker, queue: Queue, job: Callable[[str], Job]
) -> None:
    async def wait(_: dict[str, Any]) -> None:
        await asyncio.Event().wait()

    start_worker({"wait": wait}, job_timeout=0.05, keep_result=60)
    await queue.put("wait", job_id="j")
    await until(lambda: queue.is_gone("j"))
    info = await job("j").result_info()
    assert info is not None
    assert info.result == "TimeoutError()"


async def test_an_enqueued_attempt_number_is_kept(start_worker: StartWorker, queue: Queue) -> None:
    tries: asyncio.Queue[int] = asyncio.Queue()

    async def count(ctx: dict[str, Any]) -> None:
        tries.put_nowait(ctx["job_try"])

    start_worker({"count": count})
    await queue.put("count", job_id="j", _job_try=3)
    assert await asyncio.wait_for(tries.get(), LIMIT_S) == 3
    await until(lambda: queue.is_gone("j"))


@pytest.mark.filterwarnings("ignore:Call to deprecated close")  # arq's own
async def test_arq_check_finds_any_worker(
    start_worker: StartWorker, queue: Queue, redis: Redis, redis_url: str, keys: Keys
) -> None:
    settings = RedisSettings(unix_socket_path=redis_url.removeprefix("unix://"))
    assert await async_check_health(settings, queue_name=queue.name) == 1
    worker = start_worker({"add": add})
    start_worker({"add": add})

    async def up() -> bool:
        return len(await redis.keys(keys.health("agent", "*"))) == 2

    await until(up)
    assert await async_check_health(settings, queue_name=queue.name) == 0
    # One that stops takes only its own key with it (with stock arq it takes the only one).
    await worker.close()
    assert await redis.keys(keys.health("agent", f"{worker.name}*")) == []
    assert await async_check_health(settings, queue_name=queue.name) == 0


async def test_the_index_of_workers_names_those_that_live(start_worker: StartWorker, redis: Redis, keys: Keys) -> None:
    index = keys.workers("agent")
    killed, forgotten = "killed-1-a", "forgotten-2-b"
    await redis.zadd(index, {killed: int(time.time() * 1000), forgotten: 1})
    worker, other = start_worker({"add": add}), start_worker({"add": add})

    async def both_are_up() -> bool:
        return set(await load_live_workers(redis, keys, Stage.AGENT)) == {worker.name, other.name}

    await until(both_are_up)
    assert set(await redis.zrange(index, 0, -1)) == {name.encode() for name in (killed, worker.name, other.name)}
    await worker.close()
    assert await load_live_workers(redis, keys, Stage.AGENT) == [other.name]
    assert await redis.zscore(index, worker.name) is None
