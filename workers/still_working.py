"""Telling a person that their turn goes on, when it takes long. The order and the once: `lua/still_working.lua`.

Redis keys: conversation, the format lane.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from redis.exceptions import RedisError

from shared.keys import Keys, Stage
from shared.logs import logger
from shared.queue import lane_payload
from shared.records import Reply, encode
from shared.scripts import Call, script
from workers.work import Work

log = logger(__name__)


@contextlib.asynccontextmanager
async def telling(work: Work, keys: Keys, notice: Reply, *, after_s: float) -> AsyncIterator[None]:
    """Send `notice` if what is inside takes longer than `after_s`. Failing to tell fails nothing else."""
    teller = asyncio.create_task(_tell(work, still_working(work=work, keys=keys, notice=notice), after_s))
    try:
        yield
    finally:
        teller.cancel()
        await asyncio.wait([teller])


def still_working(*, work: Work, keys: Keys, notice: Reply) -> Call:
    """Put the notice into the format lane; the reply is 1, or 0 if it is too late or was said before."""
    return Call(
        script("still_working"),
        (work.lane.state, *keys.lane(Stage.FORMAT, work.conversation).as_tuple()),
        (Stage.FORMAT.value, lane_payload(Stage.FORMAT.value), work.stage.value, work.turn, encode(notice)),
    )


async def _tell(work: Work, call: Call, after_s: float) -> None:
    await asyncio.sleep(after_s)
    try:
        told = await work.call(call)
    except RedisError as error:
        log.warning("notice_not_sent", conversation=work.conversation, reason=f"{type(error).__name__}: {error}")
        return
    work.facts["told_still_working"] = bool(told)
