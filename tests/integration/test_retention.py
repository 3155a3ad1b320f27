"""Dead letters are kept for as long as configured after somebody has seen them, and never dropped in silence.

No time passes: when a letter was buried or seen is dated into the past.
"""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from cli.deadletter import closing_line, load, load_one
from cli.deadletter_export import write
from cli.deadletter_select import Filter
from cli.target import Target
from shared import dead_letters
from shared.dead_letters import bury, count_expired, count_letters, load_notes, load_seen, retry, see
from shared.keys import Keys, Stage
from shared.lanes import append
from shared.records import DeadLetter, Origin, Reply, encode
from shared.round_trip import execute
from shared.secrets import Secret
from shared.settings import DeadLettersSection, Settings
from workers.retention import expire_letters, expire_letters_chore, is_over
from workers.work import Environment

DAY_MS = 24 * 3600 * 1000
MONTH = DeadLettersSection(retention_days=30)
ANY = DeadLettersSection(retention_days=30, drop_unseen=True)


def ago_ms(days: float) -> int:
    return int(time.time() * 1000 - days * DAY_MS)


class Desk:
    """Letters of several conversations, and who has looked at them."""

    def __init__(self, redis: Redis, keys: Keys, redis_url: str) -> None:
        self.redis = redis
        self.keys = keys
        self.target = Target(
            redis_url=Secret(redis_url), prefix=keys.prefix, accounts={"default": True}, default_account="default"
        )

    async def give_up(self, name: str, *, days_ago: float, seen_days_ago: float | None = None) -> str:
        """A letter of that age; its id."""
        reply = Reply(
            reply_id=f"{name}-r",
            account_id="default",
            conversation=name,
            to="+15557654321",
            texts=("hello",),
            origin=Origin.AGENT,
            created_ms=1,
        )
        lane = self.keys.lane(Stage.FORMAT, name)
        await execute(self.redis, [append(lane=lane, stage=Stage.FORMAT, records=(encode(reply),))])
        turn = (await self.redis.hget(lane.state, "format")).decode()  # type: ignore[misc]
        letter = DeadLetter(
            letter_id=f"format-{name}-{turn}",
            stage="format",
            account_id="default",
            conversation=name,
            turn=turn,
            code="bug",
            message="m",
            hint="h",
            attempts=1,
            buried_ms=ago_ms(days_ago),
            records=(encode(reply),),
        )
        assert await execute(self.redis, [bury(keys=self.keys, stage=Stage.FORMAT, letter=letter)]) == [1]
        await self.redis.zadd(self.keys.dead, {letter.letter_id: ago_ms(days_ago)})
        if seen_days_ago is not None:
            await see(self.redis, self.keys, [letter.letter_id])
            seen: Any = self.redis.hset(self.keys.dead_notes(letter.letter_id), "seen_ms", str(ago_ms(seen_days_ago)))
            await seen
        return letter.letter_id

    async def seen(self, letter_id: str) -> int | None:
        (found,) = await load_seen(self.redis, self.keys, [letter_id])
        return found


@pytest.fixture
def desk(redis: Redis, keys: Keys, redis_url: str) -> Desk:
    return Desk(redis, keys, redis_url)


async def test_only_what_was_seen_long_enough_ago_goes_and_it_is_logged_and_counted(desk: Desk) -> None:
    old = await desk.give_up("old", days_ago=100, seen_days_ago=31)
    await desk.give_up("unseen", days_ago=1000)
    await desk.give_up("fresh", days_ago=100, seen_days_ago=29)
    await desk.give_up("young", days_ago=1)
    with capture_logs() as events:
        assert await expire_letters(desk.redis, desk.keys, MONTH) == 1
    assert [(event["event"], event["letter"]) for event in events] == [("dead_letter_expired", old)]
    assert await count_letters(desk.redis, desk.keys) == 3
    assert await count_expired(desk.redis, desk.keys) == 1
    assert not await desk.redis.exists(desk.keys.dead_letter(old), desk.keys.dead_notes(old))
    assert await expire_letters(desk.redis, desk.keys, MONTH) == 0


async def test_by_default_nothing_goes(desk: Desk) -> None:
    await desk.give_up("old", days_ago=5000, seen_days_ago=4999)
    assert await expire_letters(desk.redis, desk.keys, DeadLettersSection()) == 0
    assert await expire_letters(desk.redis, desk.keys, DeadLettersSection(drop_unseen=True)) == 0
    assert await count_letters(desk.redis, desk.keys) == 1


