"""What the scale bench says is left of a text: keys that outlive the hour, and nothing of conversations."""

from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from bench.kept import kept
from shared.keys import Keys

DAY_MS = 86_400_000


async def test_what_outlives_the_hour_is_counted_by_kind_of_key(redis: Redis, redis_url: str, keys: Keys) -> None:
    for number in range(4):
        await redis.set(keys.seen("default", f"SM{number}"), "admitted", px=7 * DAY_MS)
        await redis.set(keys.part(f"part-{number}"), "a state", px=30 * DAY_MS)
        await redis.set(keys.once(f"reply-{number}"), "1", px=60_000)
        await redis.set(keys.conversation(f"c{number}"), "turns", px=30 * DAY_MS)
    await redis.set(keys.probe_result("default"), "one for the whole house", px=7 * DAY_MS)
    with BlockingRedis.from_url(redis_url) as blocking:
        found = kept(blocking, keys, texts=4)
    assert {kind: (each.keys, each.days) for kind, each in found.items()} == {"part": (1, 30), "seen": (1, 7)}
    assert all(50 < each.bytes < 500 for each in found.values())
