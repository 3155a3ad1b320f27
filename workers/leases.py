"""Keeping the leases of running jobs, in a thread with a connection of its own.

User code that blocks the event loop (a synchronous agent, a long computation) must not cost a worker its jobs, so
nothing here waits for the loop. Code that holds the interpreter lock for a whole lease still does; the turn's number
then fences its commit.

Redis keys: arq:in-progress:* and the queue (`lua/renew.lua`).
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from redis.exceptions import NoScriptError, RedisError

from shared.claims import Claimant, decode_lost
from shared.redis_client import AWAY, connect_blocking
from shared.scripts import Call

RETRY_WAIT_S = 0.25
"""Wait after a renewal that did not get through: short against any lease, long against a busy Redis."""

JobT = TypeVar("JobT")


class LeaseKeeper:
    """Renews what `held` tells, at a third of the lease.

    `held` gives running jobs by id, and is called from the thread: it must be a snapshot. `on_lost` gets, in the thread
    too, the values of those that belong to another worker now.
    """

    def __init__(
        self,
        url: str,
        claimant: Claimant,
        *,
        held: Callable[[], Mapping[str, JobT]],
        on_lost: Callable[[list[JobT]], object],
    ) -> None:
        # Its time limit is shorter than what is left of a lease when a renewal is due.
        self._redis = connect_blocking(url, limit_s=claimant.lease_ms / 3000)
        self._claimant = claimant
        self._held: Callable[[], Mapping[str, Any]] = held
        self._on_lost: Callable[[list[Any]], object] = on_lost
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        """Begin. Once."""
        self._thread.start()

    def stop(self) -> None:
        """End; a renewal under way is waited for, for a moment."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(RETRY_WAIT_S * 2)
        self._redis.close()

    def _run(self) -> None:
        pause_s = third_s = self._claimant.lease_ms / 3000
        while not self._stopped.wait(pause_s):
            pause_s = third_s if self._renew() else min(RETRY_WAIT_S, third_s)

    def _renew(self) -> bool:
        """Whether it got through. The engine's loop tells when Redis is away, so nothing is logged here."""
        held = self._held()
        if not held:
            return True
        try:
            lost = decode_lost(self._call(self._claimant.renew(held)))
        except (*AWAY, RedisError):
            return False
        if lost and not self._stopped.is_set():
            self._on_lost([held[job_id] for job_id in lost])
        return True

    def _call(self, call: Call) -> Any:
        send: Callable[..., Any] = self._redis.execute_command  # redis-py leaves it untyped
        try:
            return send(*call.command())
        except NoScriptError:
            return send("EVAL", call.script.source, *call.command()[2:])
