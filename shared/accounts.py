"""Pausing an account and letting it go on: nothing is lost meanwhile, and no attempt is counted.

Redis keys: paused:<account>. While it stands, `lua/dispatch_part.lua` lets no part of the account go out.
"""

import time

from redis.asyncio import Redis
from redis.exceptions import WatchError

from shared.keys import Keys
from shared.records import Pause, decode_pause, encode
from shared.scripts import Call, script


def pause(*, keys: Keys, account_id: str, code: str, message: str, hint: str) -> Call:
    """Pause the account; the reply is 1 if it was not paused before (then raise the alarm), else 0."""
    record = Pause(code=code, message=message, hint=hint, since_ms=time.time_ns() // 1_000_000)
    return Call(script("pause"), (keys.paused(account_id),), (encode(record),))


async def load_pause(redis: Redis, keys: Keys, account_id: str) -> Pause | None:
    """Why the account is paused; None if it is not."""
    raw = await redis.get(keys.paused(account_id))
    return None if raw is None else decode_pause(raw)


async def resume(redis: Redis, keys: Keys, account_id: str) -> bool:
    """Let the account go on; whether it was paused. Its waiting parts look again within half a minute."""
    return bool(await redis.delete(keys.paused(account_id)))


async def resume_after(redis: Redis, keys: Keys, account_id: str, known: Pause) -> bool:
    """Let the account go on if it is still paused for this very cause; whether it was."""
    key = keys.paused(account_id)
    async with redis.pipeline(transaction=True) as pipe:
        await pipe.watch(key)
        raw = await pipe.get(key)
        if raw is None or decode_pause(raw) != known:
            return False
        pipe.multi()  # type: ignore[no-untyped-call]
        pipe.delete(key)
        try:
            await pipe.execute()
        except WatchError:
            return False
    return True
