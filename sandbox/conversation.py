"""The texts of a sandbox as people read them: `GET /sandbox/conversation`. Pure.

    +12025550123 and +12025550100
    > Hello?
    < You said **Hello?**
      [delivered]

`>` is what a phone wrote, `<` what it got. Below stand, in brackets, what became of it and what went wrong.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from sandbox.message import Direction, Message

_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], "�")
"""A text must not move the reader's cursor."""


class ConversationFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of GET /sandbox/conversation."""

    phone: str | None = None
    """Only with this phone. A plus in a query is written as %2B, or left out."""


def show_conversations(messages: Iterable[Message], *, phone: str | None = None) -> str:
    """Everything, one conversation after the other, in the order in which they began; empty if there is nothing."""
    found: dict[tuple[str, str], list[Message]] = {}
    for message in messages:
        key = _phone_and_number(message)
        if phone is None or key[0].lstrip("+") == phone.strip().lstrip("+"):
            found.setdefault(key, []).append(message)
    return "\n".join("\n".join(_lines(key, texts)) + "\n" for key, texts in found.items())


def _phone_and_number(message: Message) -> tuple[str, str]:
    if message.direction is Direction.INBOUND:
        return message.from_ or "", message.to
    return message.to, message.from_ or message.messaging_service_sid or ""


def _lines(key: tuple[str, str], messages: Iterable[Message]) -> Iterator[str]:
    yield " and ".join(key)
    for message in messages:
        first, *rest = message.body.split("\n")
        yield f"{'>' if message.direction is Direction.INBOUND else '<'} {first.translate(_CONTROLS)}".rstrip()
        yield from (f"  {line.translate(_CONTROLS)}".rstrip() for line in rest)
        if facts := ", ".join(_facts(message)):
            yield f"  [{facts}]"


def _facts(message: Message) -> Iterator[str]:
    if files := len(message.media) or len(message.media_urls):
        yield f"{files} file{'s' if files > 1 else ''}"
    if message.direction is Direction.INBOUND:
        last = message.webhooks[-1] if message.webhooks else None
        if last is not None and not last.good:
            yield last.refused or f"the webhook answered {last.status or 'nothing'}"
        return
    yield message.status.value
    if message.error_code:
        yield f"error {message.error_code}"
