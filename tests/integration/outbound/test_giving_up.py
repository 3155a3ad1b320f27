"""When a part is given up: at an age that depends on what went wrong, or when an answer comes too late to be of use.

No time passes here: since when a turn has failed, and when a text was received, are dates in the past.
"""

import time
from typing import Any

import msgspec
import pytest

from sandbox.faults import Answer, Callbacks, Fault, Operation, accept_then_drop, too_many_requests, twilio_error
from shared.accounts import pause, resume
from shared.dead_letters import load_letters, load_notes, retry
from shared.keys import Stage
from shared.records import Origin
from tests.integration.outbound.conftest import Post

HOUR = 3600
LOG_IS_AWAY = Fault(operation=Operation.LIST, answer=Answer.ERROR, times=100)


async def has_failed(post: Post, *, times: int, for_s: float) -> None:
    """The outbound turn of the one conversation has failed that often, and for so long."""
    (raw,) = await post.redis.zrange(post.keys.busy, 0, -1)
    _, conversation = post.keys.lane_of_list(raw.decode())
    since = int(time.time() * 1000 - for_s * 1000)
    fields: Any = {"outbound:failures": times, "outbound:failing_ms": since}
    await post.redis.hset(post.keys.conversation(conversation), mapping=fields)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fault", "code", "enough_s"),
    [
        (too_many_requests(times=9), "twilio-20429", 2 * HOUR),
        (twilio_error(21611, times=9), "twilio-21611", 2 * HOUR),
        (twilio_error(30023, times=9), "twilio-30023", 26 * HOUR),
    ],
)
async def test_each_kind_of_trouble_has_an_age_at_which_a_part_is_given_up(
    post: Post, fault: Fault, code: str, enough_s: float
) -> None:
    post.sandbox.state.faults.add(fault)
    await post.hand_in("hello")
    await post.turn(Stage.FORMAT)
    await has_failed(post, times=20, for_s=enough_s - 600)
    assert await post.turn(Stage.OUTBOUND) == "transient"
    await has_failed(post, times=1, for_s=enough_s + 1)
    assert await post.turn(Stage.OUTBOUND) == "transient", "a second failure is never the last"
    await has_failed(post, times=20, for_s=enough_s + 1)
    assert await post.turn(Stage.OUTBOUND) == "dead"
    (letter,) = await post.letters()
    assert letter.code == code
    assert "it failed 21 times within" in letter.hint


async def test_a_doubt_that_twilios_log_does_not_settle_goes_to_a_person_and_is_kept(post: Post) -> None:
    post.sandbox.state.faults.add(accept_then_drop(callbacks=Callbacks.NONE))
    post.sandbox.state.faults.add(LOG_IS_AWAY)
    reply = await post.hand_in("hello")
    await post.turn(Stage.FORMAT)
    assert await post.turn(Stage.OUTBOUND) == "in_doubt"
    await has_failed(post, times=50, for_s=5 * HOUR)
    assert await post.turn(Stage.OUTBOUND) == "in_doubt"
    await has_failed(post, times=50, for_s=7 * HOUR)
    assert await post.turn(Stage.OUTBOUND) == "dead"
    (kept,) = [each async for each in load_letters(post.redis, post.keys)]
    assert kept.letter.code == "outcome-unknown"
    assert (await load_notes(post.redis, post.keys, kept.letter.letter_id)).may_be_sent == {f"{reply.reply_id}.0"}

    post.sandbox.state.faults.clear()
    await post.do(retry(keys=post.keys, kept=kept))
    assert await post.drain() == ["sent"]
    assert len(post.got()) == 1, "the retry has found it"


