"""Several pipelines under way at once: no worker takes turns with Redis, and nothing gets lost between them."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.claims import Again, Claimant
from shared.keys import Keys, Stage
from shared.lanes import append
from shared.redis_client import load_list
from shared.round_trip import Confirm, NotConfirmedError, execute
from shared.scripts import Call
from tests.integration.engine.rig import Queue, StartWorker, fill, pass_on, until
from workers import engine_turn
from workers.engine_house import House
from workers.engine_loop import GROUP, UNDER_WAY
from workers.engine_turn import Exchange, Running, Sent

LANES = 6 * GROUP


class Pipelines:
    """Passes them on, and knows how many were under way at once, and how many calls of jobs each carried."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self.calls: list[int] = []

    async def execute(self, redis: Redis, calls: list[Call], **options: Any) -> list[Any]:
        self._now += 1
        self.most = max(self.most, self._now)
        self.calls.append(sum(call.script.name not in ("cycle", "renew") for call in calls))
        try:
            return await execute(redis, calls, **options)
        finally:
            self._now -= 1


@pytest.fixture
def pipelines(monkeypatch: pytest.MonkeyPatch) -> Pipelines:
    seen = Pipelines()
    monkeypatch.setattr(engine_turn, "execute", seen.execute)
    return seen


async def filled(redis: Redis, keys: Keys) -> list[str]:
    """Names of conversations that wait for a turn."""
    names = [f"c{number}" for number in range(LANES)]
    for name in names:
        await fill(redis, keys, name, b"1", b"2")
    return names


async def through(redis: Redis, keys: Keys, names: list[str]) -> None:
    """Each conversation's records have been handed over, once and in order."""
    for name in names:
        assert await load_list(redis, keys.lane(Stage.FORMAT, name).list, 0, -1) == [b"1", b"2"]


async def test_groups_leave_without_waiting_for_each_other(
    start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue, pipelines: Pipelines
) -> None:
    together = asyncio.Event()

    async def agent(ctx: dict[str, Any]) -> None:
        if len(worker.tasks) == LANES:
            together.set()
        await together.wait()
        await ctx["commit"](pass_on(keys, ctx))

    names = await filled(redis, keys)
    worker = start_worker({"agent": agent}, peek=2, max_jobs=LANES)
    await until(queue.is_empty)
    await through(redis, keys, names)
    assert 1 < pipelines.most <= UNDER_WAY
    assert GROUP in pipelines.calls, "not all in one"


async def test_one_that_waits_for_nothing_leaves_alone(
    start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue, pipelines: Pipelines
) -> None:
    async def agent(ctx: dict[str, Any]) -> None:
        await ctx["commit"](pass_on(keys, ctx))

    await fill(redis, keys, "c", b"1", b"2")
    start_worker({"agent": agent}, peek=1, max_jobs=LANES)
    await until(queue.is_empty)
    assert pipelines.most == 1


async def test_slots_are_filled_once_however_many_ask(
    start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue, pipelines: Pipelines
) -> None:
    """Cycles that are under way together share the free slots."""
    most = 0

    async def agent(ctx: dict[str, Any]) -> None:
        nonlocal most
        most = max(most, sum(job.in_slot for job in worker._loop.jobs.leased().values()))
        lane = keys.lane(Stage.OUTBOUND, ctx["job_id"])
        await ctx["call"](append(lane=lane, stage=Stage.OUTBOUND, records=(b"x",)))
        await ctx["commit"](pass_on(keys, ctx))

    names = await filled(redis, keys)
    worker = start_worker({"agent": agent}, peek=1, max_jobs=3 * GROUP)
    await until(queue.is_empty)
    await through(redis, keys, names)
    assert pipelines.most > 1
    assert 2 * GROUP < most <= 3 * GROUP


async def test_connections_that_drop_with_several_under_way_lose_nothing(
    start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue, pipelines: Pipelines
) -> None:
    async def agent(ctx: dict[str, Any]) -> None:
        for _ in range(3):
            lane = keys.lane(Stage.OUTBOUND, ctx["job_id"])
            await ctx["call"](append(lane=lane, stage=Stage.OUTBOUND, records=(b"x",)))
        await ctx["commit"](pass_on(keys, ctx))

    names = await filled(redis, keys)
    start_worker({"agent": agent}, peek=1, max_jobs=LANES, lease_s=1)
    drops = 0
    while not await queue.is_empty():
        await redis.client_kill_filter(_type="normal", skipme=True)
        drops += 1
        await asyncio.sleep(0.005)
    await through(redis, keys, names)
    assert drops > 1
    assert pipelines.most > 1
    assert await redis.keys("arq:in-progress:*") == []


