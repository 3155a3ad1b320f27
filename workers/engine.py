"""The engine: an arq worker that is woken instead of polling, and whose jobs share their round trips.

What a pipeline carries: what running jobs have handed in (group commit), then, if there is a reason to, one
`lua/cycle.lua` (finish what is done, claim as many due jobs as there are free slots). With nothing to send it sleeps
until a job hands something in or ends, the bell rings, or the next job is due (`workers/engine_loop.py`). The states of
a job, who moves it on and what a crash leaves are written at the head of `lua/cycle.lua`. Before all that it sees to
the version of the stored data, and ends with a ConfigError if that is not known (`shared/data_version.py`).

**For stages.** A job function is called as in arq, `await function(ctx, *args, **kwargs)`. Beside arq's own entries
(`job_id`, `job_try`, `enqueue_time`, `score`, `redis`) `ctx` holds, in this engine only:

    engine    name of this worker. With a stock arq worker: not there, and none of the following
    records   list[bytes]: the `peek` oldest records of the job's lane, as of the claim; never empty for a lane job (the
              left-over job of an idle lane is dropped, not run)
    call      (Call) -> awaitable reply. Travels with whatever else is under way. While Redis is away (or full,
              starting, failing over) it waits and is sent again, perhaps twice: the script must tolerate that. Raises
              redis' ResponseError if the script itself fails
    commit    the same for a job's last call, one that finishes the job itself if it succeeds (`advance` in
              lib/lanes.lua), and replies 1 only then. It runs just before a claim, and its slot counts as free already.
              After any other reply (fenced, refused) what the function does next decides as usual

How it ends decides what becomes of the job: it returns or raises (job finished, result kept as configured; nothing more
to do after a commit that succeeded); `PutOff(delay_s, counted=…)` or arq's `Retry` (waits, then again); it is cancelled
because the worker stops (handed back at once, attempt taken back), because its lease was lost (it is another worker's
now), or by `Job.abort()`.

**Leaving.** SIGTERM or SIGINT: claim nothing more, let running jobs end within `grace_s`, cancel and hand back the
rest, exit status 0. A second signal ends the grace.

**Redis away.** Nothing ends: unsent calls and releases wait with the loop and go out first when Redis is back, behind a
renewal of all leases. A claim whose answer got lost comes back when its lease ends.

Stock arq workers may serve the same queue. Redis keys: arq's (shared/keys.py), the queue, its bell, its health keys.
"""

import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import tzinfo
from functools import partial
from signal import Signals
from typing import Any

import uvloop
from arq.cron import CronJob
from arq.jobs import Deserializer, Serializer
from arq.typing import StartupShutdown, WorkerCoroutine
from arq.worker import Function, Worker

from shared.claims import Claimant
from shared.data_version import ensure_data_version
from shared.keys import Keys, Stage
from shared.logs import logger
from shared.queue import deserialize, serialize
from shared.redis_client import BLOCK_S, connect
from shared.round_trip import Confirm
from workers.engine_jobs import PutOff
from workers.engine_loop import Loop
from workers.engine_redis import arq_pool
from workers.leases import LeaseKeeper
from workers.sweeper import Sweeper

__all__ = ["EventWorker", "PutOff", "run"]

log = logger(__name__)


def run(make: Callable[[], "EventWorker"]) -> None:
    """Make a worker inside a fresh event loop and run it until a signal ends it."""

    async def serve() -> None:
        worker = make()
        try:
            await worker.async_run()
        finally:
            await worker.close()

    uvloop.run(serve())


