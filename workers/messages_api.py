"""What the outbound stage needs of Twilio, as a type.

Apart from the client so that importing the stage does not import the SDK, which costs a second and 35 MB.
"""

from datetime import datetime
from typing import Protocol

import msgspec

from shared.outbox import Status
from shared.records import Part
from shared.settings import Account


class SentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What Twilio says of an outbound message; `created` is its own clock, to the second."""

    sid: str
    status: Status
    body: str
    sender: str | None
    messaging_service_sid: str | None
    created: datetime | None


class MessageEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How far Twilio has come with an outbound message."""

    status: Status
    error_code: int | None = None
    to: str = ""
    """Who was to get it."""


class MessagesApi(Protocol):
    """Twilio's Messages resource. The methods raise TransientError, PermanentError, AccountError or
    OutcomeUnknownError."""

    async def send(self, account: Account, part: Part) -> SentMessage:
        """Post one part, once."""
        ...

    async def list_sent(self, account: Account, to: str, since: datetime) -> list[SentMessage]:
        """Outbound messages to this person created since then, newest first."""
        ...

    async def fetch(self, account: Account, sid: str) -> MessageEnd | None:
        """How far this message has come; None if Twilio does not know it (any more)."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
