"""Parts that Twilio has and whose end no callback has told: when Twilio is to be asked, and who asks.

The states are at the head of `lua/take_awaiting.lua`. Redis keys: awaiting, part.
"""

import msgspec
from redis.asyncio import Redis

from shared.keys import Keys
from shared.outbox import FINAL_RANK
from shared.scripts import Call, script

GIVE_UP_AFTER_MS = 24 * 3600 * 1000
"""No carrier reports later; Twilio keeps its own record all the same."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The parts to be asked for now. Times are of Redis' clock."""

    now_ms: int
    next_due_ms: int | None
    """When the next part is due, those just taken included; None: none is left."""
    part_ids: tuple[str, ...]


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """One part, as far as asking for it goes."""

    part_id: str
    sid: str
    account_id: str
    accepted_ms: int


def take(*, keys: Keys, most: int, lease_ms: int) -> Call:
    """Take up to `most` due parts for `lease_ms`; read the reply with `taken_of`."""
    return Call(script("take_awaiting"), (keys.awaiting,), (most, lease_ms))


def taken_of(reply: list[object]) -> Taken:
    """What the script's reply says."""
    now, next_due, part_ids = msgspec.convert(reply, tuple[bytes, bytes | None, list[bytes]])
    return Taken(
        now_ms=int(now),
        next_due_ms=None if next_due is None else int(float(next_due)),
        part_ids=tuple(part_id.decode() for part_id in part_ids),
    )


def next_look_ms(*, accepted_ms: int, now_ms: int, first_ms: int) -> int | None:
    """When to ask again: each time the part is twice as old, and a last time after a day. None: give it up."""
    age_ms = now_ms - accepted_ms
    if age_ms >= GIVE_UP_AFTER_MS:
        return None
    return min(now_ms + max(age_ms, first_ms), accepted_ms + GIVE_UP_AFTER_MS)


async def load_awaited(redis: Redis, keys: Keys, part_id: str) -> Awaited | None:
    """The part, None if its end is known or everything about it is forgotten."""
    fields = ["state", "sid", "account", "accepted_ms", "rank"]
    stored: list[bytes | None] = await redis.hmget(keys.part(part_id), fields)  # type: ignore[misc]
    state, sid, account, accepted_ms, rank = (value and value.decode() for value in stored)
    if state != "accepted" or not (sid and account and accepted_ms) or int(rank or 0) >= FINAL_RANK:
        return None
    return Awaited(part_id=part_id, sid=sid, account_id=account, accepted_ms=int(accepted_ms))


async def put_off(redis: Redis, keys: Keys, part_id: str, due_ms: int) -> None:
    """Ask again then, unless a callback has told the end meanwhile."""
    await redis.zadd(keys.awaiting, {part_id: due_ms}, xx=True)


async def forget(redis: Redis, keys: Keys, part_id: str) -> None:
    """Ask no more."""
    await redis.zrem(keys.awaiting, part_id)
