"""One worker process of one stage: its arq worker, made from the settings, and what its turns share."""

import os
from typing import Any

import uvloop
from arq.connections import ArqRedis
from arq.worker import Worker
from redis.asyncio import ConnectionPool

from shared.config_rules import check_api_base
from shared.durability import confirmation
from shared.errors import ConfigError
from shared.group_commit import GroupCommit
from shared.keys import Keys, Stage
from shared.logs import logger, set_up_logs
from shared.queue import deserialize, serialize
from shared.redis_client import connection_options
from shared.settings import Settings
from workers import agent, format as formatting, outbound
from workers.agents.load import load_agent
from workers.stage_job import stage_job
from workers.work import Environment, StageSpec

SPECS: dict[Stage, StageSpec] = {spec.stage: spec for spec in (agent.SPEC, formatting.SPEC, outbound.SPEC)}

API_BASE = "TEXTGATE_TWILIO_API_BASE"
"""Environment variable: a stand-in for Twilio's API on this machine."""

GRACE_S = 10
"""Turns under way at SIGTERM may finish within this time; then they are handed back."""


def run(stage: Stage, settings: Settings) -> None:
    """Work until told to stop. Raises ConfigError if no Redis is configured or the agent cannot be loaded."""
    set_up_logs(f"worker {stage.value}")
    for warning in settings.warnings:
        logger(__name__).warning(warning)
    uvloop.run(_run(stage, settings))


async def _run(stage: Stage, settings: Settings) -> None:
    worker = Worker(**worker_options(SPECS[stage], settings))
    await worker.async_run()


def worker_options(spec: StageSpec, settings: Settings) -> dict[str, Any]:
    """The keyword arguments of an arq worker of this stage. Call it inside the running loop."""
    if settings.redis.url is None:
        raise ConfigError("redis.url", found="not set", expected="set it or TEXTGATE_REDIS_URL, or use `textgate up`")
    keys = Keys(settings.redis.prefix)
    connections = ConnectionPool.from_url(settings.redis.url.reveal(), **connection_options())
    pool = ArqRedis(connections, job_serializer=serialize, job_deserializer=deserialize)
    environment = _environment(spec, settings, keys, pool)

    async def start_up(ctx: dict[str, Any]) -> None:
        ctx["env"] = environment
        ctx["group"] = GroupCommit(pool, confirm=confirmation(settings.redis))

    async def shut_down(_: dict[str, Any]) -> None:
        if environment.twilio is not None:
            await environment.twilio.close()

    return {
        "functions": [stage_job(spec)],
        "queue_name": keys.queue(spec.stage.value),
        "redis_pool": pool,
        "on_startup": start_up,
        "on_shutdown": shut_down,
        "max_jobs": _concurrency(spec.stage, settings),
        "job_timeout": JOB_TIMEOUT_S,
        "keep_result": 0,
        "job_serializer": serialize,
        "job_deserializer": deserialize,
        "health_check_key": keys.health(spec.stage.value, f"stock:{os.getpid()}"),
        "health_check_interval": 15,
        "job_completion_wait": GRACE_S,
        "log_results": False,
    }


JOB_TIMEOUT_S = 3700
"""Longer than the longest `agent.timeoutSeconds`: stages bound their own work."""


def _environment(spec: StageSpec, settings: Settings, keys: Keys, pool: ArqRedis) -> Environment:
    twilio = None
    if spec.stage is Stage.OUTBOUND:
        from workers.twilio_client import TwilioApi

        base = os.environ.get(API_BASE)
        twilio = TwilioApi(check_api_base(base) if base else None)
    loaded = load_agent(settings) if spec.stage is Stage.AGENT else None
    return Environment(settings=settings, keys=keys, redis=pool, agent=loaded, twilio=twilio)


def _concurrency(stage: Stage, settings: Settings) -> int:
    match stage:
        case Stage.AGENT:
            return settings.workers.agent.concurrency
        case Stage.FORMAT:
            return settings.workers.format.concurrency
        case Stage.OUTBOUND:
            return settings.workers.outbound.concurrency
