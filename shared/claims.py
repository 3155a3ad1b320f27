"""Typed calls that claim, release and keep jobs. What a claim is, and what a crash leaves of it: `lua/cycle.lua`."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from shared.scripts import Call, script


class Done(msgspec.Struct, frozen=True):
    """The job's work is done, or given up."""

    job_id: str
    result: bytes = b""
    """What `Job.result()` reads; empty: none is kept."""
    result_ttl_ms: int = 0
    """0: for ever."""
    keep_ms: int = 0
    """How long the job still counts as running, so that a late worker does not start a cron job a second time."""

    def words(self) -> tuple[Any, ...]:
        return (self.job_id, "done", self.keep_ms, self.result_ttl_ms, self.result)


class Again(msgspec.Struct, frozen=True):
    """The job waits again, for `delay_ms` by Redis' clock. Not `counted`: its attempt is taken back."""

    job_id: str
    delay_ms: int
    counted: bool

    def words(self) -> tuple[Any, ...]:
        return (self.job_id, "again", self.delay_ms, "" if self.counted else "1", "")


Release = Done | Again


class Claimed(msgspec.Struct, frozen=True):
    """One job that is ours until its lease ends."""

    job_id: str
    due_ms: int
    attempt: int
    """1 at the first claim; a claim whose worker died counts too."""
    payload: bytes | None
    """None: it has expired."""
    aborted: bool
    """Somebody called `Job.abort()` before it started."""
    records: list[bytes]
    """The oldest of its lane."""


class Cycle(msgspec.Struct, frozen=True):
    """What one cycle did."""

    now_ms: int
    next_due_ms: int | None
    """Of the first job that was left in the queue; in the past if there were too few slots."""
    claims: list[Claimed]
    lost: set[str]
    """Released jobs that were not ours any more: nothing was done for them."""


class Claimant(msgspec.Struct, frozen=True, kw_only=True):
    """Who claims, on which queue: what is the same in all calls of one worker."""

    queue: str
    bell: str
    token: str
    lease_ms: int
    peek: int = 0
    """Records that come with each lane job; 0: none."""
    lanes: str = ""
    """What the list keys of the queue's lanes start with."""
    abort: bool = False

    def cycle(self, *, slots: int, released: Sequence[Release] = ()) -> Call:
        """Release a batch, then claim at most `slots` jobs; decode the reply with `decode_cycle`."""
        words = [word for release in released for word in release.words()]
        fixed = (self.token, self.lease_ms, slots, self.peek, self.lanes, "1" if self.abort else "")
        return Call(script("cycle"), (self.queue, self.bell), (*fixed, *words))

    def renew(self, job_ids: Iterable[str]) -> Call:
        """Prolong the leases of running jobs; decode the reply with `decode_lost`."""
        return Call(script("renew"), (self.queue,), (self.token, self.lease_ms, *job_ids))


def decode_cycle(reply: Any) -> Cycle:
    """The reply to `Claimant.cycle`."""
    now, next_due, claims, lost = reply
    return Cycle(
        int(now),
        None if next_due is None else int(float(next_due)),
        [
            Claimed(job_id.decode(), int(float(due)), attempt, payload, aborted == 1, records)
            for job_id, due, attempt, payload, aborted, records in claims
        ],
        decode_lost(lost),
    )


def decode_lost(reply: Any) -> set[str]:
    """The reply to `Claimant.renew`."""
    return {job_id.decode() for job_id in reply}