async def test_what_nobody_has_seen_goes_only_if_that_is_allowed(desk: Desk) -> None:
    await desk.give_up("unseen", days_ago=31)
    await desk.give_up("young", days_ago=29)
    assert await expire_letters(desk.redis, desk.keys, MONTH) == 0
    assert await expire_letters(desk.redis, desk.keys, ANY) == 1
    assert await count_letters(desk.redis, desk.keys) == 1


async def test_many_are_gone_through_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.retention.AT_ONCE", 3)
    for number in range(10):
        await desk.give_up(f"c{number}", days_ago=100 - number, seen_days_ago=31 if number % 2 else None)
    assert await expire_letters(desk.redis, desk.keys, MONTH) == 5
    assert await count_letters(desk.redis, desk.keys) == 5


async def test_looking_at_a_letter_starts_its_days_once(desk: Desk) -> None:
    listed, other = await desk.give_up("a", days_ago=100), await desk.give_up("b", days_ago=100)
    letters, total, expired = await load(desk.target, Filter(account="nobody"))
    assert (letters, total, expired) == ([], 2, 0)
    assert await desk.seen(listed) is None, "a filter that leaves it out shows nothing of it"
    await load_one(desk.target, listed)
    first = await desk.seen(listed)
    assert first is not None
    assert first > ago_ms(1)
    assert await desk.seen(other) is None
    await load(desk.target, Filter())
    assert await desk.seen(listed) == first, "the first time counts"
    assert await desk.seen(other) is not None
    assert await expire_letters(desk.redis, desk.keys, MONTH) == 0, "its days have only begun"
    assert "2 in all" in closing_line((await load(desk.target, Filter()))[0], 2)


async def test_an_export_is_a_look(desk: Desk, tmp_path: Path) -> None:
    letter = await desk.give_up("a", days_ago=100)
    with (tmp_path / "out").open("w") as stream:
        assert await write(desk.target, Filter(), stream, reveal=False) == 1
    assert await desk.seen(letter) is not None


async def test_a_look_at_a_letter_that_is_just_gone_leaves_nothing_behind(desk: Desk) -> None:
    await see(desk.redis, desk.keys, ["format-nobody-1"])
    assert await desk.redis.dbsize() == 0


async def test_a_seen_letter_is_retried_like_any_other(desk: Desk) -> None:
    letter_id = await desk.give_up("a", days_ago=1, seen_days_ago=1)
    notes = await load_notes(desk.redis, desk.keys, letter_id)
    assert (notes.failures, notes.may_be_sent, notes.seen_ms is None) == (0, frozenset(), False)
    (kept,) = [each async for each in dead_letters.load_letters(desk.redis, desk.keys)]
    assert await execute(desk.redis, [retry(keys=desk.keys, kept=kept)]) == [1]
    assert not await desk.redis.exists(desk.keys.dead_notes(letter_id))


async def test_the_chore_looks_with_the_settings_of_the_moment_and_not_all_the_time(desk: Desk) -> None:
    await desk.give_up("a", days_ago=100, seen_days_ago=31)
    env = Environment(settings=Settings(state_dir=Path("/nowhere")), keys=desk.keys, redis=desk.redis)
    ctx: dict[str, Any] = {"env": env}
    await expire_letters_chore(ctx)
    assert await count_letters(desk.redis, desk.keys) == 1
    env.settings = msgspec.structs.replace(env.settings, dead_letters=MONTH)
    await expire_letters_chore(ctx)
    assert await count_letters(desk.redis, desk.keys) == 1, "it has looked just now"
    await expire_letters_chore({"env": env})
    assert await count_letters(desk.redis, desk.keys) == 0


@pytest.mark.parametrize(
    ("rule", "seen_days_ago", "buried_days_ago", "over"),
    [
        (MONTH, 30, 30, True),
        (MONTH, 29.9, 400, False),
        (MONTH, None, 400, False),
        (ANY, None, 30, True),
        (ANY, None, 29.9, False),
        (ANY, 1, 400, False),
        (DeadLettersSection(), 400, 400, False),
    ],
)
def test_when_a_letter_was_kept_long_enough(
    rule: DeadLettersSection, seen_days_ago: float | None, buried_days_ago: float, over: bool
) -> None:
    now_ms = 1_000 * DAY_MS
    seen_ms = None if seen_days_ago is None else int(now_ms - seen_days_ago * DAY_MS)
    buried_ms = int(now_ms - buried_days_ago * DAY_MS)
    assert is_over(rule, seen_ms=seen_ms, buried_ms=buried_ms, now_ms=now_ms) is over
