"""The engine inside one process: what a job function gets, and what becomes of the job."""

import asyncio
import inspect
from collections import Counter
from typing import Any

import pytest
from arq.cron import cron
from arq.worker import Retry
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.keys import Keys, Stage
from shared.lanes import append
from shared.redis_client import load_list
from shared.round_trip import Confirm, execute
from shared.scripts import Call, Script
from tests.integration.engine.rig import LIMIT_S, Queue, Server, StartWorker, fill, pass_on, until
from workers import engine_turn
from workers.engine import EventWorker, PutOff


class Events:
    """What job functions tell the test."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[Any] = asyncio.Queue()

    def tell(self, what: Any) -> None:
        self._told.put_nowait(what)

    async def next(self) -> Any:
        async with asyncio.timeout(LIMIT_S):
            return await self._told.get()

    @property
    def none_left(self) -> bool:
        return self._told.empty()


@pytest.fixture
def events() -> Events:
    return Events()


# --- lanes ---


async def test_a_lane_job_brings_its_records(
    start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue, events: Events
) -> None:
    async def agent(ctx: dict[str, Any]) -> None:
        said = await ctx["commit"](pass_on(keys, ctx))
        events.tell((ctx["records"], ctx["job_try"], said))

    start_worker({"agent": agent}, peek=3)
    await fill(redis, keys, "c", b"1", b"2", b"3", b"4")
    assert await events.next() == ([b"1", b"2", b"3"], 1, 1)
    assert await events.next() == ([b"4"], 1, 1)
    await until(queue.is_empty)
    assert await load_list(redis, keys.lane(Stage.FORMAT, "c").list, 0, -1) == [b"1", b"2", b"3", b"4"]
    assert await redis.keys("arq:*agent*") == []


async def test_a_lane_job_costs_two_round_trips(
    start_worker: StartWorker,
    redis: Redis,
    keys: Keys,
    queue: Queue,
    events: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipelines: list[list[str]] = []

    async def counting(redis: Redis, calls: list[Call], **options: Any) -> list[Any]:
        pipelines.append([call.script.name for call in calls])
        return await execute(redis, calls, **options)

    monkeypatch.setattr(engine_turn, "execute", counting)

    async def agent(ctx: dict[str, Any]) -> None:
        assert await ctx["commit"](pass_on(keys, ctx)) == 1
        events.tell("done")

    worker = start_worker({"agent": agent}, peek=5)
    await until(lambda: worker._loop._bell._listening is not None)
    pipelines.clear()
    await fill(redis, keys, "c", b"1")
    await events.next()
    await until(lambda: not worker.tasks)
    await asyncio.sleep(0)
    assert pipelines == [["cycle"], ["hand_over", "cycle"]]


async def test_calls_of_many_jobs_travel_together(
    start_worker: StartWorker, queue: Queue, events: Events, redis: Redis, keys: Keys
) -> None:
    async def job(ctx: dict[str, Any]) -> None:
        lane = keys.lane(Stage.FORMAT, ctx["job_id"])
        events.tell(await ctx["call"](append(lane=lane, stage=Stage.FORMAT, records=(b"x",))))

    for number in range(30):
        await queue.put("job", job_id=f"{number}")
    before = (await redis.info("stats"))["total_reads_processed"]
    start_worker({"job": job}, max_jobs=30)
    assert [await events.next() for _ in range(30)] == [1] * 30
    # 30 appends, 30 claims and 30 releases. What is read beside them (start, health, this INFO) is a handful.
    assert (await redis.info("stats"))["total_reads_processed"] - before < 30


async def test_the_job_of_an_idle_lane_is_dropped(
    start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue
) -> None:
    async def agent(_: dict[str, Any]) -> None:
        raise AssertionError("there is nothing to do")

    await fill(redis, keys, "c", b"1")
    await redis.delete(keys.lane(Stage.AGENT, "c").list)
    start_worker({"agent": agent}, peek=5)
    await until(queue.is_empty)
    assert await redis.keys("arq:*") == []
    await redis.delete(keys.conversation("c"))


async def test_a_fenced_commit_leaves_no_job_behind(
    start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue, events: Events
) -> None:
    async def agent(ctx: dict[str, Any]) -> None:
        events.tell(await ctx["commit"](pass_on(keys, ctx, turn="1")))

    await fill(redis, keys, "c", b"1")
    start_worker({"agent": agent}, peek=5)
    assert await events.next() == 0
    await until(queue.is_empty)
    assert await load_list(redis, keys.lane(Stage.AGENT, "c").list, 0, -1) == [b"1"]


async def test_a_commit_that_was_refused_may_be_put_off(
    start_worker: StartWorker, redis: Redis, keys: Keys, events: Events
) -> None:
    broken = Script("broken", "return redis.error_reply('no')", "0" * 40)

    async def agent(ctx: dict[str, Any]) -> None:
        events.tell(ctx["job_try"])
        try:
            await ctx["commit"](Call(broken, (), ()) if ctx["job_try"] == 1 else pass_on(keys, ctx))
        except ResponseError:
            raise PutOff(0, counted=True) from None
        events.tell("done")

    await fill(redis, keys, "c", b"1")
    start_worker({"agent": agent}, peek=5)
    assert [await events.next() for _ in range(3)] == [1, 2, "done"]


async def test_a_full_slot_is_free_again_with_the_commit(
    start_worker: StartWorker, redis: Redis, keys: Keys, events: Events
) -> None:
    """With one slot: the second lane is claimed by the cycle that travels with the first one's commit."""
    both = asyncio.Event()

    async def agent(ctx: dict[str, Any]) -> None:
        await ctx["commit"](pass_on(keys, ctx))
        events.tell(ctx["records"])
        if ctx["records"] == [b"1"]:
            await both.wait()  # as if it wrote a long log
        both.set()

    await fill(redis, keys, "a", b"1")
    await fill(redis, keys, "b", b"2")
    start_worker({"agent": agent}, peek=5, max_jobs=1)
    assert [await events.next(), await events.next()] == [[b"1"], [b"2"]]


