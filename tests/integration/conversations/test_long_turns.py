"""A turn that takes long says so once, before its reply; one that fails says nothing of why."""

import pytest

from shared.errors import PermanentError, TransientError
from shared.records import Origin, Reply, decode_dead_letter
from shared.scripts import Call
from shared.texts import TextKey, Texts
from tests.integration.conversations.talk import Talk
from tests.integration.engine.rig import until
from workers.agents.contract import Answer, Turn
from workers.engine_jobs import PutOff
from workers.still_working import still_working
from workers.work import Work

SOON_S = 0.001


async def test_a_long_turn_says_once_that_it_goes_on_and_before_its_reply(talk: Talk) -> None:
    talk.settle_on(still_working_after_s=SOON_S)

    async def slow(turn: Turn) -> Answer:
        await told(talk)
        return f"after all: {turn.prompt}"

    await talk.text("hello")
    await talk.turn(slow)
    replies = await talk.replies()
    assert [reply.origin for reply in replies] == [Origin.NOTICE, Origin.AGENT]
    assert replies[1].texts == ("after all: hello",)
    assert await talk.remembered() == ["hello", "after all: hello"], "a notice is no part of the conversation"


async def test_a_turn_that_is_run_again_tells_nobody_twice(talk: Talk) -> None:
    talk.settle_on(still_working_after_s=SOON_S)
    await talk.text("hello")

    async def fails(_: Turn) -> Answer:
        await told(talk)
        raise TransientError("again")

    async def long(turn: Turn) -> Answer:
        assert await talk.send(notice_of(talk, await talk.claim())) == 0
        return turn.prompt

    async def long_again(turn: Turn) -> Answer:
        await told(talk, 2)
        return turn.prompt

    with pytest.raises(PutOff):
        await talk.turn(fails)
    await talk.turn(long)
    await talk.text("next")
    await talk.turn(long_again)
    assert [reply.origin for reply in await talk.replies()] == [
        Origin.NOTICE,
        Origin.AGENT,
        Origin.NOTICE,
        Origin.AGENT,
    ]


async def test_a_zombie_says_nothing_behind_the_reply(talk: Talk) -> None:
    await talk.text("hello")
    zombie = await talk.claim()
    await talk.turn()
    assert await talk.send(notice_of(talk, zombie)) == 0
    assert await talk.said() == ["you said hello"]


async def test_a_quick_turn_and_one_without_the_setting_say_nothing(talk: Talk) -> None:
    await talk.text("hello")
    await talk.turn()
    talk.settle_on(still_working_after_s=3600)
    await talk.text("hello")
    await talk.turn()
    assert [reply.origin for reply in await talk.replies()] == [Origin.AGENT, Origin.AGENT]


RAW = "Error 500: invalid_api_key sk-live-0123456789 at https://provider.example/v1 for +15557650001"


@pytest.mark.parametrize(
    "error", [ValueError(RAW), PermanentError(RAW, code="provider"), TransientError(RAW), RuntimeError(RAW)]
)
async def test_raw_errors_of_a_provider_are_texted_to_nobody(talk: Talk, error: Exception) -> None:
    """openclaw #151266: a family group got them. Only our own words go out."""

    async def fails(_: Turn) -> Answer:
        raise error

    await talk.text("hello", "and more", "/help")
    for _ in range(10):
        try:
            await talk.turn(fails)
        except PutOff:
            continue
        break
    assert await talk.said() == [Texts().say(TextKey.APOLOGY)]
    (letter_id,) = await talk.redis.zrange(talk.keys.dead, 0, -1)
    letter = decode_dead_letter(await talk.redis.get(talk.keys.dead_letter(letter_id.decode())))
    assert "invalid_api_key" in letter.message, "the operator sees it"
    assert len(letter.records) == 2, "the command behind it is a turn of its own"

    await talk.turn()
    assert (await talk.replies())[-1].origin is Origin.NOTICE


def notice_of(talk: Talk, work: Work) -> Call:
    reply = Reply(
        reply_id=f"{work.conversation}-{work.turn}-working",
        account_id="default",
        conversation=work.conversation,
        to=talk.sender,
        texts=("still at it",),
        origin=Origin.NOTICE,
        created_ms=1,
    )
    return still_working(work=work, keys=talk.keys, notice=reply)


async def told(talk: Talk, times: int = 1) -> None:
    """Wait until the person was told."""

    async def was_told() -> bool:
        return sum(reply.origin is Origin.NOTICE for reply in await talk.replies()) >= times

    await until(was_told, "the notice")
