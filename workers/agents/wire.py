"""A turn and an answer as JSON, for agents that are no Python: the kinds `http` and `command`.

`textgate config schema --of turn|answer` prints their JSON Schema, made from these Structs. What we say may grow by
further fields; what we are told tolerates none that we do not know, so that a slip is found.
"""

import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from shared.errors import TransientError
from shared.moments import moment
from workers.agents.contract import Reply, Turn

Moment = Annotated[datetime.datetime, Meta(tz=True, description="RFC 3339, UTC.")]


class Document(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One JSON document, or a part of it."""


class AttachmentDocument(Document, frozen=True):
    """One picture or file."""

    content_type: str
    url: Annotated[str, Meta(description="Twilio's address; it needs the account's credentials.")]
    path: Annotated[str | None, Meta(description="The fetched file, on the worker's machine; null: see `error`.")]
    size_bytes: int | None
    error: Annotated[str | None, Meta(description="Why it could not be had.")]


class TextDocument(Document, frozen=True):
    """One text of the person's."""

    message_sid: str
    body: str
    received_at: Moment
    media: tuple[AttachmentDocument, ...]


class LineDocument(Document, frozen=True):
    """One line of what was said before."""

    role: Annotated[str, Meta(description="`user` or `assistant`.")]
    body: str
    at: Moment


class TurnDocument(Document, frozen=True):
    """What an agent is asked."""

    version: Annotated[int, Meta(description="Grows when a field changes its meaning.")]
    turn: Annotated[str, Meta(description="Unique, and the same when the turn is run again: an idempotency key.")]
    conversation: Annotated[str, Meta(description="Stable and opaque: the same person with the same account.")]
    account: str
    sender: Annotated[str, Meta(description="E.164, or whatever else identifies the person (`rcs:…`, a short code).")]
    prompt: Annotated[str, Meta(description="The texts as one, a line break between them.")]
    texts: tuple[TextDocument, ...]
    context: Annotated[str, Meta(description="With whom it talks and since when, in words; may be empty.")]
    history: Annotated[tuple[LineDocument, ...], Meta(description="What was said before, oldest first.")]


class AnswerDocument(Document, frozen=True, forbid_unknown_fields=True):
    """What it answers; without any text and media, nothing is said."""

    text: Annotated[str | None, Meta(description="One text, in Markdown; instead of `texts`.")] = None
    texts: Annotated[tuple[str, ...], Meta(description="Several texts, sent in this order.")] = ()
    media: Annotated[
        tuple[str, ...],
        Meta(description="Public https URLs, which Twilio fetches; paths in `agent.mediaFolder`; `data:` URLs."),
    ] = ()


def encode_turn(turn: Turn) -> bytes:
    """The turn as JSON."""
    return _encode(
        TurnDocument(
            version=1,
            turn=turn.key,
            conversation=turn.conversation,
            account=turn.account_id,
            sender=turn.sender,
            prompt=turn.prompt,
            context=turn.context,
            texts=tuple(
                TextDocument(
                    message_sid=text.message_sid,
                    body=text.body,
                    received_at=moment(text.received_ms),
                    media=tuple(
                        AttachmentDocument(
                            content_type=each.content_type,
                            url=each.url,
                            path=each.path,
                            size_bytes=each.size_bytes,
                            error=each.error,
                        )
                        for each in text.media
                    ),
                )
                for text in turn.texts
            ),
            history=tuple(
                LineDocument(role=line.role.value, body=line.body, at=moment(line.at_ms)) for line in turn.history
            ),
        )
    )


def decode_answer(body: bytes) -> Reply:
    """The answer in a JSON document. Raises TransientError, with what is allowed, for what is none."""
    try:
        answer = _decode(body)
    except msgspec.ValidationError as error:
        words = f"the agent's answer is none: {str(error)[:200]}"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        words = "the agent's answer is no JSON"
    else:
        if answer.text is None or not answer.texts:
            texts = answer.texts if answer.text is None else (answer.text,)
            return Reply(texts=texts, media=answer.media)
        words = "the agent's answer has both text and texts"
    raise TransientError(words, code="agent-garbage")


def turn_schema() -> dict[str, Any]:
    """JSON Schema of what an agent is asked."""
    return _schema(TurnDocument, "A turn of Textgate's")


def answer_schema() -> dict[str, Any]:
    """JSON Schema of what an agent answers."""
    return _schema(AnswerDocument, "The answer to a turn of Textgate's")


def _schema(document: type[Document], title: str) -> dict[str, Any]:
    schema = msgspec.json.schema(document)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title} | schema


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnswerDocument).decode