async def test_a_full_redis_ends_no_worker(
    start_worker: StartWorker, own_server: Server, own_redis: Redis, keys: Keys, events: Events
) -> None:
    """A Redis that refuses whatever takes memory: what waits is worked off all the same, and so it drains."""

    async def agent(ctx: dict[str, Any]) -> None:
        assert await ctx["commit"](pass_on(keys, ctx)) == 1
        events.tell(ctx["records"])

    for conversation in ("a", "b"):
        await fill(own_redis, keys, conversation, b"1", b"2")
    await own_redis.config_set("maxmemory", 1)
    start_worker({"agent": agent}, peek=1, redis_url=own_server.url)
    drained = [await events.next() for _ in range(4)]
    assert sorted(drained) == [[b"1"], [b"1"], [b"2"], [b"2"]]
    await own_redis.config_set("maxmemory", 0)
    await fill(own_redis, keys, "c", b"3")
    assert await events.next() == [b"3"]


async def test_a_full_redis_drains_through_a_worker_that_it_has_refused_something(
    start_worker: StartWorker, own_server: Server, own_redis: Redis, keys: Keys, events: Events
) -> None:
    """After trouble the queue is looked at without claiming, which rings for another worker. If a full Redis refused
    that, nothing would be claimed any more."""
    full, gate = asyncio.Event(), asyncio.Event()

    async def agent(ctx: dict[str, Any]) -> None:
        events.tell(ctx["records"])
        if ctx["records"] == [b"grows"]:
            await full.wait()
            await ctx["call"](append(lane=keys.lane(Stage.FORMAT, "c"), stage=Stage.FORMAT, records=(b"x",)))
        if ctx["records"] == [b"waits"]:
            await gate.wait()
        assert await ctx["commit"](pass_on(keys, ctx)) == 1

    for record in (b"grows", b"waits"):
        await fill(own_redis, keys, record.decode(), record)
    start_worker({"agent": agent}, peek=1, max_jobs=2, redis_url=own_server.url)
    assert sorted([await events.next(), await events.next()]) == [[b"grows"], [b"waits"]]
    await fill(own_redis, keys, "next", b"next")
    await own_redis.delete(keys.bell("agent"))  # as if another worker had just been woken
    await own_redis.config_set("maxmemory", 1)
    await own_redis.config_resetstat()
    full.set()
    await until(lambda: has_looked(own_redis))
    gate.set()
    assert await events.next() == [b"next"]
    await own_redis.config_set("maxmemory", 0)
    await until(lambda: is_empty(own_redis, keys))


async def test_a_full_redis_costs_no_lease(
    start_worker: StartWorker, own_server: Server, own_redis: Redis, keys: Keys, events: Events
) -> None:
    async def job(ctx: dict[str, Any]) -> None:
        first = await ctx["redis"].zscore(queue.name, ctx["job_id"])
        await ctx["redis"].config_set("maxmemory", 1)
        await until(lambda: moved(first))
        events.tell(await queue.attempts("j"))

    async def moved(first: float) -> bool:
        return await queue.score("j") not in (first, None)

    queue = Queue(own_redis, keys)
    start_worker({"job": job}, redis_url=own_server.url, lease_s=0.5)
    await queue.put("job", job_id="j")
    assert await events.next() == 0, "it was renewed, not lost and claimed again"
    await until(lambda: queue.is_gone("j"))