class HeldHouse:
    """Lets a worker keep house for as long as the test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free, self.kept = asyncio.Event(), asyncio.Event()
        self.free.set()
        keep = House.keep

        async def slowly(house: House) -> bool:
            self.kept.set()
            await self.free.wait()
            return await keep(house)

        monkeypatch.setattr(House, "keep", slowly)

    async def hold(self) -> None:
        """From now on nothing ends that begins; returns when house is being kept."""
        self.free.clear()
        self.kept.clear()
        await self.kept.wait()


async def test_what_comes_back_while_house_is_kept_is_seen_to(
    start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else wakes this worker: its only slot is taken, and the bell and the house are quiet."""
    house = HeldHouse(monkeypatch)

    async def agent(ctx: dict[str, Any]) -> None:
        loop, lane = worker._loop, keys.lane(Stage.OUTBOUND, ctx["job_id"])
        await until(lambda: loop._bell._listening is None and not loop._under_way)
        first = ctx["call"](append(lane=lane, stage=Stage.OUTBOUND, records=(b"1",)))
        while not loop._under_way:  # noqa: ASYNC110 - it must not be back yet
            await asyncio.sleep(0)
        second = ctx["call"](append(lane=lane, stage=Stage.OUTBOUND, records=(b"2",)))
        await house.hold()
        await first
        house.free.set()
        await second
        await ctx["commit"](pass_on(keys, ctx))

    await fill(redis, keys, "c", b"1")
    worker = start_worker({"agent": agent}, peek=1, max_jobs=1, fallback_s=0.1, health_check_interval=3600)
    await until(queue.is_empty)


async def test_a_ring_while_house_is_kept_is_heard(
    start_worker: StartWorker, redis: Redis, keys: Keys, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else hears it: the token is taken, and this worker's bell is taken away behind it."""
    house = HeldHouse(monkeypatch)

    async def agent(ctx: dict[str, Any]) -> None:
        await ctx["commit"](pass_on(keys, ctx))

    worker = start_worker({"agent": agent}, peek=1, fallback_s=4, health_check_interval=3600)
    loop = worker._loop
    await until(lambda: loop._bell._listening is not None)
    loop._called()
    await house.hold()
    monkeypatch.setattr(loop._bell, "listen", lambda: None)
    await fill(redis, keys, "c", b"1")
    await until(lambda: loop._bell._listening is None)
    house.free.set()
    await until(queue.is_empty)


async def test_a_release_that_was_not_confirmed_leaves_the_next_run_its_lease(
    redis: Redis, keys: Keys, queue: Queue
) -> None:
    """The pipeline behind it has claimed the job again: to release it a second time would let another worker in."""

    class FallsShort(Confirm):
        asked = 0

        def holds(self, reply: object) -> bool:
            self.asked += 1
            return self.asked > 1

    def hand_in() -> None:
        exchange.hand_in(append(lane=keys.lane(Stage.OUTBOUND, "o"), stage=Stage.OUTBOUND, records=(b"x",)))

    claimant = Claimant(queue=queue.name, bell=queue.bell, token="ours", lease_ms=12_000)
    running: dict[str, Running] = {}
    exchange = Exchange(redis, claimant, running, confirm=FallsShort(("WAIT", 0, 1), (0,)))
    lost: list[Running] = []
    await queue.put("job", job_id="j")
    first = await exchange.send(exchange.load(look=True, slots=1), on_lost=lost.extend)
    assert first.cycle is not None
    assert len(first.cycle.claims) == 1
    hand_in()
    exchange.release(Again("test:j", 0, counted=False))
    released = exchange.load(look=False, slots=0)
    hand_in()
    claims = exchange.load(look=True, slots=1)
    failed, second = await asyncio.gather(
        exchange.send(released, on_lost=lost.extend), exchange.send(claims, on_lost=lost.extend), return_exceptions=True
    )
    assert isinstance(failed, NotConfirmedError)
    assert isinstance(second, Sent)
    assert second.cycle is not None
    running["test:j"] = Running(second.cycle.claims[0])
    await exchange.send(exchange.load(look=False, slots=0), on_lost=lost.extend)
    assert await queue.holder("j") == b"ours"
    assert lost == []
    await redis.delete("arq:in-progress:test:j")