class EventWorker(Worker):
    """An arq worker for one stage's queue. Make it inside the running event loop (see `run`).

    `stage` names queue, bell and health keys through `keys`; `peek` > 0: each lane job brings its lane's oldest records
    (`stage` is a `Stage` then). `grace_s`: how long running jobs may go on after a signal. `fallback_s`: how long a job
    may stay unnoticed that was enqueued without ringing, by stock arq; must be shorter than the read timeout.
    `confirm`: what ends each pipeline that carries calls of jobs (`shared/durability.py`). `chores`: what the sweeper
    does besides, called with `ctx`, by one worker of all at a time. The other arguments are
    arq's, as far as they have a meaning here.
    """

    def __init__(
        self,
        functions: Sequence[Function | WorkerCoroutine] = (),
        *,
        redis_url: str,
        keys: Keys,
        stage: str,
        max_jobs: int = 10,
        peek: int = 0,
        lease_s: float = 12.0,
        grace_s: float = 10.0,
        fallback_s: float = BLOCK_S,
        confirm: Confirm | None = None,
        sweep_interval_s: float = 15.0,
        sweep_quiet_s: float = 60.0,
        chores: Sequence[Callable[[dict[Any, Any]], Awaitable[None]]] = (),
        cron_jobs: Sequence[CronJob] | None = None,
        on_startup: StartupShutdown | None = None,
        on_shutdown: StartupShutdown | None = None,
        on_job_start: StartupShutdown | None = None,
        on_job_end: StartupShutdown | None = None,
        job_timeout: float = 300,
        keep_result: float = 0,
        max_tries: int = 5,
        allow_abort_jobs: bool = False,
        health_check_interval: float = 10,
        ctx: dict[Any, Any] | None = None,
        burst: bool = False,
        handle_signals: bool = True,
        timezone: tzinfo | None = None,
        job_serializer: Serializer = serialize,
        job_deserializer: Deserializer = deserialize,
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        queue = keys.queue(stage)
        super().__init__(
            functions,
            queue_name=queue,
            redis_pool=arq_pool(redis_url, queue, job_serializer, job_deserializer),
            cron_jobs=cron_jobs,
            burst=burst,
            on_startup=on_startup,
            on_shutdown=on_shutdown,
            on_job_start=on_job_start,
            on_job_end=on_job_end,
            handle_signals=handle_signals,
            max_jobs=max_jobs,
            job_timeout=job_timeout,
            keep_result=keep_result,
            max_tries=max_tries,
            allow_abort_jobs=allow_abort_jobs,
            health_check_interval=health_check_interval,
            health_check_key=keys.health(stage, self.name),
            ctx=ctx,
            job_serializer=job_serializer,
            job_deserializer=job_deserializer,
            timezone=timezone,  # type: ignore[arg-type]  # arq means any tzinfo
        )
        self.job_tasks = self.tasks  # one task per job; arq's abort looks here
        claimant = Claimant(
            queue=queue,
            bell=keys.bell(stage),
            token=self.name,
            lease_ms=int(lease_s * 1000),
            peek=peek,
            lanes=keys.lane(Stage(stage), "").list if peek else "",
            abort=allow_abort_jobs,
        )
        self._keys = keys
        self._grace_s = grace_s
        self._loop = Loop(
            self,
            claimant,
            name=self.name,
            index=keys.workers(stage),
            bell=connect(redis_url),
            block_s=fallback_s,
            confirm=confirm,
        )
        self._leases = LeaseKeeper(
            redis_url,
            claimant,
            held=self._loop.jobs.leased,
            on_lost=lambda lost: self.loop.call_soon_threadsafe(self._loop.jobs.give_up, lost),
        )
        self._sweeper = Sweeper(
            self.pool,
            keys,
            name=self.name,
            interval_s=sweep_interval_s,
            quiet_s=sweep_quiet_s,
            chores=[partial(chore, self.ctx) for chore in chores],
        )

    async def main(self) -> None:
        """Run until a signal (or, with `burst`, until the queue is empty). Replaces arq's polling loop."""
        if not await self._loop.wait_for_redis(partial(ensure_data_version, self.pool.execute_command, self._keys)):
            return
        self.ctx["redis"] = self.pool
        if self.on_startup:
            await self.on_startup(self.ctx)
        self._leases.start()
        sweeping = self.loop.create_task(self._sweeper.run())
        try:
            await self._loop.run()
        finally:
            sweeping.cancel()

    def handle_sig(self, signum: Signals) -> None:
        """Begin to leave; a second signal ends the grace period."""
        log.info("worker_leaving", signal=Signals(signum).name, jobs=len(self.tasks))
        self._loop.leave(self._grace_s if self.allow_pick_jobs else 0.0)
        if self.on_stop:
            self.on_stop(signum)

    async def close(self) -> None:
        """Hand back what still runs, run the shutdown hook and close every connection."""
        if self._pool is None:
            return
        await self._loop.close()
        self._leases.stop()
        if self.on_shutdown:
            await self.on_shutdown(self.ctx)
        await self.pool.aclose(close_connection_pool=True)
        self._pool = None
