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


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A picture or file of your own to be sent: one in `agent.mediaFolder`, or its bytes."""

    path: str = ""
    content: bytes = b""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with everything that one may have. `Reply(texts="hi", media="https://…/cat.png")` is fine too."""

    texts: str | Sequence[str] = ()
    """Markdown, sent in this order."""
    media: str | File | Sequence[str | File] = ()
    """Public https URLs, which Twilio fetches; a `File`, or the path of one in `agent.mediaFolder`; `data:` URLs."""


class Later(msgspec.Struct, frozen=True):
    """Nothing is said now: the answer will come by `POST /v1/messages` with this turn's key."""


LATER = Later()

Answer = str | Sequence[str] | Reply | None
"""Markdown; several texts; texts and media; or nothing at all."""

Agent = Callable[[Turn], Awaitable[Answer | Later]]
"""Every agent, whatever its kind, is called like this. It may raise TransientError (tried again) or PermanentError.

One that holds connections has a coroutine `close` too.
"""
