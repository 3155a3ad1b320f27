"""Worker processes that are killed, stopped, blocked, or lose their Redis: the job survives, and is not run twice."""

import signal
from collections import Counter

from redis.asyncio import Redis

from shared.keys import Keys
from tests.integration.engine.rig import Fleet, Queue, Server, until


async def workers_up(redis: Redis, keys: Keys, number: int) -> None:
    async def counted() -> bool:
        return len(await redis.keys(keys.health("agent", "*"))) >= number

    await until(counted, f"{number} workers")


async def test_a_killed_workers_job_runs_again_within_the_lease(
    fleet: Fleet, queue: Queue, redis: Redis, keys: Keys
) -> None:
    first = fleet.start(lease_s=2)
    await queue.put("hold", job_id="j")
    await fleet.event("start")
    second = fleet.start(lease_s=2)
    await workers_up(redis, keys, 2)
    first.kill()
    lease_ends = await queue.score("j")
    pid, _, attempt, due = await fleet.event("start", 2)
    assert int(pid) == second.pid
    assert attempt == "2"
    # It was due at the very moment that the dead worker's lease ended, not at some time-out later.
    assert int(due) == int(lease_ends or 0)


async def test_a_deploy_costs_no_attempt(fleet: Fleet, queue: Queue) -> None:
    await queue.put("hold", job_id="j")
    for deploy in range(1, 4):
        worker = fleet.start(grace_s=0.1)
        _, _, attempt, _ = await fleet.event("start", deploy)
        assert attempt == "1"
        assert await worker.leave() == 0
        assert await queue.holder("j") is None
        assert await queue.has("j")
    assert len(fleet.events("cancelled")) == 3


async def test_a_job_that_ends_within_the_grace_period_is_finished(fleet: Fleet, queue: Queue) -> None:
    await queue.put("hold", job_id="j")
    worker = fleet.start()
    await fleet.event("start")
    worker.signal(signal.SIGTERM)
    await worker.said("worker_leaving")
    await queue.put("hold", job_id="late")
    fleet.open_gate()
    assert await worker.ended() == 0
    assert len(fleet.events("end")) == 1
    assert not await queue.has("j")
    assert await queue.has("late"), "a worker that leaves claims nothing more"


async def test_a_second_signal_ends_the_grace_period(fleet: Fleet, queue: Queue) -> None:
    await queue.put("hold", job_id="j")
    worker = fleet.start(grace_s=3600)
    await fleet.event("start")
    worker.signal(signal.SIGINT)
    await worker.said("worker_leaving")
    worker.signal(signal.SIGINT)
    assert await worker.ended() == 0
    assert await queue.has("j")
    assert await queue.attempts("j") == 0


async def test_a_stock_worker_and_ours_share_a_queue(fleet: Fleet, queue: Queue, redis: Redis) -> None:
    for kind in ("ours", "stock", "ours", "stock"):
        fleet.start(kind=kind, max_jobs=5)
    for number in range(200):
        await queue.pool.enqueue_job("meet", _job_id=f"test:{number}")
    await queue.ring()
    await fleet.event("end", 200)

    await until(queue.is_empty)
    runs = Counter(job_id for _, job_id, *_ in fleet.events("start"))
    assert set(runs.values()) == {1}
    assert {kind for *_, kind in fleet.events("start")} == {"ours", "stock"}
    await redis.delete("test:queue:kinds")


async def test_a_blocked_loop_keeps_its_lease(fleet: Fleet, queue: Queue, redis: Redis, keys: Keys) -> None:
    fleet.start(lease_s=1)
    fleet.start(lease_s=1)
    await workers_up(redis, keys, 2)
    await queue.put("block", job_id="j")
    await fleet.event("end")
    assert len(fleet.events("start")) == 1


async def test_a_restarted_redis_ends_no_worker(own_server: Server, own_queue: Queue, own_fleet: Fleet) -> None:
    fleet, queue = own_fleet, own_queue
    worker = fleet.start()
    await queue.put("hold", job_id="running")
    await fleet.event("start")
    own_server.kill()
    await worker.said("redis_away")
    own_server.start()
    await worker.said("redis_back")
    fleet.open_gate()
    await fleet.event("end")
    await until(lambda: queue.is_gone("running"))
    assert len(fleet.events("start")) == 1, "the running job was not started twice"
    await queue.put("hold", job_id="next")
    await fleet.event("end", 2)
    assert await worker.leave() == 0
    said = worker.output.read_text()
    assert said.count("redis_away") == said.count("redis_back") == 1


async def test_a_job_that_ends_while_redis_is_away_is_finished_when_it_is_back(
    own_server: Server, own_queue: Queue, own_fleet: Fleet
) -> None:
    fleet, queue = own_fleet, own_queue
    worker = fleet.start()
    await queue.put("hold", job_id="j")
    await fleet.event("start")
    own_server.kill()
    await worker.said("redis_away")
    fleet.open_gate()
    await fleet.event("end")
    own_server.start()
    await worker.said("redis_back")
    await until(lambda: queue.is_gone("j"))
    assert len(fleet.events("start")) == 1


async def test_a_worker_that_starts_before_redis_waits_for_it(
    own_server: Server, own_queue: Queue, own_fleet: Fleet
) -> None:
    await own_queue.put("hold", job_id="j")
    own_server.kill()
    worker = own_fleet.start()
    await worker.said("redis_away")
    own_server.start()
    await own_fleet.event("start")
    assert worker.alive


async def test_a_worker_can_leave_while_redis_is_away(own_server: Server, own_queue: Queue, own_fleet: Fleet) -> None:
    worker = own_fleet.start(grace_s=0.1)
    await own_queue.put("hold", job_id="j")
    await own_fleet.event("start")
    own_server.kill()
    await worker.said("redis_away")
    assert await worker.leave() == 0
    own_server.start()
    await until(lambda: own_queue.has("j"))
