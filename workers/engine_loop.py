"""The engine's loop: one pipeline per turn, then rest until there is a reason for the next.

Reasons: a job has handed in a call or has ended; the bell rang; the next job is due; house is to be kept. Redis keys:
those of `engine_turn.py`, `engine_house.py` and the bell.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from arq.worker import Worker
from redis.asyncio import Redis

from shared.cancellation import pass_cancellation
from shared.claims import Again, Claimant, Claimed, Cycle, Done
from shared.logs import logger
from shared.metrics import LEASES_LOST
from shared.round_trip import Confirm
from shared.scripts import Call
from workers.engine_house import House
from workers.engine_jobs import JobRunner
from workers.engine_redis import TROUBLE, Bell, Outage
from workers.engine_turn import Exchange, Running, Sent

MOST_CLAIMS = 256
"""Jobs that one cycle claims at most: the script must not hold up other workers for long."""

OVERLAP_MS = 1000
"""Wait for a job that we have claimed again while its earlier run, cancelled, still unwinds."""

UNWIND_S = 2.0
"""How long cancelled jobs may take to unwind, and a Redis that is away to come back, before the process leaves."""

log = logger(__name__)


class Loop:
    """Claims, runs and releases the jobs of one arq worker, whose functions, limits and counters it uses."""

    def __init__(
        self,
        worker: Worker,
        claimant: Claimant,
        *,
        name: str,
        index: str,
        bell: Redis,
        block_s: float,
        confirm: Confirm | None,
    ) -> None:
        self.running: dict[str, Running] = {}
        """By job id."""
        self._worker = worker
        self._name = name
        self._exchange = Exchange(worker.pool, claimant, self.running, confirm=confirm)
        self._runner = JobRunner(worker, handing_back=lambda: self._handing_back)
        self._house = House(worker, name=name, index=index)
        self._outage = Outage(random.Random())  # noqa: S311 - jitter
        self._bell = Bell(bell, claimant.bell, block_s=block_s, on_ring=self._look_now)
        self._wake = asyncio.Event()
        self._look = True
        """The queue is to be looked at: the first time, after a ring, when a job is due."""
        self._due_at: float | None = None
        """When the next unclaimed job is due, by the loop's clock."""
        self._leave_by: float | None = None
        """Set once it is time to leave: the latest moment."""
        self._handing_back = False
        self._reached = False

    async def wait_for_redis(self, greet: Callable[[], Awaitable[object]]) -> bool:
        """True when Redis has answered `greet`; False if it is time to leave before that. Raises what is no trouble of
        Redis'; then, and before, `close` sends nothing."""
        while self._leave_by is None:
            try:
                await greet()
            except TROUBLE as error:
                await self._outage.wait(error)
            else:
                self._reached = True
                return True
        return False

    async def run(self) -> None:
        """Until it is time to leave and nothing is left to do. An arq worker with `burst` leaves an empty queue."""
        while True:
            await self._turn()
            pass_cancellation()
            if self._at_end():
                return
            await self._rest()

    def held(self) -> dict[str, Running]:
        """The jobs whose leases are to be kept, by id. Called from the lease keeper's thread too."""
        return {job_id: job for job_id, job in self.running.copy().items() if not job.over}

    def leave(self, grace_s: float) -> None:
        """Claim nothing more; hand back what still runs after `grace_s`."""
        self._worker.allow_pick_jobs = False
        self._leave_by = self._worker.loop.time() + grace_s + UNWIND_S
        self._worker.loop.call_later(grace_s, self._hand_back)
        self._wake.set()

    def give_up(self, lost: Iterable[Running]) -> None:
        """Cancel jobs that are another worker's now. One that is committing is left alone: its own commit ends its
        lease, and if another worker was quicker, the commit is refused."""
        for job in lost:
            if job.committing or job.over or self.running.get(job.claimed.job_id) is not job:
                continue
            log.warning("lease_lost", job=job.claimed.job_id)
            LEASES_LOST.inc()
            job.over = True
            job.cancel()

    async def close(self) -> None:
        """Hand back everything at once, as far as Redis lets us."""
        self._worker.allow_pick_jobs = False
        self._hand_back()
        if self.running:
            await asyncio.wait(list(self._worker.tasks.values()), timeout=UNWIND_S)
        await self._bell.close()
        if not self._reached:
            return
        with contextlib.suppress(*TROUBLE, TimeoutError):
            async with asyncio.timeout(UNWIND_S):
                # The look passes on what the bell's last token, perhaps taken by us, has announced.
                await self._exchange.send(look=True, slots=0, on_lost=self.give_up)
                await self._house.leave()

    async def _turn(self) -> None:
        look, self._look = self._look, False
        recovering = self._exchange.recovering
        # A claim whose answer gets lost waits for its lease's end, so a Redis that comes and goes gets no more of them.
        slots = 0 if recovering else max(min(self._free_slots(), MOST_CLAIMS), 0)
        try:
            sent = await self._exchange.send(look=look, slots=slots, on_lost=self.give_up)
        except TROUBLE as error:
            sent = Sent(trouble=error)
        if sent.cycle is not None:
            self._take_up(sent.cycle)
        if sent.trouble is not None:
            self._look = True
            self._house.redis_was_away()
            await self._outage.wait(sent.trouble)
            return
        self._outage.over()
        self._look |= recovering or await self._house.keep()

    def _take_up(self, cycle: Cycle) -> None:
        for claimed in cycle.claims:
            self._start(claimed)
        self._due_at = None
        if cycle.next_due_ms is None:
            return
        if cycle.next_due_ms > cycle.now_ms:
            self._due_at = self._worker.loop.time() + (cycle.next_due_ms - cycle.now_ms) / 1000
        else:  # more is due than was claimed; with no slot free, the next end of a job is the time to look
            self._look |= self._free_slots() > 0

    async def _rest(self) -> None:
        if self._look or self._exchange.pending:
            await asyncio.sleep(0)  # jobs get to run in any case
            return
        if self._free_slots() > 0:
            self._bell.listen()
        self._wake.clear()
        rest_s = self._house.rest_s()
        for moment in (self._due_at, self._leave_by):
            if moment is not None:
                rest_s = min(rest_s, max(moment - self._worker.loop.time(), 0.0))
        alarm = self._worker.loop.call_later(rest_s, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            alarm.cancel()
        if self._due_at is not None and self._worker.loop.time() >= self._due_at:
            self._due_at, self._look = None, True

    def _look_now(self) -> None:
        self._look = True
        self._wake.set()

    def _at_end(self) -> bool:
        idle = not self.running and not self._exchange.pending
        if self._leave_by is not None:
            return idle or self._worker.loop.time() > self._leave_by
        return self._worker.burst and idle and self._due_at is None and not self._look

    def _free_slots(self) -> int:
        if not self._worker.allow_pick_jobs:
            return 0
        return self._worker.max_jobs - sum(not (job.committing or job.over) for job in self.running.values())

    def _start(self, claimed: Claimed) -> None:
        earlier = self.running.get(claimed.job_id)
        if earlier is not None:  # its lease had run out, and we were the first to claim it again
            if earlier.over:
                self._exchange.release(Again(claimed.job_id, OVERLAP_MS, counted=False))
            return
        self.running[claimed.job_id] = job = Running(claimed)
        extra: dict[str, Any] = {
            "engine": self._name,
            "records": claimed.records,
            "call": self._hand_in,
            "commit": partial(self._commit, job),
        }
        job.task = task = self._worker.loop.create_task(self._runner.run(claimed, extra))
        self._worker.tasks[claimed.job_id] = task
        task.add_done_callback(partial(self._ended, job))

    def _hand_in(self, call: Call) -> asyncio.Future[Any]:
        self._wake.set()
        return self._exchange.hand_in(call)

    def _commit(self, job: Running, call: Call) -> asyncio.Future[Any]:
        job.committing = True
        self._wake.set()
        return self._exchange.hand_in(call, job)

    def _ended(self, job: Running, task: asyncio.Task[Done | Again]) -> None:
        job_id = job.claimed.job_id
        del self.running[job_id], self._worker.tasks[job_id]
        self._wake.set()
        if task.cancelled():  # before its first step, or in a hook
            release: Done | Again = Again(job_id, 0, counted=not self._handing_back)
        elif (error := task.exception()) is not None:  # Redis or a hook failed; the function has not run
            log.error("job_not_run", job=job_id, reason=f"{type(error).__name__}: {error}")
            release = Again(job_id, OVERLAP_MS, counted=False)
        else:
            release = task.result()
        if not job.over:
            self._exchange.release(release, refused=job.refused)

    def _hand_back(self) -> None:
        self._handing_back = True
        for job in self.running.values():
            job.cancel()
