"""A worker that sleeps is woken for what is held at its very time, by its job or, if that is lost, by the sweeper."""

import time
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from shared.holds import hold_reply, load_all_held
from shared.keys import Keys, Stage, conversation_id
from shared.queue import RELEASE
from shared.records import Origin, Reply, decode_reply
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.settings import Settings
from tests.integration.engine.rig import StartWorker, until
from workers.release import release_held
from workers.work import Environment

ANN = "+12025550111"
CONVERSATION = conversation_id("default", ANN)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def hold(redis: Redis, keys: Keys, name: str, due_ms: int) -> None:
    reply = Reply(
        reply_id=f"{CONVERSATION}-{name}",
        account_id="default",
        conversation=CONVERSATION,
        to=ANN,
        texts=(name,),
        origin=Origin.API,
        created_ms=1,
    )
    assert await execute(redis, [hold_reply(keys=keys, reply=reply, due_ms=due_ms)]) == [1]


async def joined(redis: Redis, keys: Keys) -> list[str]:
    lane = keys.lane(Stage.FORMAT, CONVERSATION)
    return [decode_reply(record).texts[0] for record in await load_list(redis, lane.list, 0, -1)]


def start(start_worker: StartWorker, redis: Redis, keys: Keys, **options: Any) -> None:
    env = Environment(settings=Settings(state_dir=Path("/nowhere")), keys=keys, redis=redis)
    start_worker({RELEASE: release_held}, stage="format", ctx={"env": env}, **options)


async def test_messages_join_their_lane_in_order_and_leave_no_job(
    redis: Redis, keys: Keys, start_worker: StartWorker
) -> None:
    start(start_worker, redis, keys, fallback_s=3.0)
    soon = now_ms() + 300
    for name, due_ms in (("third", soon + 200), ("first", 1), ("second", soon)):
        await hold(redis, keys, name, due_ms)

    async def all_there() -> bool:
        return len(await joined(redis, keys)) == 3

    await until(all_there, "the third message")
    assert now_ms() >= soon + 200, "none comes before its time"
    assert await joined(redis, keys) == ["first", "second", "third"]
    assert await load_all_held(redis, keys) == []
    hold_key = keys.hold(Stage.FORMAT, CONVERSATION).set

    async def no_job_is_left() -> bool:
        jobs = await redis.zrange(keys.queue("format"), 0, -1)
        return not any(job.decode().startswith(f"{hold_key}:") for job in jobs)

    await until(no_job_is_left, "the end of its jobs")
    assert not [key async for key in redis.scan_iter(f"arq:*{hold_key}*")]


async def test_the_sweeper_of_a_worker_lets_go_what_lost_its_job(
    redis: Redis, keys: Keys, start_worker: StartWorker
) -> None:
    await hold(redis, keys, "lost", 1)
    await redis.delete(keys.queue("format"))
    start(start_worker, redis, keys, sweep_interval_s=0.05)

    async def there() -> bool:
        return await joined(redis, keys) == ["lost"]

    await until(there, "the message")


async def test_the_sweeper_does_the_chores_that_it_is_given(
    redis: Redis, keys: Keys, start_worker: StartWorker
) -> None:
    seen: list[str] = []

    async def chore(ctx: dict[str, Any]) -> None:
        seen.append(type(ctx["env"]).__name__)

    start(start_worker, redis, keys, sweep_interval_s=0.05, chores=(chore,))
    await until(lambda: len(seen) >= 2, "the chore")
    assert set(seen) == {"Environment"}