async def test_a_call_that_a_full_redis_refuses_is_sent_again(
    start_worker: StartWorker, own_server: Server, own_redis: Redis, keys: Keys, events: Events
) -> None:
    async def job(ctx: dict[str, Any]) -> None:
        await ctx["redis"].config_set("maxmemory", 1)
        events.tell("full")
        lane = keys.lane(Stage.FORMAT, "c")
        events.tell(await ctx["call"](append(lane=lane, stage=Stage.FORMAT, records=(b"x",))))

    start_worker({"job": job}, redis_url=own_server.url)
    await Queue(own_redis, keys).put("job", job_id="j")
    assert await events.next() == "full"
    await until(lambda: refusals(own_redis))
    await own_redis.config_set("maxmemory", 0)
    assert await events.next() == 1


async def has_looked(redis: Redis) -> bool:
    """Whether a cycle has read the queue since the statistics were reset."""
    return "cmdstat_zrange" in await redis.info("commandstats")


async def is_empty(redis: Redis, keys: Keys) -> bool:
    return int(await redis.zcard(keys.queue("agent"))) == 0


async def refusals(redis: Redis) -> bool:
    """Whether Redis has refused something for want of memory."""
    return "errorstat_OOM" in await redis.info("errorstats")


async def test_a_call_that_was_not_confirmed_is_sent_again(
    start_worker: StartWorker, queue: Queue, keys: Keys, events: Events
) -> None:
    """The confirmation here counts itself, and is content with the second."""

    async def job(ctx: dict[str, Any]) -> None:
        lane = keys.lane(Stage.FORMAT, "c")
        events.tell(await ctx["call"](append(lane=lane, stage=Stage.FORMAT, records=(b"x",))))

    start_worker({"job": job}, confirm=Confirm(("INCR", "test:queue:confirmations"), (2,)))
    await queue.put("job", job_id="j")
    assert await events.next() == 2, "the first append was carried out, but nobody was told"


# --- put-offs, retries, attempts ---


async def test_a_put_off_costs_an_attempt_only_if_it_counts(
    start_worker: StartWorker, queue: Queue, events: Events
) -> None:
    orders: list[Exception | None] = [
        PutOff(0, counted=False),
        PutOff(0.01, counted=False),
        PutOff(0, counted=True),
        Retry(defer=0.01),
        PutOff(0, counted=False),
        None,
    ]

    async def job(ctx: dict[str, Any]) -> None:
        events.tell(ctx["job_try"])
        if order := orders.pop(0):
            raise order

    start_worker({"job": job})
    await queue.put("job", job_id="j")
    assert [await events.next() for _ in range(6)] == [1, 1, 1, 2, 3, 3]
    await until(lambda: queue.is_gone("j"))
    assert await queue.attempts("j") == 0


async def test_a_signal_ends_a_put_off_early(start_worker: StartWorker, queue: Queue, events: Events) -> None:
    async def job(ctx: dict[str, Any]) -> None:
        events.tell(ctx["job_try"])
        if ctx["job_try"] == 1:
            raise PutOff(3600, counted=True)

    worker = start_worker({"job": job})
    await queue.put("job", job_id="j")
    assert await events.next() == 1
    await until(lambda: not worker.tasks)
    await until(lambda: put_off(queue))
    await queue.redis.zadd(queue.name, {"test:j": 1})
    await queue.ring()
    assert await events.next() == 2


async def put_off(queue: Queue) -> bool:
    return await queue.has("j") and await queue.holder("j") is None


async def test_a_job_beyond_its_tries_is_given_up(start_worker: StartWorker, queue: Queue, events: Events) -> None:
    async def job(ctx: dict[str, Any]) -> None:
        events.tell(ctx["job_try"])
        raise Retry

    start_worker({"job": job}, max_tries=2)
    await queue.put("job", job_id="j")
    assert [await events.next(), await events.next()] == [1, 2]
    await until(lambda: queue.is_gone("j"))
    assert events.none_left


# --- leases ---


async def test_a_lost_lease_cancels_the_task(
    start_worker: StartWorker, queue: Queue, events: Events, redis: Redis
) -> None:
    async def job(_: dict[str, Any]) -> None:
        events.tell("running")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            events.tell("cancelled")
            raise

    worker = start_worker({"job": job}, lease_s=0.3)
    await queue.put("job", job_id="j")
    assert await events.next() == "running"
    await redis.set("arq:in-progress:test:j", "another worker", ex=60)
    taken = await queue.score("j")
    assert await events.next() == "cancelled"
    await until(lambda: not worker.tasks)
    await asyncio.wait_for(worker.pool.ping(), LIMIT_S)
    assert await queue.holder("j") == b"another worker"
    assert await queue.score("j") == taken


