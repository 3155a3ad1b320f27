"""Whether a worker process has reported for work: its name is in the index, and its health key is there.

Redis keys: workers, health, read only.
"""

from redis.asyncio import Redis

from shared.keys import Keys, Stage
from shared.live_workers import load_live_workers
from shared.redis_client import AWAY


async def worker_is_up(redis: Redis, keys: Keys, stage: Stage, pid: int) -> bool:
    """Whether the worker of this stage that runs as process `pid` has written its key."""
    try:
        return any(name.split("-")[-2:-1] == [str(pid)] for name in await load_live_workers(redis, keys, stage.value))
    except AWAY:
        return False
