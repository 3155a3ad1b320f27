"""What the engine's jobs have handed in, and the one pipeline that carries it all to Redis.

Nothing that was handed in is lost while Redis is away: what could not be sent, or was refused for a reason that passes
(full, starting, failing over), waits for the next pipeline.

Redis keys: those of the calls, of `lua/cycle.lua` and of `lua/renew.lua`.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from redis.asyncio import Redis

from shared.claims import Claimant, Claimed, Cycle, Done, Release, decode_cycle, decode_lost
from shared.group_commit import MAX_GROUP
from shared.logs import logger
from shared.metrics import GROUP_CALLS
from shared.redis_batch import Line
from shared.redis_client import is_away
from shared.round_trip import Confirm, execute
from shared.scripts import Call

log = logger(__name__)


FINISHED = 1
"""What a commit replies that has finished its job."""


class Running(msgspec.Struct, eq=False):
    """A job of ours that a task of ours runs."""

    claimed: Claimed
    task: asyncio.Task[Any] | None = None
    in_slot: bool = True
    """It counts among those that may run at once: until its last call is handed in, or it is over."""
    committing: bool = False
    """Its last call is handed in: a vanished lease is the expected outcome."""
    refused: bool = False
    """Its last call did not finish it: it may be another worker's, or finished by a call whose reply got lost."""
    over: bool = False
    """Nothing is left to be told to Redis: its commit has finished it, or another worker holds it."""

    def cancel(self) -> None:
        """End its task; what becomes of the job is decided where the task ends."""
        if self.task is not None:
            self.task.cancel()


class Handed(msgspec.Struct, eq=False):
    """A call that a job has handed in, and who waits for the reply. With `job`: its commit."""

    call: Call
    reply: asyncio.Future[Any]
    job: Running | None

    def settle(self, reply: Any) -> None:
        """Give the reply to whoever waits, if it still does."""
        if self.job is not None:
            finished = reply == FINISHED
            self.job.over = self.job.committing = finished
            self.job.refused = not finished
        if self.reply.done():
            return
        if isinstance(reply, Exception):
            self.reply.set_exception(reply)
        else:
            self.reply.set_result(reply)


Released = tuple[Release, bool]
"""What becomes of a job, and whether its commit was refused."""


class Pipeline(msgspec.Struct, frozen=True):
    """What travels together, in this order: renewals of leases, calls of jobs, a cycle."""

    group: list[Handed]
    released: list[Released]
    calls: list[Call]
    renews: bool
    with_cycle: bool


class Sent(msgspec.Struct, frozen=True):
    """What became of one pipeline."""

    cycle: Cycle | None = None
    trouble: Exception | None = None
    """Why some of it was refused and has to be sent again, after a pause."""


class Exchange:
    """Collects calls and releases, and sends them. `running` is the engine's own dict of running jobs.

    `confirm` ends each pipeline that carries calls of jobs; what Redis cannot confirm is sent again.
    """

    def __init__(
        self, redis: Redis, claimant: Claimant, running: dict[str, Running], *, confirm: Confirm | None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._line = Line(redis)
        self._claimant = claimant
        self._confirm = confirm
        self._running = running
        self._handed: list[Handed] = []
        self._released: list[Released] = []
        self.recovering = False
        """Redis was away: leases may have run out, so they are renewed before anything else."""

    @property
    def waiting(self) -> int:
        """How much waits to be sent."""
        return len(self._handed) + len(self._released)

    def hand_in(self, call: Call, job: Running | None = None) -> asyncio.Future[Any]:
        """Send this call with the next pipeline."""
        reply: asyncio.Future[Any] = self._loop.create_future()
        self._handed.append(Handed(call, reply, job))
        return reply

    def release(self, release: Release, *, refused: bool = False) -> None:
        """Release a job with the next pipeline. `refused`: its commit was, so it may not be ours any more."""
        self._released.append((release, refused))

    def load(self, *, look: bool, slots: int, most: int = MAX_GROUP) -> Pipeline:
        """What leaves now: at most so many calls, and all releases. Its cycle is left out if there is no reason for
        one: nothing was released or committed, and `look` is not set."""
        group, released = self._take(min(most, MAX_GROUP))
        calls = [handed.call for handed in group]
        if self.recovering:
            released = [(release, refused) for release, refused in released if not self._runs_anew(release.job_id)]
            held = [job_id for job_id, job in self._running.items() if not job.over]
            calls.insert(0, self._claimant.renew([*held, *(release.job_id for release, _ in released)]))
        with_cycle = bool(look or released or any(handed.job for handed in group))
        if with_cycle:
            calls.append(self._claimant.cycle(slots=slots, released=[release for release, _ in released]))
        return Pipeline(group, released, calls, self.recovering, with_cycle)

    async def send(self, pipeline: Pipeline, *, on_lost: Callable[[list[Running]], None]) -> Sent:
        """Send it and see to the replies. Others may be under way: of what they carry, nothing waits for the replies
        to this one.

        Raises one of `TROUBLE` if it did not get through; then all of it will be sent again.
        """
        group, released, calls = pipeline.group, pipeline.released, pipeline.calls
        if not calls:
            return Sent()
        if group:
            GROUP_CALLS.observe(len(group))
        try:
            replies = await execute(self._line, calls, confirm=self._confirm if group else None)
        except BaseException:
            self._put_back(group, released)
            self.recovering = True
            raise

        renewed = replies.pop(0) if pipeline.renews else []
        cycled = replies.pop() if pipeline.with_cycle else None
        refused = [reply for reply in (renewed, cycled) if isinstance(reply, Exception)]
        self.recovering = bool(refused) or (self.recovering and not pipeline.renews)
        if not isinstance(renewed, Exception):
            on_lost([self._running[job_id] for job_id in decode_lost(renewed) if job_id in self._running])
        refused += self._settle(group, replies)
        cycle = None
        if isinstance(cycled, Exception):
            self._put_back([], released)
        elif pipeline.with_cycle:
            cycle = self._told(decode_cycle(cycled), released)
        return Sent(cycle, refused[0] if refused else None)

    def _settle(self, group: list[Handed], replies: list[Any]) -> list[Exception]:
        """Give each caller its reply, but keep the calls that Redis refused for now; the reasons of those."""
        refused = [(handed, reply) for handed, reply in zip(group, replies, strict=True) if is_away(reply)]
        for handed, reply in zip(group, replies, strict=True):
            if not is_away(reply):
                handed.settle(reply)
        self._put_back([handed for handed, _ in refused], [])
        return [reply for _, reply in refused]

    def _take(self, most: int) -> tuple[list[Handed], list[Released]]:
        """The next group. A call whose caller was cancelled is dropped (nobody would act on what it announces), but a
        commit is sent: the work is done."""
        waiting = [handed for handed in self._handed if handed.job or not handed.reply.done()]
        released, self._released = self._released, []
        self._handed = waiting[most:]
        return waiting[:most], released

    def _runs_anew(self, job_id: str) -> bool:
        """Whether its release was carried out, though not confirmed: a pipeline behind has claimed the job again. To
        release it once more would take the lease of the new run away."""
        job = self._running.get(job_id)
        return job is not None and not job.over

    def _put_back(self, group: list[Handed], released: list[Released]) -> None:
        self._handed[:0] = group
        self._released[:0] = released

    @staticmethod
    def _told(cycle: Cycle, released: list[Released]) -> Cycle:
        late = [
            release.job_id
            for release, refused in released
            if isinstance(release, Done) and not refused and release.job_id in cycle.lost
        ]
        if late:
            log.warning("finished_too_late", jobs=late)
        return cycle
