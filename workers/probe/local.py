"""What our own Redis knows about an account. Reads only; a Redis that is away is a missing fact.

Redis keys: seen:<account>:<sid>, dead, dead:<id>.
"""

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.dead_letters import AT_ONCE, load_named
from shared.keys import Keys
from shared.redis_client import AWAY
from workers.probe.facts import NOT_ASKED, Cause, Known, Missing

GEO_CODE = "twilio-21408"
"""The cause of a dead letter that Twilio refused because the region is not enabled."""
MOST_LETTERS = 2000

_TROUBLE = (*AWAY, ResponseError)
"""Away, or not ours to read (an ACL): either way the rest of the probe goes on."""

_MISSING = Missing(cause=Cause.UNREACHABLE, words="Redis was not reached")


async def load_not_arrived(redis: Redis | None, keys: Keys, account_id: str, sids: list[str]) -> Known[frozenset[str]]:
    """Which of these texts admission has never seen."""
    if redis is None:
        return _MISSING
    if not sids:
        return frozenset()
    try:
        seen = await redis.mget([keys.seen(account_id, sid) for sid in sids])
    except _TROUBLE:
        return _MISSING
    return frozenset(sid for sid, verdict in zip(sids, seen, strict=True) if verdict is None)


async def load_geo_refusals(redis: Redis | None, keys: Keys, account_id: str, *, since_s: float) -> Known[int]:
    """Dead letters of this account since then that were refused for their region."""
    if redis is None:
        return NOT_ASKED
    try:
        ids = [raw.decode() for raw in await redis.zrevrangebyscore(keys.dead, "+inf", int(since_s * 1000))]
        count = 0
        for start in range(0, min(len(ids), MOST_LETTERS), AT_ONCE):
            letters = await load_named(redis, keys, ids[start : start + AT_ONCE])
            count += sum(
                kept.letter.account_id == account_id and kept.letter.code == GEO_CODE for kept in letters if kept
            )
    except _TROUBLE:
        return _MISSING
    return count
