"""How waiting texts become turns: no text is skipped, doubled or reordered, and a command is always alone."""

import pytest
from hypothesis import given, strategies as st

from shared.phone import Address
from shared.records import InboundText
from shared.settings import Account, AgentSection, DmPolicy
from shared.settings_conversation import CommandsSection
from workers.commands import Command, next_batch, words_of

WORDS = {"/new": Command.NEW, "/help": Command.HELP, "/status": Command.STATUS}


def text_of(body: str, number: int = 1) -> InboundText:
    return InboundText(
        message_sid=f"SM{number}",
        account_id="default",
        conversation="c",
        sender="+15557650001",
        recipient="+15550001111",
        body=body,
        received_ms=number,
    )


@given(st.lists(st.sampled_from(["hello", "/new", "/HELP ", "why?", " /status"]), min_size=1, max_size=12))
def test_every_text_is_in_one_turn_in_order_and_a_command_is_alone(bodies: list[str]) -> None:
    waiting = [text_of(body, number) for number, body in enumerate(bodies)]
    taken: list[InboundText] = []
    while rest := waiting[len(taken) :]:
        batch = next_batch(rest, WORDS)
        assert batch.texts
        commands = [text for text in batch.texts if text.body.strip().lower() in WORDS]
        assert (len(batch.texts) == 1 and batch.command) if commands else batch.command is None
        taken += batch.texts
    assert taken == waiting


@pytest.mark.parametrize(
    ("policy", "commands", "words"),
    [
        (DmPolicy.PAIRING, CommandsSection(), {"/new", "/help", "/status"}),
        (DmPolicy.OPEN, CommandsSection(), {"/new", "/help", "/status"}),
        (DmPolicy.OPEN, CommandsSection(under_open=False), set()),
        (DmPolicy.PAIRING, CommandsSection(under_open=False, status=None), {"/new", "/help"}),
        (DmPolicy.PAIRING, CommandsSection(enabled=False), set()),
        (DmPolicy.PAIRING, CommandsSection(help="HILFE"), {"/new", "hilfe", "/status"}),
    ],
)
def test_which_commands_there_are(policy: DmPolicy, commands: CommandsSection, words: set[str]) -> None:
    account = Account(id="default", account_sid="AC1", from_number=Address("+15550001111"), dm_policy=policy)
    assert set(words_of(AgentSection(commands=commands), account)) == words
