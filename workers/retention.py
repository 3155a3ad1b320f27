"""Dead letters that were kept long enough: a chore of the sweeper's, off unless `deadLetters.retentionDays` is set.

Never silently: a letter that nobody has seen is not touched unless that is allowed, and each one that goes is logged
and counted. Redis keys: dead, dead:<id>, dead:<id>:notes, dead:expired.
"""

import time
from typing import Any

from redis.asyncio import Redis

from shared.dead_letters import AT_ONCE, drop, load_named, load_seen
from shared.keys import Keys
from shared.logs import logger
from shared.round_trip import execute
from shared.settings import DeadLettersSection
from workers.work import Environment

EVERY_S = 600.0
"""How often one process looks; nobody needs it sooner, with days as the unit."""

DAY_MS = 24 * 3600 * 1000
_NEXT = "letters_expire_next"

log = logger(__name__)


async def expire_letters_chore(ctx: dict[str, Any]) -> None:
    """Look now and then, with the settings as they are. Raises RedisError."""
    env: Environment = ctx["env"]
    if time.monotonic() < ctx.get(_NEXT, 0.0):
        return
    ctx[_NEXT] = time.monotonic() + EVERY_S
    await expire_letters(env.redis, env.keys, env.settings.dead_letters)


async def expire_letters(redis: Redis, keys: Keys, rule: DeadLettersSection) -> int:
    """Forget what the rule no longer keeps; how many. Raises RedisError."""
    if rule.retention_days == 0:
        return 0
    seconds, micros = await redis.time()
    now_ms = seconds * 1000 + micros // 1000
    expired = offset = 0
    while True:
        page = await redis.zrangebyscore(
            keys.dead, "-inf", now_ms - rule.retention_days * DAY_MS, start=offset, num=AT_ONCE, withscores=True
        )
        ids = [raw.decode() for raw, _ in page]
        seen = await load_seen(redis, keys, ids)
        over = [
            letter_id
            for (letter_id, seen_ms), (_, buried_ms) in zip(zip(ids, seen, strict=True), page, strict=True)
            if is_over(rule, seen_ms=seen_ms, buried_ms=int(buried_ms), now_ms=now_ms)
        ]
        gone = await _drop(redis, keys, over)
        expired += gone
        offset += len(page) - gone
        if len(page) < AT_ONCE:
            return expired


def is_over(rule: DeadLettersSection, *, seen_ms: int | None, buried_ms: int, now_ms: int) -> bool:
    """Whether a letter was kept long enough: since somebody saw it, or since its burial if that suffices."""
    if seen_ms is None and not rule.drop_unseen:
        return False
    since_ms = buried_ms if seen_ms is None else seen_ms
    return rule.retention_days > 0 and now_ms - since_ms >= rule.retention_days * DAY_MS


async def _drop(redis: Redis, keys: Keys, letter_ids: list[str]) -> int:
    if not letter_ids:
        return 0
    kept = await load_named(redis, keys, letter_ids)
    replies = await execute(redis, [drop(keys=keys, letter_id=each, expired=True) for each in letter_ids])
    gone = 0
    for letter_id, each, reply in zip(letter_ids, kept, replies, strict=True):
        if isinstance(reply, Exception):
            raise reply
        if reply and each is not None:  # else somebody retried or dropped it just now
            log.warning("dead_letter_expired", letter=letter_id, account=each.letter.account_id, code=each.letter.code)
        gone += int(reply)
    return gone
