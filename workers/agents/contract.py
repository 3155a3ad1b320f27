"""The contract between Textgate and an agent: a `Turn` goes in, an answer comes out.

A turn may be handed to an agent twice (a worker died, or lost its lease while it was slow); only one answer is ever
sent. Agents with side effects use `turn.key` as an idempotency key.
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

import msgspec


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """One picture or file that came with a text."""

    url: str
    """Twilio's address; it needs the account's credentials."""
    content_type: str
    path: str | None = None
    """The fetched file; None if it could not be had, and then `error` says why."""
    size_bytes: int | None = None
    error: str | None = None


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """One text of the person's."""

    message_sid: str
    body: str
    received_ms: int
    """Unix milliseconds."""
    media: tuple[Attachment, ...] = ()


class Role(StrEnum):
    """Who said a line of the history; the words of the chat-completions API."""

    USER = "user"
    ASSISTANT = "assistant"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of what was said before this turn."""

    role: Role
    body: str
    at_ms: int
    """Unix milliseconds."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent is asked: all texts that wait, in order."""

    key: str
    """Unique per turn, the same when the turn is run again."""
    conversation: str
    """Stable and opaque: the same person with the same account."""
    account_id: str
    sender: str
    """The person's number in E.164 form, or whatever else identifies them (`rcs:…`, a short code)."""
    texts: tuple[Text, ...]
    history: tuple[Line, ...] = ()
    """What was said before, oldest first, within the bounds of `agent.history`; without the texts of this turn."""
    context: str = ""
    """With whom the agent talks and since when, in a sentence or two for its system prompt; the number is masked."""

    @property
    def prompt(self) -> str:
        """The texts as one, a line break between them."""
        return "\n".join(text.body for text in self.texts)


Answer = str | Sequence[str] | None
"""Markdown; several texts; or nothing at all."""

Agent = Callable[[Turn], Awaitable[Answer]]
"""Every agent, whatever its kind, is called like this. It may raise TransientError (tried again) or PermanentError."""


def texts_of(answer: object) -> tuple[str, ...]:
    """The answer's texts without the blank ones. Raises TypeError, with what is allowed, for anything else."""
    if answer is None:
        return ()
    if isinstance(answer, str):
        answer = (answer,)
    if not isinstance(answer, Sequence) or not all(isinstance(text, str) for text in answer):
        raise TypeError(f"an agent answers with a str, a list of str, or None; this one gave {type(answer).__name__}")
    return tuple(text for text in answer if text.strip())
