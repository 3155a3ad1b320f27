"""Letting held messages go when their time has come: the job that wakes a hold, and the sweeper's look for lost jobs.

What a hold is: `shared/lua/lib/holds.lua`. Redis keys: hold:*, held, the lane that the messages join.
"""

from typing import Any

from arq.worker import Function, func
from redis.asyncio import Redis

from shared.holds import AT_ONCE, mending, release
from shared.keys import Keys
from shared.logs import logger
from shared.queue import RELEASE, split_job_id
from shared.round_trip import execute
from workers.work import Environment

AHEAD_S = 60.0
"""Several passes of the sweeper: a hold whose job is lost gets it back before its time."""

MAX_TRIES = 1_000_000
"""A job that a stock worker put off is not dropped for it."""

log = logger(__name__)


def release_job() -> Function:
    """The arq function for our engine and for a stock arq worker alike; for the stages that have holds."""
    return func(release_held, name=RELEASE, max_tries=MAX_TRIES, keep_result=0)


async def release_held(ctx: dict[str, Any]) -> None:
    """Let go what is due in the hold that the job's id names."""
    env: Environment = ctx["env"]
    stage, conversation = env.keys.hold_of_set(split_job_id(ctx["job_id"])[0])
    commit = ctx["commit"] if "engine" in ctx else ctx["group"].call
    # The job is finished whatever this replies; unless that is 1, the engine releases once more what is gone already.
    joined = await commit(release(keys=env.keys, stage=stage, conversation=conversation, job_id=ctx["job_id"]))
    log.info("held_released", stage=stage.value, conversation=conversation, messages=joined)


async def mend_holds(redis: Redis, keys: Keys, *, ahead_s: float = AHEAD_S) -> int:
    """Let go what is due, and give a job to each hold that will be due within `ahead_s` and has none; how many messages
    joined their lanes. Raises RedisError."""
    seconds, micros = await redis.time()
    before_ms = seconds * 1000 + micros // 1000 + int(ahead_s * 1000)
    joined = offset = 0
    while True:
        found = await redis.zrangebyscore(keys.held, "-inf", before_ms, start=offset, num=AT_ONCE)
        calls = [call for set_key in found if (call := mending(keys, set_key)) is not None]
        for reply in await execute(redis, calls) if calls else ():
            if isinstance(reply, Exception):
                raise reply
            joined += int(reply)
        if len(found) < AT_ONCE:
            return joined
        offset += len(found)  # those that left make it look past some, until the next time
