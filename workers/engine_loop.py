"""The engine's loop: it sends a pipeline when there is a reason to, and rests until there is one.

Reasons: a job has handed in a call or has ended; the bell rang; the next job is due; house is to be kept. Alone, a call
leaves at once. Under load pipelines leave in groups without waiting for the answers to those before, as at the ingress
(ADR 22). Were each to wait, all jobs of a worker would move in step, and worker and Redis would take turns, each idle
while the other works.

Redis keys: those of `engine_turn.py`, `engine_house.py` and the bell.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

from arq.worker import Worker
from redis.asyncio import Redis

from shared.cancellation import pass_cancellation
from shared.claims import Claimant, Cycle
from shared.round_trip import Confirm
from workers.engine_held import HeldJobs
from workers.engine_house import House
from workers.engine_redis import TROUBLE, Bell, Outage
from workers.engine_turn import Exchange, Pipeline, Running

MOST_CLAIMS = 256
"""Jobs that one cycle claims at most: the script must not hold up other workers for long."""

GROUP = 16
"""Calls that leave although pipelines are under way. Fewer make each dearer."""

UNDER_WAY = 4
"""Pipelines under way at once; what waits for the last of them leaves together, however much it is."""

UNWIND_S = 2.0
"""How long cancelled jobs may take to unwind, and a Redis that is away to come back, before the process leaves."""


class Loop:
    """Claims, runs and releases the jobs of one arq worker."""

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
        running: dict[str, Running] = {}
        self._worker = worker
        self._exchange = Exchange(worker.pool, claimant, running, confirm=confirm)
        self.jobs = HeldJobs(worker, self._exchange, running, name=name, wake=self._called)
        self._house = House(worker, name=name, index=index)
        self._outage = Outage(random.Random())  # noqa: S311 - jitter
        self._bell = Bell(bell, claimant.bell, block_s=block_s, on_ring=self._look_now)
        self._wake = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._asked = 0
        """Slots that the cycles under way may fill."""
        self._trouble: Exception | None = None
        """Why a pipeline that was under way did not get through, or not whole."""
        self._look = True
        """The queue is to be looked at: the first time, after a ring, when a job is due."""
        self._due_at: float | None = None
        """When the next unclaimed job is due, by the loop's clock."""
        self._leave_by: float | None = None
        """Set once it is time to leave: the latest moment."""
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
        try:
            while True:
                self._depart()
                await self._rest()
                await self._arrive()
                pass_cancellation()
                if self._at_end():
                    return
        finally:
            for task in self._under_way:
                task.cancel()
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=UNWIND_S)

    def leave(self, grace_s: float) -> None:
        """Claim nothing more; hand back what still runs after `grace_s`."""
        self._worker.allow_pick_jobs = False
        self._leave_by = self._worker.loop.time() + grace_s + UNWIND_S
        self._worker.loop.call_later(grace_s, self.jobs.hand_back)
        self._wake.set()

    async def close(self) -> None:
        """Hand back everything at once, as far as Redis lets us."""
        self._worker.allow_pick_jobs = False
        self.jobs.hand_back()
        await self.jobs.unwind(UNWIND_S)
        await self._bell.close()
        if not self._reached:
            return
        with contextlib.suppress(*TROUBLE, TimeoutError):
            async with asyncio.timeout(UNWIND_S):
                # The look passes on what the bell's last token, perhaps taken by us, has announced.
                await self._exchange.send(self._exchange.load(look=True, slots=0), on_lost=self.jobs.give_up)
                await self._house.leave()

    def _depart(self) -> None:
        """Send what there is a reason to send."""
        while self._may_depart():
            look, self._look = self._look, False
            # A claim whose answer gets lost waits for its lease's end, so a Redis that comes and goes gets none.
            slots = 0 if self._exchange.recovering else max(min(self._free_slots(), MOST_CLAIMS), 0)
            waiting, is_last = self._exchange.waiting, len(self._under_way) == UNDER_WAY - 1
            most = waiting if is_last or waiting < 2 * GROUP else GROUP
            pipeline = self._exchange.load(look=look, slots=slots, most=most)
            self._asked += slots
            task = self._worker.loop.create_task(self._carry(pipeline, slots))
            self._under_way.add(task)
            task.add_done_callback(self._called)

    def _may_depart(self) -> bool:
        if self._trouble is not None:
            return False
        if not self._under_way:
            return self._look or self._exchange.waiting > 0
        return len(self._under_way) < UNDER_WAY and self._exchange.waiting >= GROUP and not self._exchange.recovering

    async def _carry(self, pipeline: Pipeline, slots: int) -> None:
        try:
            sent = await self._exchange.send(pipeline, on_lost=self.jobs.give_up)
        except TROUBLE as error:
            self._trouble = error
            return
        finally:
            self._asked -= slots
        if sent.cycle is not None:
            self._take_up(sent.cycle)
        if sent.trouble is not None:
            self._trouble = sent.trouble
            return
        self._outage.over()
        self._look |= pipeline.renews

    def _take_up(self, cycle: Cycle) -> None:
        for claimed in cycle.claims:
            self.jobs.start(claimed)
        self._due_at = None
        if cycle.next_due_ms is None:
            return
        if cycle.next_due_ms > cycle.now_ms:
            self._due_at = self._worker.loop.time() + (cycle.next_due_ms - cycle.now_ms) / 1000
        else:  # more is due than was claimed; with no slot free, the next end of a job is the time to look
            self._look |= self._free_slots() > 0

    async def _arrive(self) -> None:
        """See to what has come back. Raises what a pipeline raised that is no trouble of Redis'."""
        for task in [task for task in self._under_way if task.done()]:
            self._under_way.discard(task)
            task.result()
        if self._trouble is None:
            enqueued = await self._house.keep()  # the bell may ring meanwhile, and pipelines come back
            self._look |= enqueued
        elif not self._under_way:
            self._look = True
            self._house.redis_was_away()
            await self._outage.wait(self._trouble)
            self._trouble = None

    async def _rest(self) -> None:
        back = any(task.done() for task in self._under_way)  # while house was kept: it has rung already
        if back or self._may_depart() or (self._trouble is not None and not self._under_way):
            await asyncio.sleep(0)  # jobs get to run in any case
            return
        if self._free_slots() > 0:
            self._bell.listen()
        self._wake.clear()
        rest_s = self._house.rest_s() if self._trouble is None else UNWIND_S
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

    def _called(self, *_: object) -> None:
        self._wake.set()

    def _look_now(self) -> None:
        self._look = True
        self._wake.set()

    def _at_end(self) -> bool:
        idle = not self.jobs and not self._under_way and not self._exchange.waiting
        if self._leave_by is not None:
            return idle or self._worker.loop.time() > self._leave_by
        return self._worker.burst and idle and self._due_at is None and not self._look

    def _free_slots(self) -> int:
        return self.jobs.free_slots() - self._asked
