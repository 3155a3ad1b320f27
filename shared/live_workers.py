"""Which workers live, without a look at the whole key space: an index of names, and each name's health key.

Redis keys: workers, health.
"""

from redis.asyncio import Redis

from shared.keys import Keys

FORGET_AFTER_MS = 24 * 3600 * 1000
"""A worker that was killed leaves its name behind; the names of a day are no burden."""


async def load_live_workers(redis: Redis, keys: Keys, stage: str) -> list[str]:
    """Names of our workers of this stage whose health key is there: `<host>-<pid>-<token>`."""
    names = [raw.decode() for raw in await redis.zrange(keys.workers(stage), 0, -1)]
    said = await redis.mget([keys.health(stage, name) for name in names]) if names else []
    return [name for name, words in zip(names, said, strict=True) if words is not None]
