"""One worker process of one stage: its engine, made from the settings, and what its turns share."""

import asyncio
from typing import Any

from redis.asyncio import Redis

from shared.durability import confirmation
from shared.errors import ConfigError
from shared.keys import Keys, Stage
from shared.logs import logger
from shared.metrics_server import serve_metrics
from shared.redis_client import connect
from shared.reload import SettingsWatcher
from shared.settings import Settings
from shared.start_up import start_up
from workers import agent, engine, format as formatting, outbound
from workers.agents.directory import Agents
from workers.final_states import FinalStates
from workers.media.folder import clean_up
from workers.release import release_job
from workers.retention import expire_letters_chore
from workers.stage_job import stage_job
from workers.work import Environment, StageSpec

SPECS: dict[Stage, StageSpec] = {spec.stage: spec for spec in (agent.SPEC, formatting.SPEC, outbound.SPEC)}

JOB_TIMEOUT_S = 3700
"""Longer than the longest `agent.timeoutSeconds`: stages bound their own work."""


def run(stage: Stage, settings: Settings, *, max_turns: int | None = None) -> None:
    """Work until told to stop, on up to `max_turns` at once (None: as configured).

    Raises ConfigError if no Redis is configured or the agent cannot be loaded.
    """
    start_up(settings, role=f"worker {stage.value}")
    url, spec, keys = redis_url(settings), SPECS[stage], Keys(settings.redis.prefix)
    on_startup, on_shutdown = hooks(spec, settings)
    engine.run(
        lambda: engine.EventWorker(
            [stage_job(spec), release_job()],
            redis_url=url,
            keys=keys,
            stage=stage.value,
            peek=spec.take,
            max_jobs=max_turns or concurrency(stage, settings),
            on_startup=on_startup,
            on_shutdown=on_shutdown,
            job_timeout=JOB_TIMEOUT_S,
            lease_s=settings.workers.lease_s,
            confirm=confirmation(settings.redis),
            chores=[expire_letters_chore],
        )
    )


def redis_url(settings: Settings) -> str:
    """Where Redis is. Raises ConfigError if that is not configured."""
    if settings.redis.url is None:
        raise ConfigError("redis.url", found="not set", expected="set it or TEXTGATE_REDIS_URL, or use `textgate up`")
    return settings.redis.url.reveal()


def hooks(spec: StageSpec, settings: Settings) -> tuple[Any, Any]:
    """arq's start-up and shut-down hooks: they make what the turns share (`ctx["env"]`) and take it down again.

    Raises ConfigError, before anything is started, if the agent cannot be loaded.
    """
    agents = Agents(settings.accounts) if spec.stage is Stage.AGENT else None
    keys, redis = Keys(settings.redis.prefix), connect(redis_url(settings))
    environment = Environment(settings=settings, keys=keys, redis=redis, agents=agents)
    watcher = SettingsWatcher(settings, apply=lambda fresh: _take_over(environment, agents, fresh))

    async def on_startup(ctx: dict[str, Any]) -> None:
        if spec.stage is Stage.OUTBOUND:
            from workers.twilio_client import TwilioApi

            environment.twilio = TwilioApi(
                settings.twilio_api_base, timeout_s=settings.workers.outbound.request_timeout_s
            )
            ctx["asking"] = asyncio.create_task(FinalStates(environment).run())
        if spec.stage is Stage.AGENT:
            await _clean_up_media()
        ctx["env"] = environment
        ctx["watching"] = asyncio.create_task(watcher.run())

    async def on_shutdown(ctx: dict[str, Any]) -> None:
        beside = [ctx[name] for name in ("watching", "asking") if name in ctx]
        for task in beside:
            task.cancel()
        if beside:  # else told to leave before Redis was ever there
            await asyncio.wait(beside)
        if environment.twilio is not None:
            await environment.twilio.close()
        if agents is not None:
            await agents.close()
        await _close(environment.redis)

    role = f"worker {spec.stage.value}"
    serve_metrics(settings, role=role, accounts=lambda: environment.settings.enabled_accounts)
    return on_startup, on_shutdown


async def _clean_up_media() -> None:
    """Remove the files of turns whose workers were killed. A worker without a place for files answers all the same."""
    try:
        removed = await asyncio.to_thread(clean_up)
    except OSError as error:
        logger(__name__).warning("media_folder_unusable", reason=str(error))
        return
    if removed:
        logger(__name__).info("media_folders_removed", count=removed)


def concurrency(stage: Stage, settings: Settings) -> int:
    """Turns that one process of this stage runs at once."""
    return settings.workers.concurrency(stage.value)


def _take_over(environment: Environment, agents: Agents | None, fresh: Settings) -> None:
    """New settings in a running worker. Raises ConfigError if a new agent cannot be loaded; then nothing changes."""
    if agents is not None:
        agents.replace(fresh.accounts)
    environment.settings = fresh


async def _close(redis: Redis) -> None:
    await redis.aclose()
