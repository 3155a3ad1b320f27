"""Texts that Textgate answers itself: `/new`, `/help`, `/status`. Pure decisions.

A command is a whole text. It is a turn of its own: texts before it are answered first, by the agent, and texts after it
later, so each sees the conversation as it was when it was sent.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import assert_never

import msgspec

from shared.records import InboundText
from shared.settings import Account, AgentSection, DmPolicy
from shared.settings_conversation import CommandsSection
from shared.texts import TextKey, Texts


class Command(StrEnum):
    """What a text asks of Textgate; the names of the settings."""

    NEW = "new"
    HELP = "help"
    STATUS = "status"


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The texts that one turn takes: those up to the next command, or one command alone."""

    texts: tuple[InboundText, ...]
    command: Command | None = None


def next_batch(texts: Sequence[InboundText], words: Mapping[str, Command]) -> Batch:
    """What the turn is about, of the texts that wait (at least one)."""
    for index, text in enumerate(texts):
        command = find_command(text, words)
        if command is not None:
            return Batch(texts=tuple(texts[:index])) if index else Batch(texts=(text,), command=command)
    return Batch(texts=tuple(texts))


def find_command(text: InboundText, words: Mapping[str, Command]) -> Command | None:
    """The command that a text is, if it is nothing else."""
    return None if text.media else words.get(text.body.strip().casefold())


def words_of(agent: AgentSection, account: Account | None) -> Mapping[str, Command]:
    """The commands that people of this account may give, by the word for them."""
    return _words(agent.commands, is_open=account is not None and account.dm_policy is DmPolicy.OPEN)


@lru_cache(maxsize=64)
def _words(commands: CommandsSection, *, is_open: bool) -> Mapping[str, Command]:
    if not commands.enabled or (is_open and not commands.under_open):
        return {}
    named = {Command.NEW: commands.new, Command.HELP: commands.help, Command.STATUS: commands.status}
    return {word.strip().casefold(): command for command, word in named.items() if word is not None}


def answer_command(
    command: Command, *, words: Mapping[str, Command], texts: Texts, number: str, remembered: int, waiting: int
) -> tuple[str, ...]:
    """What the person is told, in the account's words; nothing, if it wants nothing said."""
    match command:
        case Command.NEW:
            said = texts.say(TextKey.NEW, number=number)
        case Command.HELP:
            meanings = {word: texts.say(_MEANINGS[each], number=number) for word, each in words.items()}
            lines = (f"{word}: {meaning}" if meaning else word for word, meaning in meanings.items())
            said = texts.say(TextKey.HELP, number=number, commands="\n".join(lines))
        case Command.STATUS:
            said = texts.say(TextKey.STATUS, number=number, remembered=remembered, waiting=waiting)
        case _:
            assert_never(command)
    return (said,) if said else ()


_MEANINGS = {
    Command.NEW: TextKey.COMMAND_NEW,
    Command.HELP: TextKey.COMMAND_HELP,
    Command.STATUS: TextKey.COMMAND_STATUS,
}
