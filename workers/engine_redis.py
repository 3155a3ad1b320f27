"""The engine's side of a Redis that comes and goes: how long to wait for it, and how to be woken by it.

Redis keys: the queue's bell.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from arq.connections import ArqRedis
from arq.jobs import Deserializer, Serializer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.redis_client import AWAY, connect
from shared.redis_outage import RedisOutage
from shared.round_trip import NotConfirmedError

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0
"""A Redis that is back is noticed within this time."""

TROUBLE = (*AWAY, RedisError, NotConfirmedError)
"""What makes the engine wait and try again. It includes what a mistake of ours would raise: a worker that waits and
says why is better than one that has ended."""


def arq_pool(url: str, queue: str, serializer: Serializer, deserializer: Deserializer) -> ArqRedis:
    """arq's client on our connections, which have time limits (arq's own wait for ever on a dead peer)."""
    return ArqRedis(
        connect(url).connection_pool,
        job_serializer=serializer,
        job_deserializer=deserializer,
        default_queue_name=queue,
    )


class Outage:
    """Waits for Redis with growing, jittered pauses, and keeps the log of it."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._told = RedisOutage()
        self._wait_s = FIRST_WAIT_S

    async def wait(self, error: Exception) -> None:
        """Pause once."""
        self._told.away(f"{type(error).__name__}: {error}")
        await asyncio.sleep(self._wait_s * self._rng.uniform(0.5, 1.0))
        self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)

    def over(self) -> None:
        """Redis answers (again)."""
        if self._told.lasts:
            self._told.back()
            self._wait_s = FIRST_WAIT_S


class Bell:
    """Waits on the queue's doorbell over a connection of its own, one blocking read at a time.

    `on_ring` is called when the bell rang, when it was silent for `block_s`, and when the connection broke: in each
    case it is time to look at the queue. A token is never given back: whoever took it must look, even with no slot
    free, and `cycle.lua` rings again for what it leaves.
    """

    def __init__(self, redis: Redis, key: str, *, block_s: float, on_ring: Callable[[], None]) -> None:
        self._redis = redis
        self._key = key
        self._block_s = block_s
        self._on_ring = on_ring
        self._listening: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Start a read, unless one is under way."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """End the read; a token that it might just have taken is not waited for."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        await self._redis.aclose()

    async def _listen(self) -> None:
        blpop: Callable[..., Awaitable[object]] = self._redis.execute_command  # its own one takes whole seconds
        try:
            await blpop("BLPOP", self._key, self._block_s)
        except TROUBLE:
            await asyncio.sleep(LONGEST_WAIT_S / 2)  # the cycle that follows finds out, waits and tells
        self._listening = None
        self._on_ring()
