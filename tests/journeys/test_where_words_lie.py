"""What people wrote lies in Redis where docs/conversations.md says, and nowhere else; it goes when the page says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from sandbox.faults import twilio_error
from shared.keys import conversation_id
from tests.journeys.house import STAGES, House

ANN, BOB = "+12025550111", "+12025550122"
WORD = "Kohlrabi"
PAGE = (Path(__file__).parents[2] / "docs/conversations.md").read_text()


async def shapes_with_words(house: House) -> dict[str, int]:
    """The first word of each key that holds the word -> its lifetime in seconds, -1 for none."""
    found: dict[str, int] = {}
    async for key in house.redis.scan_iter(count=1000):
        if WORD in str(await content(house, key)):
            found[key.decode().removeprefix(house.keys.prefix).split(":")[0]] = int(await house.redis.ttl(key))
    return found


async def content(house: House, key: bytes) -> Any:
    redis: Any = house.redis
    match await redis.type(key):
        case b"hash":
            return await redis.hgetall(key)
        case b"list":
            return await redis.lrange(key, 0, -1)
        case b"zset":
            return await redis.zrange(key, 0, -1)
        case _:
            return await redis.get(key)


async def test_words_lie_where_the_page_says_and_end_when_it_says(house: House) -> None:
    house.open_door()
    house.config["agent"] = {
        "kind": "python",
        "callable": "tests.journeys.agents_for_tests:takes_a_moment",
        "history": {"hours": 2},
    }
    await house.start()
    await house.text(ANN, f"{WORD}, please")
    await house.receives(ANN, 1)
    await house.idle()
    held = await shapes_with_words(house)
    assert set(held) == {"history"}, "an answered text is in the history only"
    assert 0 < held["history"] <= 2 * 3600

    house.sandbox.state.faults.add(msgspec.structs.replace(twilio_error(21211, message="not valid"), to=BOB))
    await house.text(BOB, f"{WORD} for me")
    await house.until(lambda: buried(house))
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="seconds")
    await house.cli("message", "send", "--target", f"sms:{ANN}", "--message", f"{WORD} later", "--send-at", later)
    house.kill("agent")
    await house.text(ANN, f"more {WORD}")
    held = await shapes_with_words(house)
    assert held == {"history": held["history"], "dead": -1, "hold": -1, "lane": -1}
    assert all(f"({name})" in PAGE for name in ("lanes", "holds", "dead letters"))

    for person in (ANN, BOB):
        await house.cli("person", "erase", person, "--yes")
    assert await shapes_with_words(house) == {}
    assert not any(WORD in house.log(name) for name in ("ingress", *STAGES))
    keys = [key.decode() async for key in house.redis.scan_iter(count=1000)]
    lanes = [house.keys.conversation(conversation_id("default", person)) for person in (ANN, BOB)]
    assert not set(keys) & set(lanes)


async def buried(house: House) -> bool:
    return bool(await house.redis.zcard(house.keys.dead))