async def test_time_in_a_pause_is_no_time_of_failing(post: Post) -> None:
    post.sandbox.state.faults.add(too_many_requests(times=9))
    await post.hand_in("hello")
    await post.turn(Stage.FORMAT)
    await has_failed(post, times=20, for_s=1 * HOUR)
    await post.do(pause(keys=post.keys, account_id="default", code="c", message="m", hint="h"))
    assert await post.turn(Stage.OUTBOUND) == "not_now"
    await resume(post.redis, post.keys, "default")
    assert await post.turn(Stage.OUTBOUND) == "transient"
    (raw,) = await post.redis.zrange(post.keys.busy, 0, -1)
    hash_key = post.keys.conversation(post.keys.lane_of_list(raw.decode())[1])
    since = await post.redis.hget(hash_key, "outbound:failing_ms")  # type: ignore[misc]
    assert int(since) > (time.time() - 1 * HOUR / 2) * 1000, "it counts from the first failure after the pause"


async def test_time_without_an_account_is_no_time_of_failing(post: Post) -> None:
    await post.hand_in("hello")
    await post.turn(Stage.FORMAT)
    await has_failed(post, times=20, for_s=1 * HOUR)
    post.configure(enabled=False)
    assert await post.turn(Stage.OUTBOUND) == "not_now"
    (raw,) = await post.redis.zrange(post.keys.busy, 0, -1)
    hash_key = post.keys.conversation(post.keys.lane_of_list(raw.decode())[1])
    assert await post.redis.hget(hash_key, "outbound:failing_ms") is None  # type: ignore[misc]


def longest_age(post: Post, age_s: float | None) -> None:
    agent = post.env.settings.accounts["default"].agent
    post.configure(agent=msgspec.structs.replace(agent, max_reply_age_s=age_s))


def ago_ms(seconds: float) -> int:
    return int((time.time() - seconds) * 1000)


@pytest.mark.parametrize(
    ("origin", "received_ago_s", "sent"),
    [
        (Origin.AGENT, 3 * HOUR, False),
        (Origin.APOLOGY, 3 * HOUR, False),
        (Origin.AGENT, 1 * HOUR, True),
        (Origin.PAIRING, 3 * HOUR, True),
        (Origin.API, None, True),
    ],
)
async def test_yesterdays_question_is_not_answered(
    post: Post, origin: Origin, received_ago_s: float | None, sent: bool
) -> None:
    longest_age(post, 2 * HOUR)
    received_ms = None if received_ago_s is None else ago_ms(received_ago_s)
    await post.hand_in("The answer is 42.", origin=origin, received_ms=received_ms)
    assert await post.drain() == (["sent"] if sent else ["dead"])
    assert [letter.code for letter in await post.letters()] == ([] if sent else ["too-old"])


async def test_by_default_every_answer_goes_out(post: Post) -> None:
    await post.hand_in("The answer is 42.", origin=Origin.AGENT, received_ms=1)
    assert await post.drain() == ["sent"]


async def test_an_answer_that_has_begun_is_brought_to_its_end(post: Post) -> None:
    post.configure(text_chunk_limit=10)
    await post.hand_in("One two three four five six.", origin=Origin.AGENT, received_ms=ago_ms(HOUR))
    await post.turn(Stage.FORMAT)
    assert await post.turn(Stage.OUTBOUND) == "sent"
    longest_age(post, 60)
    assert set(await post.drain()) == {"sent"}


async def test_a_late_answer_that_an_operator_retries_is_sent(post: Post) -> None:
    longest_age(post, 60)
    await post.hand_in("The answer is 42.", origin=Origin.AGENT, received_ms=ago_ms(HOUR))
    assert await post.drain() == ["dead"]
    (kept,) = [each async for each in load_letters(post.redis, post.keys)]
    assert "retry" in kept.letter.hint
    await post.do(retry(keys=post.keys, kept=kept))
    assert await post.drain() == ["sent"]
    assert [message.body for message in post.got()] == ["The answer is 42."]


async def test_a_late_answer_that_may_be_with_twilio_is_looked_for_first(post: Post) -> None:
    post.sandbox.state.faults.add(accept_then_drop(callbacks=Callbacks.NONE))
    await post.hand_in("The answer is 42.", origin=Origin.AGENT, received_ms=ago_ms(HOUR))
    await post.turn(Stage.FORMAT)
    assert await post.turn(Stage.OUTBOUND) == "in_doubt"
    longest_age(post, 60)
    assert await post.drain() == ["sent"]
    assert await post.letters() == []
