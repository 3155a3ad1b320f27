"""Who is let in may still text too much: so many texts a day, and no machine that answers us for ever."""

import asyncio
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from shared.admission import Verdict
from shared.gate import Keyword, LoopRule
from shared.keys import Keys, Stage, conversation_id
from shared.pairing import list_requests
from shared.records import Origin, decode_reply
from shared.redis_client import load_list
from shared.texts import TextKey, Texts
from tests.integration.conversations.talk import ANN, Talk

OWNER = "+15557659999"
HOUR_MS = 3600 * 1000


def gate(talk: Talk, **rules: Any) -> None:
    talk.gate = msgspec.structs.replace(talk.gate, **rules)


async def test_the_first_text_too_many_of_a_day_is_told_so_once(talk: Talk, redis: Redis, keys: Keys) -> None:
    gate(talk, sender_per_day=3)
    verdicts = await asyncio.gather(*(talk.admitted(talk.inbound(str(number))) for number in range(6)))

    assert sorted(verdicts) == [Verdict.ACCEPTED] * 3 + [Verdict.CAPPED] * 3
    assert await talk.waiting() == 3
    (notice,) = await talk.replies()
    assert notice.origin is Origin.NOTICE
    assert notice.texts == (Texts().say(TextKey.CAP, limit=3),)
    left_ms = await redis.pttl(keys.sender_day(talk.conversation))
    assert 23 * HOUR_MS < left_ms <= 24 * HOUR_MS

    await redis.delete(keys.sender_day(talk.conversation))  # as its lifetime does
    assert await talk.text("tomorrow") == [Verdict.ACCEPTED]


async def test_strangers_and_stop_words_do_not_count_for_the_day(talk: Talk) -> None:
    gate(talk, policy="allowlist", sender_per_day=1)
    assert await talk.text("let me in", "please") == [Verdict.NOT_ALLOWED] * 2
    assert await talk.replies() == [], "nobody spends the owner's money on them"
    assert await talk.admitted(talk.inbound("hi"), listed=True) is Verdict.ACCEPTED
    assert await talk.admitted(talk.inbound("hi"), listed=True) is Verdict.CAPPED
    assert await talk.admitted(talk.inbound("STOP"), keyword=Keyword.STOP) is Verdict.OPT_OUT


async def test_a_cap_that_is_told_in_no_words_is_silent(talk: Talk) -> None:
    gate(talk, sender_per_day=1, texts=Texts(own={TextKey.CAP: None}))
    assert await talk.text("one", "two") == [Verdict.ACCEPTED, Verdict.CAPPED]
    assert await talk.replies() == []


# Bots that answer bots (ruling 25; Twilio's error 14107)

LOOP = LoopRule(rounds=5, within_ms=HOUR_MS, rest_ms=HOUR_MS)


async def rounds(talk: Talk, number: int) -> list[Verdict]:
    """Each a text at once behind our reply; the turn is committed as by a worker."""
    verdicts = []
    for _ in range(number):
        verdicts += await talk.text("I am a robot")
        if await talk.waiting():
            await talk.turn()
    return verdicts


async def test_a_machine_that_answers_us_is_answered_only_so_often(talk: Talk) -> None:
    gate(talk, loop=LOOP)
    verdicts = await rounds(talk, 8)
    assert verdicts == [Verdict.ACCEPTED] * 5 + [Verdict.LOOPING] * 3, "the first text is no answer to us"
    assert len(await talk.replies()) == 5, "and no notice, which it would answer too"


async def test_a_text_that_comes_again_for_the_day_s_notice_is_no_second_round(
    talk: Talk, redis: Redis, keys: Keys
) -> None:
    gate(talk, loop=LOOP, sender_per_day=2)
    assert await rounds(talk, 3) == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.CAPPED]
    assert await redis.hget(keys.conversation(talk.conversation), "rally") == b"2"  # type: ignore[misc]
    assert await redis.get(keys.sender_day(talk.conversation)) == b"3"


