"""The probe worker as a process: its engine, its two jobs, and what the runs share.

Redis keys: the queue `probe` with its bell and health keys.
"""

import asyncio
import time
from typing import Any

import msgspec
from arq.cron import CronJob, cron
from arq.worker import Function, Retry, func
from redis.exceptions import RedisError

from shared.durability import confirmation
from shared.errors import TransientError
from shared.group_commit import GroupCommit
from shared.keys import PROBE, Keys
from shared.logs import logger
from shared.metrics_server import serve_metrics
from shared.redis_client import AWAY, connect
from shared.reload import SettingsWatcher
from shared.settings import Account, Settings
from shared.start_up import start_up
from workers import engine
from workers.engine_jobs import PutOff
from workers.probing.plan import JOB, keep_job, plan_jobs
from workers.probing.round import Desk, run_round
from workers.run import redis_url
from workers.stage_job import MAX_TRIES

REDIS_AWAY_WAIT_S = 2.0
LEAST_WAIT_S = 1.0
JOB_TIMEOUT_S = 1800
PLAN_AT_S = {0, 30}

log = logger(__name__)


def run(settings: Settings) -> None:
    """Work until told to stop. Raises ConfigError if no Redis is configured."""
    start_up(settings, role="worker probe")
    engine.run(lambda: make_worker(settings))


def make_worker(settings: Settings) -> engine.EventWorker:
    """The worker. Make it inside the running loop. Raises ConfigError if no Redis is configured."""
    keys = Keys(settings.redis.prefix)
    on_startup, on_shutdown = hooks(settings)
    return engine.EventWorker(
        [probe_job()],
        redis_url=redis_url(settings),
        keys=keys,
        stage=PROBE,
        max_jobs=settings.workers.concurrency(PROBE),
        cron_jobs=[plan_cron(keys)],
        on_startup=on_startup,
        on_shutdown=on_shutdown,
        job_timeout=JOB_TIMEOUT_S,
        lease_s=settings.workers.lease_s,
        grace_s=0,  # a round is worth nothing half done, and what it sees while all else leaves is no news
    )


def probe_job() -> Function:
    """The arq function of `probe`."""
    return func(probe, name=JOB, max_tries=MAX_TRIES, keep_result=0)


def plan_cron(keys: Keys) -> CronJob:
    """The arq cron job of `plan`."""
    return cron(plan, name=f"{keys.prefix}probe:plan", second=PLAN_AT_S)


async def plan(ctx: dict[str, Any]) -> None:
    """The cron job: see to the jobs of all accounts."""
    desk: Desk = ctx["desk"]()
    await plan_jobs(ctx["redis"], desk.keys, desk.settings)


async def probe(ctx: dict[str, Any], account_id: str) -> None:
    """The job of one account. Returns only when the account is gone; else it is put off to its next run."""
    try:
        await _probe(ctx, account_id)
    except PutOff as order:
        if "engine" in ctx:
            raise
        raise Retry(defer=order.delay_s) from None  # a stock worker's word for it


async def _probe(ctx: dict[str, Any], account_id: str) -> None:
    started = time.monotonic()
    desk: Desk = ctx["desk"]()
    account = desk.settings.enabled_accounts.get(account_id)
    if account is None:
        return
    try:
        await keep_job(ctx["redis"], ctx["job_id"])
        await run_round(desk, account)
    except (*AWAY, RedisError, TransientError) as error:
        log.info("probe_put_off", account=account_id, reason=f"{type(error).__name__}: {error}")
        raise PutOff(REDIS_AWAY_WAIT_S, counted=False) from error
    except Exception:  # a bug of ours: it must end neither the worker nor the account's probes
        log.exception("probe_failed", account=account_id)
    spent_s = time.monotonic() - started
    raise PutOff(max(desk.settings.workers.probe.interval_s - spent_s, LEAST_WAIT_S), counted=False)


def hooks(settings: Settings) -> tuple[Any, Any]:
    """arq's start-up and shut-down hooks. `ctx["desk"]()` is what a run needs, with the settings of the moment."""
    redis = connect(redis_url(settings))
    group = GroupCommit(connect(redis_url(settings)), confirm=confirmation(settings.redis))
    desks: list[Desk] = []

    def take_over(fresh: Settings) -> None:
        desks[0] = msgspec.structs.replace(desks[0], settings=fresh)

    watcher = SettingsWatcher(settings, apply=take_over)

    async def on_startup(ctx: dict[str, Any]) -> None:
        from workers.twilio_client import TwilioApi

        twilio = TwilioApi(settings.twilio_api_base, timeout_s=settings.workers.probe.timeout_s)
        desks.append(Desk(twilio=twilio, settings=settings, redis=redis, send=group.call))
        ctx["twilio"], ctx["desk"] = twilio, lambda: desks[0]
        ctx["watching"] = asyncio.create_task(watcher.run())
        try:
            await plan_jobs(ctx["redis"], Keys(settings.redis.prefix), settings, at_start=True)
        except (*AWAY, RedisError) as error:  # the cron job makes up for it
            log.info("probes_not_planned", reason=f"{type(error).__name__}: {error}")

    async def on_shutdown(ctx: dict[str, Any]) -> None:
        watching = ctx.get("watching")
        if watching is not None:  # told to leave before Redis was ever there
            watching.cancel()
            await asyncio.wait([watching])
            await ctx["twilio"].close()
        await group.close()
        await redis.aclose()

    def accounts() -> dict[str, Account]:
        return (desks[0].settings if desks else settings).enabled_accounts

    serve_metrics(settings, role="worker probe", accounts=accounts)
    return on_startup, on_shutdown
