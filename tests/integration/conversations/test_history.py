"""What was said is remembered in the step that makes it true, within its bounds, and by nobody who lost the turn."""

import pytest
from redis.asyncio import Redis

from shared.errors import TransientError
from shared.keys import Keys, Stage
from shared.outbox import enqueue_text
from shared.records import Media, Origin
from shared.settings import AgentKind
from shared.settings_conversation import HistorySection
from shared.texts import Texts
from tests.integration.conversations.talk import ANN, Talk
from workers.agents.contract import Answer, Role, Turn
from workers.engine_jobs import PutOff
from workers.format import SPEC as FORMAT, format_reply
from workers.work import Work

HOUR_MS = 3600 * 1000


async def test_an_agent_is_told_what_was_said_before_and_not_what_is_said_now(talk: Talk) -> None:
    await talk.text("one", "two")
    await talk.turn()
    await talk.text("three")
    await talk.turn()

    assert talk.seen[0].history == ()
    assert [(line.role, line.body) for line in talk.seen[1].history] == [
        (Role.USER, "one"),
        (Role.USER, "two"),
        (Role.ASSISTANT, "you said one\ntwo"),
    ]
    assert talk.seen[1].prompt == "three"


async def test_a_zombie_writes_nothing(talk: Talk) -> None:
    """Two workers hold one turn; both ask the agent, one commits."""
    await talk.text("hello")
    zombie = await talk.claim()
    await talk.turn()
    assert (await talk.run(zombie)).outcome == "fenced"
    assert await talk.remembered() == ["hello", "you said hello"]
    assert await talk.said() == ["you said hello"]


async def test_a_turn_that_failed_is_remembered_once_it_succeeds(talk: Talk) -> None:
    async def fails(_: Turn) -> Answer:
        raise TransientError("not now")

    await talk.text("hello")
    with pytest.raises(PutOff):
        await talk.turn(fails)
    assert await talk.remembered() == []
    await talk.turn()
    assert await talk.remembered() == ["hello", "you said hello"]


async def test_the_history_keeps_to_its_number_of_messages(talk: Talk) -> None:
    talk.settle_on(history=HistorySection(messages=5))
    for number in range(6):
        await talk.text(str(number))
        await talk.turn()
    assert await talk.remembered() == ["you said 3", "4", "you said 4", "5", "you said 5"]
    assert (await talk.history()).forgotten == 7
    assert [line.body for line in talk.seen[-1].history][-1] == "you said 4"
    assert len(talk.seen[-1].history) == 5


async def test_the_history_keeps_to_its_number_of_characters(talk: Talk) -> None:
    async def verbose(_: Turn) -> Answer:
        return "x" * 1000

    talk.settle_on(history=HistorySection(characters=100))
    await talk.text("a" * 60)
    await talk.turn()
    await talk.text("b" * 60)
    await talk.turn(verbose)
    assert await talk.remembered() == ["x" * 100], "one line that is too long keeps its beginning"


async def test_what_grew_old_is_neither_handed_over_nor_kept(talk: Talk) -> None:
    await talk.text("long ago", at_ms=talk.now_ms - 3 * HOUR_MS)
    await talk.turn()
    assert await talk.remembered() == ["long ago", "you said long ago"]
    talk.settle_on(history=HistorySection(hours=1))
    await talk.text("now")
    await talk.turn()
    assert [line.body for line in talk.seen[-1].history] == ["you said long ago"], "which was said just now"
    assert await talk.remembered() == ["you said long ago", "now", "you said now"]


async def test_an_untouched_history_expires(talk: Talk, redis: Redis, keys: Keys) -> None:
    await talk.text("hello")
    await talk.turn()
    left_ms = await redis.pttl(keys.history(talk.conversation))
    assert 71 * HOUR_MS < left_ms <= 72 * HOUR_MS


async def test_after_a_long_silence_the_history_starts_afresh(talk: Talk) -> None:
    talk.settle_on(idle_reset_min=30)
    await talk.text("before")
    await talk.turn()
    talk.now_ms = (await talk.history()).lines[-1].at_ms + 29 * 60_000
    await talk.text("soon after")
    await talk.turn()
    talk.now_ms = (await talk.history()).lines[-1].at_ms + 31 * 60_000
    await talk.text("much later")
    await talk.turn()
    assert [len(turn.history) for turn in talk.seen] == [0, 2, 0]
    assert await talk.remembered() == ["much later", "you said much later"]
    assert (await talk.history()).forgotten == 0


