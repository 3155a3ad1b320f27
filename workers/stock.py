"""`arq workers.<stage>.WorkerSettings`, `probe` among them: a stage on a stock arq worker. For compatibility; degraded.

It polls every half second, renews no lease (a job whose worker died waits for `job_timeout`), and ends when Redis is
away. What is promised still holds: commits are fenced, sends are journalled. Prefer `textgate worker`.
"""

import os
from collections.abc import Sequence
from typing import Any

from arq.connections import RedisSettings

from shared.data_version import ensure_data_version
from shared.durability import confirmation
from shared.errors import EX_CONFIG, ConfigError
from shared.group_commit import GroupCommit
from shared.keys import PROBE, Keys
from shared.logs import logger, take_over_loggers
from shared.queue import deserialize, serialize
from shared.redis_client import connect
from shared.settings import Settings, load_settings
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
        await _begin(ctx, settings)
        await on_startup(ctx)
        ctx["group"] = group

    async def stop(ctx: dict[str, Any]) -> None:
        await group.close()
        await on_shutdown(ctx)

    return _settings_class(
        settings,
        queue=spec.stage.value,
        functions=[stage_job(spec), release_job()],
        on_startup=start,
        on_shutdown=stop,
        max_jobs=concurrency(spec.stage, settings),
        job_timeout=JOB_TIMEOUT_S,
    )


def probe_settings() -> type:
    """The same for the probe worker. Raises ConfigError."""
    from workers.probing import run as probing  # not with the stages: it brings the probe along

    settings = load_settings(None, os.environ)
    start_up(settings, role=f"worker {PROBE}")
    on_startup, on_shutdown = probing.hooks(settings)

    async def start(ctx: dict[str, Any]) -> None:
        await _begin(ctx, settings)
        await on_startup(ctx)

    return _settings_class(
        settings,
        queue=PROBE,
        functions=[probing.probe_job()],
        cron_jobs=[probing.plan_cron(Keys(settings.redis.prefix))],
        on_startup=start,
        on_shutdown=on_shutdown,
        max_jobs=settings.workers.concurrency(PROBE),
        job_timeout=probing.JOB_TIMEOUT_S,
    )


async def _begin(ctx: dict[str, Any], settings: Settings) -> None:
    """Before anything of ours. Raises SystemExit for data of a version that we do not know."""
    take_over_loggers()  # the arq command has set up its own after it imported this
    try:
        await ensure_data_version(ctx["redis"].execute_command, Keys(settings.redis.prefix))
    except ConfigError as error:  # the arq command would show a traceback, and end with 1
        logger(__name__).error("data_refused", reason=str(error))
        raise SystemExit(EX_CONFIG) from error


def _settings_class(settings: Settings, *, queue: str, functions: Sequence[Any], **more: Any) -> type:
    return type(
        "WorkerSettings",
        (),
        {
            "functions": functions,
            "queue_name": Keys(settings.redis.prefix).queue(queue),
            "redis_settings": RedisSettings.from_dsn(redis_url(settings)),
            "max_tries": MAX_TRIES,
            "job_completion_wait": GRACE_S,
            "keep_result": 0,
            "job_serializer": serialize,
            "job_deserializer": deserialize,
            **more,
        },
    )
