"""`/new`, `/help`, `/status`: a whole text each, in order with the others, answered without the agent."""

import pytest

from shared.records import Media, Origin
from shared.settings_conversation import CommandsSection
from shared.texts import TextKey, Texts
from tests.integration.conversations.talk import Talk
from workers.commands import Command


async def test_a_command_never_reaches_the_agent_and_is_answered_as_a_notice(talk: Talk) -> None:
    await talk.text("/help", " /STATUS\n", "/New")
    await talk.all_turns()
    assert talk.seen == []
    replies = await talk.replies()
    assert [reply.origin for reply in replies] == [Origin.NOTICE] * 3
    assert not any(reply.markdown for reply in replies)
    assert [line.partition(":")[0] for line in replies[0].texts[0].splitlines()[1:]] == ["/new", "/help", "/status"]


async def test_texts_before_new_in_one_batch_belong_to_the_old_conversation(talk: Talk) -> None:
    await talk.text("hello")
    await talk.turn()
    await talk.text("old one", "old two", "/new", "young one", "/help", "young two")
    await talk.all_turns()

    assert [turn.prompt for turn in talk.seen] == ["hello", "old one\nold two", "young one", "young two"]
    assert [len(turn.history) for turn in talk.seen] == [0, 2, 0, 2]
    origins = [reply.origin for reply in await talk.replies()]
    assert origins == [Origin.AGENT, Origin.AGENT, Origin.NOTICE, Origin.AGENT, Origin.NOTICE, Origin.AGENT]
    assert await talk.remembered() == ["young one", "you said young one", "young two", "you said young two"]


async def test_status_tells_how_much_is_remembered_and_how_much_waits(talk: Talk) -> None:
    await talk.text("hello")
    await talk.turn()
    await talk.text("/status", "and this")
    await talk.turn()
    status = (await talk.said())[-1]
    assert "remembered: 2" in status
    assert "waiting: 1" in status


@pytest.mark.parametrize("body", ["/news", "please /new", "/new please", "new", "/"])
async def test_only_a_whole_text_is_a_command(talk: Talk, body: str) -> None:
    await talk.text(body)
    await talk.turn()
    assert [turn.prompt for turn in talk.seen] == [body]


async def test_a_command_with_a_picture_is_a_text(talk: Talk) -> None:
    await talk.text("/new", media=(Media(url="https://api.twilio.com/x", content_type="image/png"),))
    await talk.turn()
    assert len(talk.seen) == 1


@pytest.mark.parametrize(
    "section",
    [
        CommandsSection(enabled=False),
        CommandsSection(under_open=False),
        CommandsSection(new=None),
        CommandsSection(new="#neu"),
    ],
)
async def test_a_command_that_is_switched_off_is_a_text_like_any_other(talk: Talk, section: CommandsSection) -> None:
    talk.settle_on(commands=section)
    await talk.text("/new")
    await talk.turn()
    assert [turn.prompt for turn in talk.seen] == ["/new"]


async def test_a_command_has_the_name_that_is_configured(talk: Talk) -> None:
    talk.settle_on(commands=CommandsSection(new="#Neu", help="hilfe"))
    await talk.text("#neu", "Hilfe")
    await talk.all_turns()
    assert talk.seen == []
    assert "#neu: " in (await talk.said())[1]


async def test_a_command_is_answered_in_the_words_of_the_account(talk: Talk) -> None:
    talk.texts = Texts(language="de", own={TextKey.NEW: "Alles neu bei {name}.", TextKey.STATUS: None}, name="Anna")
    await talk.text("/new", "/help", "/status")
    await talk.all_turns()
    new, help_ = await talk.said()
    assert new == "Alles neu bei Anna."
    assert f"/status: {Texts(language='de').say(TextKey.COMMAND_STATUS)}" in help_


async def test_two_workers_with_one_command_answer_once(talk: Talk) -> None:
    await talk.text("/new")
    zombie = await talk.claim()
    assert (await talk.turn()).outcome == Command.NEW.value
    assert (await talk.run(zombie)).outcome == "fenced"
    assert len(await talk.replies()) == 1


async def test_a_command_leads_from_its_text_to_its_answer(talk: Talk) -> None:
    await talk.text("/help")
    await talk.turn()
    (reply,) = await talk.replies()
    assert reply.in_reply_to is not None
    noted = await talk.redis.get(talk.keys.answer("default", reply.in_reply_to))
    assert noted.decode() == reply.reply_id
