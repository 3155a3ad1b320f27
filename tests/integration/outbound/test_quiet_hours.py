"""Quiet hours: what nobody asked for waits until morning, in order; what answers a text goes out.

It is always the middle of a quiet stretch here, since the hours are set around the present; morning comes when the test
dates what is held into the past.
"""

import datetime
from typing import Any

import pytest

from sandbox.faults import Callbacks, accept_then_drop
from shared.holds import load_hold, release
from shared.keys import Stage, conversation_id
from shared.records import Origin
from shared.settings import QuietHours
from shared.twilio_codes import OPTED_OUT
from tests.integration.outbound.conftest import ANN, Post

CONVERSATION = conversation_id("default", ANN)


def hours_around_now(*, replies: bool = False) -> QuietHours:
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)
    return QuietHours(start=(now - hour).time(), until=(now + hour).time(), time_zone="UTC", replies=replies)


async def morning(post: Post) -> int:
    """The time of everything that is held has come, and its job lets it go."""
    hold = post.keys.hold(Stage.OUTBOUND, CONVERSATION)
    for member in await post.redis.zrange(hold.set, 0, -1):
        await post.redis.zadd(hold.set, {member: 1})
    return int(await post.do(release(keys=post.keys, stage=Stage.OUTBOUND, conversation=CONVERSATION)))


async def held(post: Post) -> list[str]:
    return [each.message_id for each in await load_hold(post.redis, post.keys, Stage.OUTBOUND, CONVERSATION)]


async def test_what_nobody_asked_for_waits_until_morning_in_order(post: Post) -> None:
    post.configure(quiet_hours=hours_around_now())
    first = await post.hand_in("first")
    second = await post.hand_in("second")
    assert await post.drain() == ["held", "held"]
    assert post.got() == []
    assert await held(post) == [first.reply_id, second.reply_id]
    (one, _) = await load_hold(post.redis, post.keys, Stage.OUTBOUND, CONVERSATION)
    assert await post.redis.zscore(
        post.keys.queue("outbound"), f"{post.keys.hold(Stage.OUTBOUND, CONVERSATION).set}:{one.due_ms}"
    )

    post.configure(quiet_hours=None)
    assert await morning(post) == 2
    assert await post.drain() == ["sent", "sent"]
    assert [message.body for message in post.got()] == ["first", "second"]


@pytest.mark.parametrize("origin", [Origin.AGENT, Origin.PAIRING, Origin.APOLOGY])
async def test_an_answer_goes_out_at_night_unless_replies_are_held_back_too(post: Post, origin: Origin) -> None:
    now_ms = int(datetime.datetime.now(datetime.UTC).timestamp() * 1000)
    post.configure(quiet_hours=hours_around_now())
    await post.hand_in("here you are", origin=origin, received_ms=now_ms)
    assert await post.drain() == ["sent"]
    post.configure(quiet_hours=hours_around_now(replies=True))
    await post.hand_in("here you are", origin=origin, received_ms=now_ms)
    assert await post.drain() == ["held"]


async def test_an_answer_overtakes_what_is_held(post: Post) -> None:
    post.configure(quiet_hours=hours_around_now())
    await post.hand_in("an advertisement")
    await post.hand_in("an answer", received_ms=int(datetime.datetime.now(datetime.UTC).timestamp() * 1000))
    assert await post.drain() == ["held", "sent"]
    assert [message.body for message in post.got()] == ["an answer"]


async def test_a_reply_that_has_begun_is_held_from_where_it_is(post: Post) -> None:
    post.configure(text_chunk_limit=10)
    await post.hand_in("One two three four five six.")
    await post.turn(Stage.FORMAT)
    assert await post.turn(Stage.OUTBOUND) == "sent"
    post.configure(quiet_hours=hours_around_now())
    assert await post.turn(Stage.OUTBOUND) == "held"
    assert await post.turn(Stage.OUTBOUND) == "idle", "the rest of it went along"
    post.configure(quiet_hours=None)
    assert await morning(post) == 1
    await post.drain()
    assert "".join(message.posted_body for message in post.got()) == "One two three four five six."


async def test_what_comes_in_the_morning_does_not_overtake_what_was_held(post: Post) -> None:
    """The night is over, but the job that lets go has not run yet."""
    post.configure(quiet_hours=hours_around_now())
    await post.hand_in("of last night")
    assert await post.drain() == ["held"]
    hold = post.keys.hold(Stage.OUTBOUND, CONVERSATION)
    (member,) = await post.redis.zrange(hold.set, 0, -1)
    await post.redis.zadd(hold.set, {member: 1})
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)
    later = QuietHours(start=(now + hour).time(), until=(now + 2 * hour).time(), time_zone="UTC", replies=False)
    post.configure(quiet_hours=later)
    await post.hand_in("of this morning")
    assert await post.drain() == ["gave_way", "sent", "sent"]
    assert await post.do(release(keys=post.keys, stage=Stage.OUTBOUND, conversation=CONVERSATION)) == 0
    assert [message.body for message in post.got()] == ["of last night", "of this morning"]


async def test_a_part_in_doubt_is_looked_for_at_night_too(post: Post) -> None:
    post.sandbox.state.faults.add(accept_then_drop(callbacks=Callbacks.NONE))
    await post.hand_in("hello")
    await post.turn(Stage.FORMAT)
    assert await post.turn(Stage.OUTBOUND) == "in_doubt"
    post.configure(quiet_hours=hours_around_now())
    assert await post.drain() == ["sent"]
    assert len(post.got()) == 1


async def test_who_opts_out_at_night_gets_nothing_in_the_morning(post: Post) -> None:
    post.configure(quiet_hours=hours_around_now())
    await post.hand_in("hello")
    assert await post.drain() == ["held"]
    stop: Any = post.redis.hset(post.keys.opted_out("default"), ANN, f"twilio {OPTED_OUT}")
    await stop
    post.configure(quiet_hours=None)
    await morning(post)
    assert await post.drain() == ["dead"]
    assert [letter.code for letter in await post.letters()] == ["opted-out"]
    assert post.got() == []
