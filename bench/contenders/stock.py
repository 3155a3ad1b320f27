"""Stock arq 0.28 as published, on uvloop and with msgpack instead of pickle, which is how people tune it.

It hands over with `enqueue_job`, and not atomically with the end of its own job: arq has no other way.
"""

import asyncio
import logging
import time
from typing import Any
from urllib.parse import unquote

import uvloop
from arq.connections import RedisSettings
from arq.worker import Worker, func

from bench.contenders.plan import KEYS, LATENCY, NEXT_STAGE, hang, noop, plan_from_argv, say_ready
from shared.keys import Stage
from shared.queue import deserialize, serialize


def hop_from(stage: Stage) -> Any:
    """The function of one stage: enqueue the next one's job; the last one measures."""
    target = NEXT_STAGE.get(stage)

    async def hop(ctx: dict[str, Any], sent_at: float) -> None:
        if target is None:
            await ctx["redis"].rpush(LATENCY, repr(time.time() - sent_at))
        else:
            await ctx["redis"].enqueue_job(target.value, sent_at, _queue_name=KEYS.queue(target.value))

    return func(hop, name=stage.value)


def main() -> None:
    """Run until SIGTERM."""
    plan = plan_from_argv()
    logging.basicConfig(level=logging.WARNING)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.set_event_loop(asyncio.new_event_loop())
    Worker(
        [noop, hang, *(hop_from(stage) for stage in Stage)],  # type: ignore[list-item]  # arq wants its own protocol
        redis_settings=RedisSettings(unix_socket_path=unquote(plan.redis_url.removeprefix("unix://"))),
        queue_name=KEYS.queue(plan.stage.value),
        max_jobs=plan.max_jobs,
        poll_delay=plan.poll_delay_s,
        keep_result=0,
        job_serializer=serialize,
        job_deserializer=deserialize,
        on_startup=say_ready,
    ).run()


if __name__ == "__main__":
    main()
