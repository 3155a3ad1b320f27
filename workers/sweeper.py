"""The sweeper: gives a job to each lane that holds work but has none.

No script of ours leaves such a lane behind. A stock arq worker does (it drops a job past `max_tries`, or of a function
that it does not know), and so does whoever deletes keys by hand. Every worker hosts a sweeper; a lease in Redis lets
one of them sweep at a time. It reads the index of busy lanes, never the key space.

It also looks after the holds (`workers/release.py`), and does the chores that it is given.

Redis keys: sweeper, busy, and the lanes of all stages (`lua/sweep.lua`); held and the holds.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from redis.asyncio import Redis

from shared.cancellation import pass_cancellation
from shared.keys import Keys
from shared.lanes import sweep
from shared.logs import logger
from shared.round_trip import execute
from shared.scripts import Call
from workers.engine_redis import TROUBLE
from workers.release import mend_holds

MOST_AT_ONCE = 200
"""Lanes in one pipeline: enough for a bad day, short enough not to hold up anybody's claim."""

Chore = Callable[[], Awaitable[None]]
"""Something else that one worker at a time shall do now and then; it says itself how often."""

log = logger(__name__)


class Sweeper:
    """Sweeps every `interval_s` the lanes that gave no sign of life for `quiet_s`. One per worker process."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        *,
        name: str,
        interval_s: float = 15.0,
        quiet_s: float = 60.0,
        chores: Sequence[Chore] = (),
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._name = name
        self._interval_s = interval_s
        self._quiet_s = quiet_s
        self._chores = chores

    async def run(self) -> None:
        """Sweep until cancelled. A Redis that is away is left to the engine's loop, which waits and tells."""
        rng = random.Random()  # noqa: S311 - jitter, so that the workers of a deployment do not knock together
        while True:
            await asyncio.sleep(self._interval_s * rng.uniform(0.8, 1.2))
            try:
                if await self._may_sweep():
                    await self.sweep()
                    await mend_holds(self._redis, self._keys)
                    for chore in self._chores:
                        await chore()
            except TROUBLE as error:
                log.info("sweep_failed", reason=f"{type(error).__name__}: {error}")
            pass_cancellation()

    async def sweep(self) -> int:
        """Sweep once; the number of lanes that had to be healed. Raises RedisError."""
        healed = offset = 0
        while True:
            lanes = await self._quiet_lanes(offset)
            calls = [call for lane in lanes if (call := self._sweep(lane)) is not None]
            offset += len(lanes) - len(calls)  # these stay at the head of the index
            for reply in await execute(self._redis, calls) if calls else ():
                if isinstance(reply, Exception):
                    raise reply
                healed += int(reply)
            if len(lanes) < MOST_AT_ONCE:
                break
        if healed:
            log.warning("lanes_healed", count=healed)
        return healed

    async def _may_sweep(self) -> bool:
        """True for one worker at a time. The lease is shorter than any pause, so a lone worker always gets it."""
        lease_ms = int(self._interval_s * 700)
        return bool(await self._redis.set(self._keys.sweeper, self._name, nx=True, px=lease_ms))

    async def _quiet_lanes(self, offset: int) -> list[bytes]:
        seconds, micros = await self._redis.time()
        before_ms = seconds * 1000 + micros // 1000 - int(self._quiet_s * 1000)
        found: list[bytes] = await self._redis.zrangebyscore(
            self._keys.busy, "-inf", before_ms, start=offset, num=MOST_AT_ONCE
        )
        return found

    def _sweep(self, list_key: bytes) -> Call | None:
        """None for a lane of a stage that this version does not know."""
        try:
            stage, conversation = self._keys.lane_of_list(list_key.decode())
        except ValueError:
            log.warning("unknown_lane", lane=list_key.decode(errors="replace"))
            return None
        return sweep(lane=self._keys.lane(stage, conversation), stage=stage)
