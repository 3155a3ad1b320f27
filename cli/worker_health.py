"""Whether a worker process has reported for work: it writes a health key in Redis that names it.

Redis keys: `Keys.health(stage, worker)`, read only.
"""

import re

from redis.asyncio import Redis

from shared.keys import Keys, Stage
from shared.redis_client import AWAY


async def worker_is_up(redis: Redis, keys: Keys, stage: Stage, pid: int) -> bool:
    """Whether the worker of this stage that runs as process `pid` on this machine has written its key."""
    names_it = re.compile(rf"(^|[:-]){pid}([:-]|$)")
    own = keys.health(stage.value, "")
    try:
        async for key in redis.scan_iter(match=f"{own}*", count=1000):
            if names_it.search(key.decode().removeprefix(own)):
                return True
    except AWAY:
        return False
    return False