async def test_a_lease_that_ran_out_is_taken_again_without_a_second_run(
    start_worker: StartWorker, queue: Queue, events: Events, redis: Redis
) -> None:
    gate = asyncio.Event()

    async def job(_: dict[str, Any]) -> None:
        events.tell("running")
        await gate.wait()
        events.tell("ended")

    worker = start_worker({"job": job}, lease_s=600)
    await queue.put("job", job_id="j")
    assert await events.next() == "running"
    # As after a minute without Redis: the lease is over, the connections are gone.
    await redis.delete("arq:in-progress:test:j")
    await redis.zadd(queue.name, {"test:j": 1})
    await redis.client_kill_filter(_type="normal", skipme=True)

    async def held_again() -> bool:
        return await queue.holder("j") == worker.name.encode()

    await until(held_again)
    gate.set()
    assert await events.next() == "ended"
    await until(lambda: queue.is_gone("j"))
    assert events.none_left


async def test_dropped_connections_lose_nothing(
    start_worker: StartWorker, queue: Queue, events: Events, redis: Redis, keys: Keys
) -> None:
    async def agent(ctx: dict[str, Any]) -> None:
        await ctx["commit"](pass_on(keys, ctx))
        events.tell("done")

    start_worker({"agent": agent}, peek=1, lease_s=1)
    for number in range(20):
        await fill(redis, keys, f"c{number}", b"1", b"2")
        await redis.client_kill_filter(_type="normal", skipme=True)
    await until(queue.is_empty)
    for number in range(20):
        assert await load_list(redis, keys.lane(Stage.FORMAT, f"c{number}").list, 0, -1) == [b"1", b"2"]


# --- rest ---


async def test_an_idle_worker_is_quiet(start_worker: StartWorker, redis: Redis) -> None:
    """Four commands for each time that the bell stays silent: BLPOP, and one look at the queue (EVALSHA and two
    inside). With what it does besides, that is less than two a second."""

    async def job(_: dict[str, Any]) -> None: ...

    async def calls() -> Counter[str]:
        stats = await redis.info("commandstats")
        return Counter({name.removeprefix("cmdstat_"): counted["calls"] for name, counted in stats.items()})

    async def waits(number: int) -> bool:
        return (await calls())["blpop"] >= number

    await redis.config_resetstat()
    start_worker({"job": job}, fallback_s=0.05, health_check_interval=3600, sweep_interval_s=3600)
    await until(lambda: waits(2))
    before = await calls()
    await until(lambda: waits(before["blpop"] + 20))
    spent = await calls() - before
    del spent["info"]
    assert set(spent) == {"blpop", "evalsha", "time", "zrange"}
    assert max(spent.values()) - min(spent.values()) <= 1

    defaults = inspect.signature(EventWorker).parameters
    waiting = 4 / defaults["fallback_s"].default
    healthy = 4 / defaults["health_check_interval"].default  # its key, arq's key, its name, the length of the queue
    sweeping = 3 / defaults["sweep_interval_s"].default  # its turn?, the time, the quiet lanes
    assert waiting + healthy + sweeping <= 2


async def test_cron_runs_once_over_three_workers(start_worker: StartWorker, events: Events, queue: Queue) -> None:
    async def tick(ctx: dict[str, Any]) -> None:
        events.tell(ctx["job_id"])

    for _ in range(3):
        start_worker(cron_jobs=[cron(tick, name="test:tick", second=set(range(60)), microsecond=0)])
    ticks = Counter([await events.next() for _ in range(3)])
    assert len(ticks) == 3, ticks
    assert set(ticks.values()) == {1}


async def test_burst_leaves_when_the_queue_is_empty(start_worker: StartWorker, queue: Queue, events: Events) -> None:
    async def job(_: dict[str, Any]) -> None:
        events.tell("ran")

    for number in range(5):
        await queue.put("job", job_id=f"{number}")
    worker = start_worker({"job": job}, burst=True, max_jobs=2)
    await until(lambda: worker.main_task is not None and worker.main_task.done())
    assert worker.jobs_complete == 5
    assert await queue.is_empty()


async def test_a_failing_hook_loses_no_job(start_worker: StartWorker, queue: Queue, events: Events) -> None:
    failures = [RuntimeError("a bug in the hook")]

    async def on_job_start(_: dict[str, Any]) -> None:
        if failures:
            raise failures.pop()

    async def job(ctx: dict[str, Any]) -> None:
        events.tell(ctx["job_try"])

    start_worker({"job": job}, on_job_start=on_job_start)
    await queue.put("job", job_id="j")
    assert await events.next() == 1