@pytest.mark.parametrize("change", [{"kind": AgentKind.ECHO}, {"history": HistorySection(messages=0)}])
async def test_nothing_is_stored_for_whoever_wants_none(
    talk: Talk, redis: Redis, keys: Keys, change: dict[str, object]
) -> None:
    talk.settle_on(**change)
    await talk.text("hello")
    await talk.turn()
    assert not await redis.exists(keys.history(talk.conversation))
    assert talk.seen[0].history == ()


async def test_what_others_sent_is_remembered_so_that_the_agent_knows_what_is_answered(
    talk: Talk, redis: Redis, keys: Keys
) -> None:
    """A reminder through the API, or an operator's words; but no notice of ours."""
    await enqueue_text(redis, keys, account_id="default", to=ANN, text="Your table is at 8. OK?", origin=Origin.API)
    await enqueue_text(redis, keys, account_id="default", to=ANN, text="Access approved.", origin=Origin.NOTICE)
    await format_all(talk)
    await talk.text("make it 9")
    await talk.turn()
    await format_all(talk)
    assert [(line.role, line.body) for line in talk.seen[0].history] == [(Role.ASSISTANT, "Your table is at 8. OK?")]
    assert await talk.remembered() == ["Your table is at 8. OK?", "make it 9", "you said make it 9"]


async def test_texts_of_others_keep_to_the_bounds_without_an_agent_that_trims(
    talk: Talk, redis: Redis, keys: Keys
) -> None:
    talk.settle_on(history=HistorySection(messages=3))
    for number in range(5):
        await enqueue_text(redis, keys, account_id="default", to=ANN, text=str(number))
    await format_all(talk)
    assert await talk.remembered() == ["2", "3", "4"]


@pytest.mark.parametrize(("strip", "kept"), [(True, "Yes."), (False, "<think>hm</think>Yes.")])
async def test_what_a_model_left_over_is_remembered_only_where_it_is_sent(talk: Talk, strip: bool, kept: str) -> None:
    async def thinks(_: Turn) -> Answer:
        return "<think>hm</think>Yes."

    talk.settle_on(strip_artifacts=strip)
    await talk.text("hello")
    await talk.turn(thinks)
    assert await talk.remembered() == ["hello", kept]


async def test_an_attachment_is_remembered_by_its_kind(talk: Talk) -> None:
    await talk.text("", media=(Media(url="https://api.twilio.com/x", content_type="image/png"),))
    await talk.turn()
    assert (await talk.remembered())[0] == "[attachment: image/png]"


async def test_the_context_says_with_whom_and_since_when_and_shows_no_number(talk: Talk) -> None:
    talk.settle_on(history=HistorySection(messages=2))
    for body in ("one", "two", "three"):
        await talk.text(body)
        await talk.turn()
    first, _, third = (turn.context for turn in talk.seen)
    assert "the shop" in first
    assert "beginning of the conversation" in first
    assert "2 earlier messages are no longer known" in third
    assert ANN not in first + third


async def test_the_context_names_the_language_of_the_number(talk: Talk) -> None:
    talk.texts = Texts(language="es", name="la tienda")
    await talk.text("hola")
    await talk.turn()
    assert "Español" in talk.seen[0].context


async def format_all(talk: Talk) -> None:
    """A format worker takes everything that waits."""
    lane = talk.keys.lane(Stage.FORMAT, talk.conversation)
    env = talk.environment()
    while records := await talk.redis.lrange(lane.list, 0, 0):  # type: ignore[misc]
        number = await talk.redis.hget(lane.state, Stage.FORMAT.value)  # type: ignore[misc]
        work = Work(
            stage=FORMAT.stage,
            conversation=talk.conversation,
            turn=number.decode(),
            lane=lane,
            records=records,
            attempt=1,
            call=talk.send,
            commit=talk.send,
            facts={},
        )
        await format_reply(work, env)
