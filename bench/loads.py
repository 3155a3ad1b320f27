"""The loads: each runs one contender once and gives its figures."""

import statistics
import struct
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from arq.jobs import serialize_job
from redis import Redis

from bench.contenders.plan import KEYS, LATENCY, RUNS, Plan
from bench.fleet import FleetError, commands, fleet, reset_commands
from shared.keys import Stage
from shared.lanes import append
from shared.queue import serialize
from shared.redis_client import BLOCK_S
from shared.scripts import Call

DRAIN_LIMIT_S = 20.0
JOB_TTL_MS = 3_600_000
SETTLE_S = 0.3
"""Until a worker that has just started sleeps."""

QUEUE = KEYS.queue("agent")


class Drain(msgspec.Struct, frozen=True):
    """No-op jobs that were all there at the start."""

    jobs_per_s: float
    commands_per_job: float


class Hops(msgspec.Struct, frozen=True):
    """Texts that come one by one and pass three queues with a worker each."""

    p50_ms: float
    p95_ms: float
    idle_commands_per_s: float
    """Per worker, before the first text."""


def drain(redis: Redis, plan: Plan, *, workers: int, jobs: int) -> Drain:
    """How fast a full queue is emptied."""
    with fleet(redis, [plan] * workers):
        _fill(redis, f"{QUEUE}:aside", jobs)
        time.sleep(SETTLE_S)
        reset_commands(redis)
        started = time.perf_counter()
        redis.rename(f"{QUEUE}:aside", QUEUE)
        redis.lpush(KEYS.bell("agent"), "1")
        left = jobs
        while left and time.perf_counter() - started < DRAIN_LIMIT_S:
            time.sleep(0.005)
            left = int(redis.zcard(QUEUE))  # type: ignore[arg-type]  # redis-py: maybe async
        took_s = time.perf_counter() - started
        done = jobs - left
        return Drain(done / took_s, commands(redis) / max(done, 1))


def hops(redis: Redis, plan: Plan, *, texts: int, gap_s: float, idle_s: float = 2 * BLOCK_S) -> Hops:
    """How long a text takes over three hops, and what three idle workers cost."""
    plans = [msgspec.structs.replace(plan, stage=stage) for stage in Stage]
    with fleet(redis, plans):
        time.sleep(SETTLE_S)
        reset_commands(redis)
        time.sleep(idle_s)
        idle = commands(redis) / idle_s / len(plans)
        for index in range(texts):
            # Uneven gaps, so that no contender's polling falls into step with them.
            time.sleep(gap_s * (0.5 + index * 0.618034 % 1))
            _send_text(redis, plan, index)
        latencies = _latencies(redis, texts)
        return Hops(statistics.median(latencies), latencies[int(len(latencies) * 0.95)], idle)


def rerun_after_kill(redis: Redis, plan: Plan) -> float:
    """Seconds from SIGKILL of a worker in mid-job until another one has started the job again."""
    with fleet(redis, [plan, plan]) as processes:
        _enqueue(redis, "hang", ())
        _, pid = _next_run(redis, limit_s=10)
        time.sleep(plan.lease_s / 2)  # past the first renewal, as a kill usually falls
        killed_at = time.time()
        next(process for process in processes if process.pid == pid).kill()
        started_at, _ = _next_run(redis, limit_s=plan.lease_s * 3)
        return started_at - killed_at


def _next_run(redis: Redis, *, limit_s: float) -> tuple[float, int]:
    """When an attempt started, and the process that runs it."""
    popped: Any = redis.blpop([RUNS], timeout=limit_s)  # type: ignore[arg-type]  # seconds may be fractions
    if popped is None:
        raise FleetError("no worker took the job")
    at, pid = popped[1].split()
    return float(at), int(pid)


def _fill(redis: Redis, queue: str, jobs: int) -> None:
    now_ms = time.time_ns() // 1_000_000 - 10
    for first in range(0, jobs, 1000):
        with redis.pipeline(transaction=False) as pipe:
            for number in range(first, min(first + 1000, jobs)):
                payload = serialize_job("noop", (number,), {}, None, now_ms, serializer=serialize)
                pipe.set(f"arq:job:bench:{number}", payload, px=JOB_TTL_MS)
                pipe.zadd(queue, {f"bench:{number}": now_ms})
            pipe.execute()


def _enqueue(redis: Redis, function: str, args: Sequence[object], *, job_id: str = "bench:one") -> None:
    """As arq's `enqueue_job` does, plus the bell."""
    now_ms = time.time_ns() // 1_000_000
    with redis.pipeline(transaction=True) as pipe:
        pipe.set(f"arq:job:{job_id}", serialize_job(function, tuple(args), {}, None, now_ms, serializer=serialize))
        pipe.zadd(QUEUE, {job_id: now_ms})
        pipe.lpush(KEYS.bell("agent"), "1")
        pipe.execute()


def _send_text(redis: Redis, plan: Plan, index: int) -> None:
    """Ours: into a lane, by script. Stock: `enqueue_job`."""
    now = time.time()
    if plan.contender == "ours":
        lane = KEYS.lane(Stage.AGENT, f"c{index}")
        _send(redis, append(lane=lane, stage=Stage.AGENT, records=(struct.pack("d", now),)))
    else:
        _enqueue(redis, "agent", (now,), job_id=f"bench:text:{index}")


def _send(redis: Redis, call: Call) -> None:
    redis.execute_command("EVAL", call.script.source, *call.command()[2:])  # type: ignore[no-untyped-call]


def _latencies(redis: Redis, texts: int) -> list[float]:
    """In ms, ascending."""
    deadline = time.monotonic() + DRAIN_LIMIT_S
    while int(redis.llen(LATENCY)) < texts and time.monotonic() < deadline:  # type: ignore[arg-type]
        time.sleep(0.02)
    found: list[bytes] = redis.lrange(LATENCY, 0, -1)  # type: ignore[assignment]
    return sorted(float(seconds) * 1000 for seconds in found)
