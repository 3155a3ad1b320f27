"""One job per account that comes again and again: any number of workers, one run per account and interval.

The job is never finished while its account is switched on: after each run it is put off to the next. A worker that dies
leaves it to its lease. Every half minute one worker (arq's cron) makes the jobs of new accounts. A worker that starts
brings a run forward, unless there was one within the last `FRESH_S`.

Redis keys: arq:job:*, the queue `probe`, probed:<account> (read).
"""

import time
from datetime import timedelta

from arq.connections import ArqRedis
from arq.constants import job_key_prefix

from shared.keys import PROBE, Keys
from shared.settings import Settings
from workers.probing.stored import load_result

JOB = "probe"
"""The name of the job's function."""
JOB_TTL = timedelta(days=40)
FRESH_S = 30.0


async def plan_jobs(redis: ArqRedis, keys: Keys, settings: Settings, *, at_start: bool = False) -> None:
    """See to it that every account that is switched on has its job. Raises RedisError."""
    queue = keys.queue(PROBE)
    for account_id in settings.enabled_accounts:
        job_id = keys.probe_job(account_id)
        job = await redis.enqueue_job(JOB, account_id, _job_id=job_id, _queue_name=queue, _expires=JOB_TTL)
        if job is None and at_start:
            await _bring_forward(redis, keys, account_id)


async def keep_job(redis: ArqRedis, job_id: str) -> None:
    """Let the job live on for the longest time to its next run. Raises RedisError."""
    await redis.pexpire(job_key_prefix + job_id, JOB_TTL)


async def _bring_forward(redis: ArqRedis, keys: Keys, account_id: str) -> None:
    now_ms = time.time_ns() // 1_000_000
    last = await load_result(redis, keys, account_id)
    if last is None or last.probed_ms < now_ms - FRESH_S * 1000:
        await redis.zadd(keys.queue(PROBE), {keys.probe_job(account_id): now_ms}, lt=True, xx=True)