async def test_after_its_rest_the_conversation_goes_on(talk: Talk, redis: Redis, keys: Keys) -> None:
    gate(talk, loop=LOOP)
    await rounds(talk, 6)
    await redis.hset(keys.conversation(talk.conversation), "resting_ms", "1")  # type: ignore[misc]
    assert await rounds(talk, 7) == [Verdict.ACCEPTED] * 5 + [Verdict.LOOPING] * 2


async def test_somebody_who_takes_longer_is_no_machine_however_long_it_goes_on(
    talk: Talk, redis: Redis, keys: Keys
) -> None:
    gate(talk, loop=LOOP)
    for _ in range(3):
        assert await rounds(talk, 4) == [Verdict.ACCEPTED] * 4
        await redis.hset(keys.conversation(talk.conversation), "replied_ms", "1")  # type: ignore[misc]


async def test_many_texts_without_a_reply_between_them_are_no_loop(talk: Talk) -> None:
    gate(talk, loop=LOOP)
    assert await talk.text(*(str(number) for number in range(20))) == [Verdict.ACCEPTED] * 20
    await talk.turn()
    assert await talk.text(*(str(number) for number in range(20))) == [Verdict.ACCEPTED] * 20


async def test_the_guard_can_be_switched_off(talk: Talk) -> None:
    assert await rounds(talk, 30) == [Verdict.ACCEPTED] * 30


async def test_a_silent_agent_makes_no_loop(talk: Talk) -> None:
    async def says_nothing(_: object) -> None:
        return None

    gate(talk, loop=LOOP)
    for _ in range(10):
        assert await talk.text("robot") == [Verdict.ACCEPTED]
        await talk.turn(says_nothing)


# Block list


@pytest.mark.parametrize("policy", ["open", "pairing", "allowlist"])
async def test_a_blocked_sender_gets_in_nowhere_and_hears_nothing(talk: Talk, policy: str) -> None:
    gate(talk, policy=policy, sender_per_minute=1)
    for _ in range(3):
        assert await talk.admitted(talk.inbound("hi"), listed=True, blocked=True) is Verdict.BLOCKED
    assert await talk.waiting() == 0
    assert await talk.replies() == []
    stop = talk.inbound("STOP")
    assert await talk.admitted(stop, blocked=True, keyword=Keyword.STOP) is Verdict.OPT_OUT, "ruling 2"


async def test_a_blocked_sender_uses_up_nobody_s_limit(talk: Talk) -> None:
    gate(talk, account_per_minute=1)
    await talk.admitted(talk.inbound("spam"), blocked=True)
    assert await talk.text("hello") == [Verdict.ACCEPTED]


# The owner is told


async def test_the_owner_is_told_once_per_request(talk: Talk, redis: Redis, keys: Keys) -> None:
    gate(talk, policy="pairing", owner=OWNER)
    verdicts = await asyncio.gather(*(talk.admitted(talk.inbound("hi")) for _ in range(5)))
    assert verdicts.count(Verdict.PAIRING_REQUESTED) == 1

    (request,) = await list_requests(redis, keys, "default")
    lane = keys.lane(Stage.FORMAT, conversation_id("default", OWNER))
    (told,) = [decode_reply(record) for record in await load_list(redis, lane.list, 0, -1)]
    assert told.to == OWNER
    assert told.conversation == conversation_id("default", OWNER)
    assert ANN in told.texts[0]
    assert request.code in told.texts[0]
    assert len(await talk.replies()) == 1, "and the stranger gets their code"


async def test_an_owner_who_asks_from_the_same_phone_is_not_told_about_it(talk: Talk) -> None:
    gate(talk, policy="pairing", owner=ANN)
    assert await talk.text("hi") == [Verdict.PAIRING_REQUESTED]
    assert len(await talk.replies()) == 1


async def test_requests_that_are_too_many_cost_the_owner_nothing(talk: Talk, redis: Redis, keys: Keys) -> None:
    gate(talk, policy="pairing", owner=OWNER, pairing_max_pending=2)
    strangers = [Talk(redis, keys, sender=f"+1555000000{number}") for number in range(4)]
    for stranger in strangers:
        stranger.gate = talk.gate
        await stranger.text("hi")
    lane = keys.lane(Stage.FORMAT, conversation_id("default", OWNER))
    assert len(await load_list(redis, lane.list, 0, -1)) == 2
