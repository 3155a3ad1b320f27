"""What a worker does beside its jobs: it says that it lives, starts cron jobs, and cancels jobs that are to be aborted.

All of it is arq's own (`record_health`, `run_cron`, `_cancel_aborted_jobs`); only the occasions are ours, since arq's
loop does it twice a second. Cron goes by this machine's clock, as in arq.

Redis keys: the worker's health key, the index of workers, arq's `<queue>:health-check`, `arq:abort`.
"""

import time
from datetime import datetime, timedelta

from arq.constants import health_check_key_suffix
from arq.worker import Worker

from shared.live_workers import FORGET_AFTER_MS
from shared.logs import logger
from workers.engine_redis import LONGEST_WAIT_S, TROUBLE

CRON_WINDOW_S = 0.5
"""arq enqueues a cron job up to two windows ahead; the queue's score then starts it on time."""

ABORT_EVERY_S = 0.5
"""How long a running job that is to be aborted may go on."""


log = logger(__name__)


class House:
    """Keeps house for one worker."""

    def __init__(self, worker: Worker, *, name: str, index: str) -> None:
        self._worker = worker
        self._name = name
        self._index = index
        self._known = False
        """Whether the index has our name."""
        self._cron_at: datetime | None = None
        self._health_at = 0.0
        self._abort_at = 0.0
        self._not_before = 0.0

    def rest_s(self) -> float:
        """Seconds until there is something to do."""
        now = time.monotonic()
        rest = self._health_at - now
        if self._cron_at is not None:
            rest = min(rest, (self._cron_at - datetime.now(tz=self._worker.timezone)).total_seconds())
        if self._worker.allow_abort_jobs and self._worker.tasks:
            rest = min(rest, self._abort_at - now)
        return max(rest, self._not_before - now, 0.0)

    def redis_was_away(self) -> None:
        """The health key may have expired."""
        self._health_at = 0.0

    async def keep(self) -> bool:
        """Do what is due; whether a cron job was enqueued. If Redis refuses, it is tried again soon: a full Redis must
        not keep a worker from its jobs, and one that is away is the loop's to notice."""
        if time.monotonic() < self._not_before:
            return False
        try:
            if time.monotonic() >= self._health_at:
                await self._say_healthy()
            if self._worker.allow_abort_jobs and self._worker.tasks and time.monotonic() >= self._abort_at:
                await self._worker._cancel_aborted_jobs()
                self._abort_at = time.monotonic() + ABORT_EVERY_S
            return await self._run_cron()
        except TROUBLE as error:
            log.info("house_not_kept", reason=f"{type(error).__name__}: {error}")
            self._not_before = time.monotonic() + LONGEST_WAIT_S
            return False

    async def leave(self) -> None:
        """Take our name and our health key away. Raises RedisError."""
        async with self._worker.pool.pipeline(transaction=False) as pipe:
            pipe.zrem(self._index, self._name)
            pipe.delete(self._worker.health_check_key)
            await pipe.execute()

    async def _say_healthy(self) -> None:
        worker = self._worker
        worker._last_health_check = 0.0
        await worker.record_health()
        # arq --check knows one key per queue. All workers write it and none deletes it, so it tells whether any lives.
        shared_key = worker.queue_name + health_check_key_suffix
        ttl_ms = int((worker.health_check_interval + 1) * 1000)
        now_ms = int(time.time() * 1000)
        async with worker.pool.pipeline(transaction=False) as pipe:
            pipe.set(shared_key, worker.health_check_key, px=ttl_ms)
            pipe.zadd(self._index, {self._name: now_ms})
            if not self._known:
                pipe.zremrangebyscore(self._index, "-inf", now_ms - FORGET_AFTER_MS)
            await pipe.execute()
        self._known = True
        self._health_at = time.monotonic() + worker.health_check_interval

    async def _run_cron(self) -> bool:
        worker = self._worker
        now = datetime.now(tz=worker.timezone)
        if not worker.cron_jobs or (self._cron_at is not None and now < self._cron_at):
            return False
        planned = [job.next_run for job in worker.cron_jobs]
        try:
            await worker.run_cron(now, CRON_WINDOW_S)
        except BaseException:  # arq has counted the run as started
            for job, next_run in zip(worker.cron_jobs, planned, strict=True):
                job.next_run = next_run
            raise
        self._cron_at = min(job.next_run for job in worker.cron_jobs if job.next_run) - timedelta(seconds=CRON_WINDOW_S)
        return True
