"""A real worker process for the engine's tests: `python worker_process.py '{...}'`.

Its jobs tell what happens by appending lines to a file (so that they can while Redis is away) and wait for a file
called `gate`.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import redis
import uvloop
from arq.connections import RedisSettings
from arq.worker import Worker

from shared.keys import Keys, Stage
from shared.lanes import hand_over
from shared.queue import deserialize, serialize, split_job_id
from workers.engine import EventWorker, run


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the test asks for. `kind`: ours or stock."""

    folder: str
    redis_url: str
    kind: str = "ours"
    lease_s: float = 12.0
    grace_s: float = 10.0
    max_jobs: int = 10
    peek: int = 0


KEYS = Keys("test:")
plan = msgspec.json.decode(sys.argv[1], type=Plan) if len(sys.argv) > 1 else None


def tell(what: str, *words: object) -> None:
    """Add a line to the file of events."""
    assert plan
    line = " ".join(map(str, (what, os.getpid(), *words))) + "\n"
    with (Path(plan.folder) / "events").open("a") as events:  # one write: appended as a whole
        events.write(line)


def gate_is_open() -> bool:
    """Whether the test lets jobs go on."""
    assert plan
    return (Path(plan.folder) / "gate").exists()


async def hold(ctx: dict[str, Any]) -> None:
    """Run until the gate opens."""
    tell("start", ctx["job_id"], ctx["job_try"], ctx["score"])
    try:
        while not gate_is_open():  # noqa: ASYNC110 - it is opened by another process
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        tell("cancelled", ctx["job_id"])
        raise
    tell("end", ctx["job_id"])


async def block(ctx: dict[str, Any]) -> None:
    """Block the whole event loop until the lease was renewed twice."""
    assert plan
    tell("start", ctx["job_id"], ctx["job_try"], ctx["score"])
    client = redis.Redis.from_url(plan.redis_url)
    seen: set[object] = set()
    while len(seen) < 3:
        seen.add(client.zscore(KEYS.queue("agent"), ctx["job_id"]))
        time.sleep(0.01)  # noqa: ASYNC251 - on purpose
    client.close()
    tell("end", ctx["job_id"], len(seen))


async def meet(ctx: dict[str, Any]) -> None:
    """End only when workers of both kinds hold a job at the same time."""
    assert plan
    tell("start", ctx["job_id"], ctx["job_try"], plan.kind)
    await ctx["redis"].sadd("test:queue:kinds", plan.kind)
    while await ctx["redis"].scard("test:queue:kinds") < 2:  # noqa: ASYNC110 - the other kind is another process
        await asyncio.sleep(0.01)
    tell("end", ctx["job_id"])


async def agent(ctx: dict[str, Any]) -> None:
    """Hand the lane's records over to the format stage, as the pipeline does."""
    list_key, turn = split_job_id(ctx["job_id"])
    conversation = KEYS.lane_of_list(list_key)[1]
    await asyncio.sleep(0.01)  # the agent thinks
    await ctx["commit"](
        hand_over(
            source=KEYS.lane(Stage.AGENT, conversation),
            source_stage=Stage.AGENT,
            turn=turn,
            taken=len(ctx["records"]),
            target=KEYS.lane(Stage.FORMAT, conversation),
            target_stage=Stage.FORMAT,
            records=tuple(ctx["records"]),
        )
    )


def main() -> None:
    assert plan
    functions: list[Any] = [hold, block, meet, agent]
    if plan.kind == "stock":
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        asyncio.set_event_loop(asyncio.new_event_loop())
        Worker(
            functions,
            redis_settings=RedisSettings(unix_socket_path=unquote(plan.redis_url.removeprefix("unix://"))),
            queue_name=KEYS.queue("agent"),
            max_jobs=plan.max_jobs,
            poll_delay=0.02,
            keep_result=0,
            job_serializer=serialize,
            job_deserializer=deserialize,
        ).run()
    else:
        run(
            lambda: EventWorker(
                functions,
                redis_url=plan.redis_url,
                keys=KEYS,
                stage="agent",
                lease_s=plan.lease_s,
                grace_s=plan.grace_s,
                max_jobs=plan.max_jobs,
                peek=plan.peek,
            )
        )


if __name__ == "__main__":
    main()
