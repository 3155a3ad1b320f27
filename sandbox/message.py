"""A Message resource: the record that the sandbox keeps, and how Twilio's API shows it.

`Message` changes while it lives (status, sender, dates) and remembers every change, so that a run can be checked for
what was lost, doubled or reordered. Times are Unix seconds; Twilio's JSON has whole seconds in RFC 2822.
Source: twilio.com/docs/messaging/api/message-resource.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from functools import lru_cache
from uuid import uuid4

from msgspec import Struct

from sandbox.posts import PostResult

API_VERSION = "2010-04-01"


class Status(Enum):
    """A message's state. Those that the sandbox never reaches by itself are there for faults and phones."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    RECEIVED = "received"


class Direction(Enum):
    """Who texted: *inbound* is phone to number, *outbound-api* the other way."""

    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"


class Media(Struct, frozen=True, kw_only=True):
    """One attachment: that a phone sent, or that was fetched to be sent to one."""

    sid: str
    content_type: str
    content: bytes


class StatusChange(Struct, frozen=True, kw_only=True):
    """One step in a message's life."""

    status: Status
    at: float


class Message(Struct, kw_only=True):
    """One message. Not frozen: it advances, and `seq` says in which order the sandbox got to know it."""

    seq: int
    sid: str
    account_sid: str
    direction: Direction
    from_: str | None
    """None while a Messaging Service has not chosen a sender."""
    to: str
    body: str
    """As Twilio's log shows it: trimmed, smart-encoded, with a trial account's prefix."""
    posted_body: str
    """As it was posted."""
    num_segments: int
    status: Status
    created_at: float
    updated_at: float
    sent_at: float | None = None
    listed_at: float = 0.0
    """The list endpoint hides the message before this moment."""
    messaging_service_sid: str | None = None
    status_callback: str = ""
    error_code: int | None = None
    media: tuple[Media, ...] = ()
    media_urls: tuple[str, ...] = ()
    fetched_media: tuple[Media, ...] = ()
    """What the phone gets of them: those URLs that are on this machine are fetched."""
    validity_period_s: int | None = None
    """As it was posted; the sandbox's queue is never long enough for it to end."""
    idempotency_token: str = ""
    """Of the inbound webhook: the same for every retry and repetition."""
    history: list[StatusChange] = []
    callbacks: list[tuple[Status, PostResult]] = []
    """Status callbacks in the order in which their posts ended."""
    webhooks: list[PostResult] = []
    """Posts of this inbound message: the webhook, its fallback, deliveries asked for again."""

    def advance(self, status: Status, *, now: float, error_code: int | None = None) -> None:
        """Enter a state. From `sent` on (and when received) the message has a sent date, never before."""
        self.status = status
        self.updated_at = now
        self.error_code = error_code
        if self.sent_at is None and status not in {Status.ACCEPTED, Status.QUEUED, Status.FAILED}:
            self.sent_at = now
        self.history.append(StatusChange(status=status, at=now))


class MessageResource(Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What Twilio's API answers: these fields and no others, most of them strings."""

    account_sid: str
    api_version: str
    body: str
    date_created: str
    date_sent: str | None
    date_updated: str
    direction: Direction
    error_code: int | None
    error_message: str | None
    from_: str | None
    messaging_service_sid: str | None
    num_media: str
    num_segments: str
    price: str | None
    price_unit: str
    sid: str
    status: Status
    subresource_uris: dict[str, str]
    to: str
    uri: str


def show_resource(message: Message) -> MessageResource:
    """The message as it stands now, in Twilio's shape."""
    uri = f"/{API_VERSION}/Accounts/{message.account_sid}/Messages/{message.sid}"
    chosen = message.from_ is not None
    return MessageResource(
        account_sid=message.account_sid,
        api_version=API_VERSION,
        body=message.body,
        date_created=format_date(int(message.created_at)),
        date_sent=None if message.sent_at is None else format_date(int(message.sent_at)),
        date_updated=format_date(int(message.updated_at)),
        direction=message.direction,
        error_code=message.error_code,
        error_message=None,
        from_=message.from_,
        messaging_service_sid=message.messaging_service_sid,
        num_media=str(len(message.media) or len(message.media_urls)),
        num_segments=str(message.num_segments if chosen else 0),
        price=None,
        price_unit="USD",
        sid=message.sid,
        status=message.status,
        subresource_uris={"media": f"{uri}/Media.json"},
        to=message.to,
        uri=f"{uri}.json",
    )


def new_sid(prefix: str) -> str:
    """A SID as Twilio makes them: two letters and 32 hexadecimal digits."""
    return prefix + uuid4().hex


@lru_cache(maxsize=1024)
def format_date(whole_seconds: int) -> str:
    """RFC 2822 in GMT, as in `Thu, 24 Aug 2023 05:01:45 +0000`."""
    return format_datetime(datetime.fromtimestamp(whole_seconds, UTC))
