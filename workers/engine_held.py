"""The jobs that one worker holds: each runs in a task of its own from its claim to what becomes of it.

Touches no Redis: what a job wants to send, and its end, are handed to the exchange.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from arq.worker import Worker

from shared.claims import Again, Claimed, Done
from shared.logs import logger
from shared.metrics import LEASES_LOST
from shared.scripts import Call
from workers.engine_jobs import JobRunner
from workers.engine_turn import Exchange, Running

OVERLAP_MS = 1000
"""Wait for a job that we have claimed again while its earlier run, cancelled, still unwinds."""

log = logger(__name__)


class HeldJobs:
    """Starts, counts and ends the jobs of one arq worker, whose functions, limits and counters it uses.

    `running` is the exchange's own dict, by job id; `wake` is called when there is something to send or a slot is free.
    """

    def __init__(
        self, worker: Worker, exchange: Exchange, running: dict[str, Running], *, name: str, wake: Callable[[], None]
    ) -> None:
        self._worker = worker
        self._exchange = exchange
        self._running = running
        self._name = name
        self._wake = wake
        self._runner = JobRunner(worker, handing_back=lambda: self._handing_back)
        self._handing_back = False
        self._in_slots = 0

    def __bool__(self) -> bool:
        return bool(self._running)

    def leased(self) -> dict[str, Running]:
        """Those whose leases are to be kept, by id. Called from the lease keeper's thread too."""
        return {job_id: job for job_id, job in self._running.copy().items() if not job.over}

    def free_slots(self) -> int:
        """How many more may run now; a job that is committing has left its slot."""
        if not self._worker.allow_pick_jobs:
            return 0
        return self._worker.max_jobs - self._in_slots

    def start(self, claimed: Claimed) -> None:
        """Run a job that was just claimed."""
        earlier = self._running.get(claimed.job_id)
        if earlier is not None:  # its lease had run out, and we were the first to claim it again
            if earlier.over:
                self._exchange.release(Again(claimed.job_id, OVERLAP_MS, counted=False))
            return
        self._running[claimed.job_id] = job = Running(claimed)
        self._in_slots += 1
        extra: dict[str, Any] = {
            "engine": self._name,
            "records": claimed.records,
            "call": self._hand_in,
            "commit": partial(self._commit, job),
        }
        job.task = task = self._worker.loop.create_task(self._runner.run(claimed, extra))
        self._worker.tasks[claimed.job_id] = task
        task.add_done_callback(partial(self._ended, job))

    def give_up(self, lost: Iterable[Running]) -> None:
        """Cancel jobs that are another worker's now. One that is committing is left alone: its own commit ends its
        lease, and if another worker was quicker, the commit is refused."""
        for job in lost:
            if job.committing or job.over or self._running.get(job.claimed.job_id) is not job:
                continue
            log.warning("lease_lost", job=job.claimed.job_id)
            LEASES_LOST.inc()
            job.over = True
            self._leave_slot(job)
            job.cancel()

    def hand_back(self) -> None:
        """Cancel all of them; each is handed back, its attempt not counted."""
        self._handing_back = True
        for job in self._running.values():
            job.cancel()

    async def unwind(self, limit_s: float) -> None:
        """Wait for all of them to end."""
        if self._running:
            await asyncio.wait(list(self._worker.tasks.values()), timeout=limit_s)

    def _hand_in(self, call: Call) -> asyncio.Future[Any]:
        reply = self._exchange.hand_in(call)
        self._wake()
        return reply

    def _commit(self, job: Running, call: Call) -> asyncio.Future[Any]:
        job.committing = True
        self._leave_slot(job)
        reply = self._exchange.hand_in(call, job)
        self._wake()
        return reply

    def _leave_slot(self, job: Running) -> None:
        if job.in_slot:
            job.in_slot = False
            self._in_slots -= 1

    def _ended(self, job: Running, task: asyncio.Task[Done | Again]) -> None:
        job_id = job.claimed.job_id
        del self._running[job_id], self._worker.tasks[job_id]
        self._leave_slot(job)
        if task.cancelled():  # before its first step, or in a hook
            release: Done | Again = Again(job_id, 0, counted=not self._handing_back)
        elif (error := task.exception()) is not None:  # Redis or a hook failed; the function has not run
            log.error("job_not_run", job=job_id, reason=f"{type(error).__name__}: {error}")
            release = Again(job_id, OVERLAP_MS, counted=False)
        else:
            release = task.result()
        if not job.over:
            self._exchange.release(release, refused=job.refused)
        self._wake()
