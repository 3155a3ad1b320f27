"""The requests and answers of the control routes under `/sandbox/`: our own wire, so unknown fields are refused.

Used by `textgate demo`, by tests and by whoever tries things out with curl.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from sandbox.config import SmsMethod
from sandbox.faults import Fault
from sandbox.journal import Event, EventKind
from sandbox.message import Direction, Message, Status, StatusChange
from sandbox.posts import PostResult


class MessageFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of GET /sandbox/messages."""

    to: str | None = None
    from_: str | None = field(name="from", default=None)
    direction: Direction | None = None
    after: int = 0
    """Only messages with a greater `seq`."""


class EventFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of GET /sandbox/events."""

    after: int = 0
    wait: Annotated[float, Meta(ge=0, le=60)] = 0.0
    """Seconds to wait for an event that matches if there is none yet."""
    kind: EventKind | None = None
    sid: str | None = None
    to: str | None = None
    from_: str | None = field(name="from", default=None)
    direction: str | None = None
    status: str | None = None


class MediaBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attachment; `content` is base64."""

    content_type: str
    content: bytes


class FetchedView(Struct, frozen=True, kw_only=True):
    """One file that was fetched for a phone."""

    content_type: str
    size_bytes: int


class TextBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /sandbox/texts: a phone sends a text to a number."""

    from_: Annotated[str, Meta(min_length=1)] = field(name="from")
    to: str
    body: str = ""
    media: Annotated[tuple[MediaBody, ...], Meta(max_length=10)] = ()
    account_sid: str = ""
    """Which account's number is meant if several hold it; empty: the first."""
    post_webhook: bool = True
    """False: the message exists at Twilio, but its webhook never comes (for catching up)."""
    background: bool = False
    """True: answer at once and post the webhook afterwards."""


class TextAnswer(Struct, frozen=True, kw_only=True):
    """What became of a text."""

    sid: str
    webhook_status: int | None = None
    """HTTP status of the last try; None if there was no answer, no webhook, or none yet."""
    error_code: int | None = None
    """11200 or 11205 if Twilio would have raised an alert."""
    posts: tuple[PostResult, ...] = ()


class NumberBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PUT /sandbox/numbers/{number}: add a number or replace its configuration."""

    account_sid: str = ""
    """Empty: the account that holds the number already, or else the first account."""
    sms_url: str = ""
    sms_method: SmsMethod = "POST"
    sms_fallback_url: str = ""


class MessageView(Struct, frozen=True, kw_only=True):
    """Everything about one message."""

    seq: int
    sid: str
    account_sid: str
    direction: Direction
    from_: str | None = field(name="from")
    to: str
    body: str
    posted_body: str
    num_segments: int
    num_media: int
    media_urls: tuple[str, ...]
    """Where Twilio would fetch what an outbound message carries."""
    fetched_media: tuple[FetchedView, ...]
    """What the phone got of them: those URLs that are on this machine."""
    validity_period_s: int | None
    status: Status
    error_code: int | None
    created_at: float
    sent_at: float | None
    messaging_service_sid: str | None
    status_callback: str
    history: list[StatusChange]
    callbacks: list[tuple[Status, PostResult]]
    webhooks: list[PostResult]


class MessagesAnswer(Struct, frozen=True, kw_only=True):
    """GET /sandbox/messages, oldest first."""

    messages: list[MessageView]


class EventsAnswer(Struct, frozen=True, kw_only=True):
    """GET /sandbox/events. Ask again with `after=last`; if `first` is above that, events were dropped."""

    events: list[Event]
    first: int
    last: int


class WaitingFault(Struct, frozen=True, kw_only=True):
    """A fault and how often it will still strike."""

    fault: Fault
    left: int


class FaultsAnswer(Struct, frozen=True, kw_only=True):
    """The faults that wait, in order."""

    faults: list[WaitingFault]


class Summary(Struct, frozen=True, kw_only=True):
    """GET /sandbox: what this sandbox is. It names no secret."""

    accounts: list[str]
    numbers: dict[str, str]
    """Number to the webhook URL of its first account."""
    messages: int
    last_event: int


class Complaint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error: what is wrong, and what was expected instead."""

    error: str
    expected: str = ""


def show_message(message: Message) -> MessageView:
    """A message as it stands now."""
    return MessageView(
        seq=message.seq,
        sid=message.sid,
        account_sid=message.account_sid,
        direction=message.direction,
        from_=message.from_,
        to=message.to,
        body=message.body,
        posted_body=message.posted_body,
        num_segments=message.num_segments,
        num_media=len(message.media) or len(message.media_urls),
        media_urls=message.media_urls,
        fetched_media=tuple(
            FetchedView(content_type=each.content_type, size_bytes=len(each.content)) for each in message.fetched_media
        ),
        validity_period_s=message.validity_period_s,
        status=message.status,
        error_code=message.error_code,
        created_at=message.created_at,
        sent_at=message.sent_at,
        messaging_service_sid=message.messaging_service_sid,
        status_callback=message.status_callback,
        history=list(message.history),
        callbacks=list(message.callbacks),
        webhooks=list(message.webhooks),
    )
