"""Before a sandbox moves into a Redis that somebody else started: is anybody at home there?

Trying out must not touch real conversations (they would share arq's keys, memory and fsyncs). Reads key names only.
"""

import re

from redis.asyncio import Redis

from shared.errors import UsageError
from shared.keys import Stage

_STAGES = "|".join(stage.value for stage in Stage)
_REAL = re.compile(rf"(lane:({_STAGES}):|queue:({_STAGES})|approved:|optout:|conversation:[a-z2-7]{{16}}$)")
"""Shapes that only a gateway writes, under whatever prefix."""

_SCAN_COUNT = 1000


def looks_real(key: str, *, own_prefix: str) -> bool:
    """Whether this key belongs to a gateway other than the one with our prefix."""
    bare = key.removeprefix("arq:job:").removeprefix("arq:in-progress:").removeprefix("arq:retry:")
    return not bare.startswith(own_prefix) and _REAL.search(bare) is not None


async def refuse_real_lanes(redis: Redis, own_prefix: str) -> None:
    """Raises UsageError if another gateway keeps its conversations in this Redis."""
    async for raw in redis.scan_iter(count=_SCAN_COUNT):
        if looks_real(raw.decode(errors="replace"), own_prefix=own_prefix):
            raise UsageError(
                "the Redis of TEXTGATE_REDIS_URL holds the conversations of a real gateway: unset the variable, and "
                "the sandbox starts a Redis of its own"
            )
