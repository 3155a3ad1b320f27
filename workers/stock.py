"""`arq workers.<stage>.WorkerSettings`: a stage on a stock arq worker. For compatibility; degraded.

It polls every half second, renews no lease (a job whose worker died waits for `job_timeout`), and ends when Redis is
away. What is promised still holds: commits are fenced, sends are journalled. Prefer `textgate worker`.
"""

import os
from typing import Any

from arq.connections import RedisSettings

from shared.durability import confirmation
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.logs import take_over_loggers
from shared.queue import deserialize, serialize
from shared.redis_client import connect
from shared.settings import load_settings
from shared.start_up import start_up
from workers.release import release_job
from workers.run import JOB_TIMEOUT_S, concurrency, hooks, redis_url
from workers.stage_job import MAX_TRIES, stage_job
from workers.work import StageSpec

GRACE_S = 10


def worker_settings(spec: StageSpec) -> type:
    """arq's settings class for a stage, from the configuration that the environment names. Raises ConfigError."""
    settings = load_settings(None, os.environ)
    start_up(settings, role=f"worker {spec.stage.value}")
    on_startup, on_shutdown = hooks(spec, settings)
    group = GroupCommit(connect(redis_url(settings)), confirm=confirmation(settings.redis))

    async def start(ctx: dict[str, Any]) -> None:
        take_over_loggers()  # the arq command has set up its own after it imported this
        await on_startup(ctx)
        ctx["group"] = group

    async def stop(ctx: dict[str, Any]) -> None:
        await group.close()
        await on_shutdown(ctx)

    return type(
        "WorkerSettings",
        (),
        {
            "functions": [stage_job(spec), release_job()],
            "queue_name": Keys(settings.redis.prefix).queue(spec.stage.value),
            "redis_settings": RedisSettings.from_dsn(redis_url(settings)),
            "on_startup": start,
            "on_shutdown": stop,
            "max_jobs": concurrency(spec.stage, settings),
            "max_tries": MAX_TRIES,
            "job_timeout": JOB_TIMEOUT_S,
            "job_completion_wait": GRACE_S,
            "keep_result": 0,
            "job_serializer": serialize,
            "job_deserializer": deserialize,
        },
    )
