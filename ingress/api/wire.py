"""What the API says and understands, as Structs: the OpenAPI document is made from them.

Requests refuse unknown fields and null. Answers hold no number in full and no text.
"""

import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from shared.media_urls import MAX_MEDIA, MAX_URL_LENGTH
from shared.settings_channels import MAX_VALIDITY_S

Text = Annotated[str, Meta(pattern=r"\S", description="What to say; the parts are cut here.")]
MediaUrl = Annotated[
    str,
    Meta(
        max_length=MAX_URL_LENGTH,
        description="`https` only.",
        examples=["https://example.com/menu.png"],
        extra_json_schema={"pattern": r"^https://[^\s/@]+(/\S*)?$"},
    ),
]


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A document of the API."""


class SendRequest(Wire, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A message to one person: either `text` or `texts`, with `media` or without, or `media` alone."""

    to: (
        Annotated[
            str,
            Meta(
                description="The recipient in E.164 form, over RCS with `rcs:` before it. Left out: `defaultTo`.",
                examples=["+12025550111"],
                extra_json_schema={"pattern": r"^(rcs:)?\+[1-9][0-9]{6,14}$"},
            ),
        ]
        | UnsetType
    ) = UNSET
    account: (
        Annotated[
            str,
            Meta(
                description="Id of the account that sends. Left out: the token's only account, else the default.",
                examples=["default"],
            ),
        ]
        | UnsetType
    ) = UNSET
    text: Text | UnsetType = UNSET
    texts: (
        Annotated[tuple[Text, ...], Meta(min_length=1, max_length=10, description="Several texts, sent in this order.")]
        | UnsetType
    ) = UNSET
    media: (
        Annotated[
            tuple[MediaUrl, ...],
            Meta(
                min_length=1,
                max_length=MAX_MEDIA,
                description="Pictures or files, as public URLs that Twilio fetches; then the text may be left out.",
            ),
        ]
        | UnsetType
    ) = UNSET
    send_at: (
        Annotated[
            datetime.datetime,
            Meta(
                tz=True,
                description="When it is to leave, with its offset; from now to 35 days ahead. Left out: at once.",
                examples=["2026-12-24T18:00:00+01:00"],
            ),
        ]
        | UnsetType
    ) = UNSET
    validity_seconds: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=MAX_VALIDITY_S,
                description=(
                    "How long each part may wait in Twilio's own queue; then it fails instead of coming late. Left "
                    "out: as the account is configured."
                ),
            ),
        ]
        | UnsetType
    ) = UNSET
    markdown: (
        Annotated[
            bool,
            Meta(
                description=(
                    "The texts are Markdown, to be turned into plain text; else they are sent as they are. Left out: "
                    "true for the answer to a turn, else false."
                )
            ),
        ]
        | UnsetType
    ) = UNSET
    turn: (
        Annotated[
            str,
            Meta(
                description=(
                    "The turn that this answers: what an agent of the kind `http` answered 202 to. `to` and `account` "
                    "may be left out. A turn takes one answer, and serves as its idempotency key."
                ),
                examples=["mzxw6ytboi3dsnrt-1795340000000"],
            ),
        ]
        | UnsetType
    ) = UNSET


class Links(Wire, frozen=True):
    """Where more is to be seen."""

    self: str
    conversation: str


class MessageStatus(StrEnum):
    """What became of a message as a whole."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELED = "canceled"
    EMPTY = "empty"


ScheduledAt = Annotated[
    datetime.datetime | None,
    Meta(
        description="When it leaves: its `sendAt`, or the end of quiet hours that hold it back; null if it is not held."
    ),
]


class Accepted(Wire, frozen=True):
    """The message is stored and will be sent, after whatever is already on its way to that person."""

    id: str
    conversation: str
    account: str
    status: MessageStatus
    created_at: datetime.datetime
    scheduled_at: ScheduledAt
    paused: Annotated[
        bool, Meta(description="The account was paused: the message is kept, and leaves when someone resumes it.")
    ]
    links: Links


class PartPhase(StrEnum):
    """Where one part is, as far as this gateway knows."""

    WAITING = "waiting"
    DISPATCHING = "dispatching"
    ACCEPTED = "accepted"
    DEAD = "dead"


class Cause(Wire, frozen=True):
    """Why a part failed."""

    code: Annotated[
        str, Meta(description="`twilio-` and Twilio's code, or a word of our own.", examples=["twilio-30003"])
    ]
    meaning: str
    hint: Annotated[str, Meta(description="What the operator may do; may be empty.")]


class MessagePart(Wire, frozen=True):
    """One SMS of a message."""

    id: str
    phase: Annotated[
        PartPhase,
        Meta(
            description=(
                "`waiting`: not with Twilio yet. `dispatching`: being handed over, or it is being found out whether "
                "Twilio has it. `accepted`: Twilio has it. `dead`: given up, see the dead letters."
            )
        ),
    ]
    status: Annotated[str | None, Meta(description="Twilio's latest word, such as `sent`; null until it has the part.")]
    sid: Annotated[str | None, Meta(description="Twilio's id of it.")]
    error: Cause | None
    media_refused: Annotated[
        Cause | None, Meta(description="Why Twilio refused its media; its words went, or will go, without them.")
    ]
    dispatched_at: datetime.datetime | None
    accepted_at: datetime.datetime | None
    status_at: Annotated[datetime.datetime | None, Meta(description="When the latest delivery callback came.")]


class Message(Wire, frozen=True):
    """A message and its parts, as far as they are known: a waiting part shows when its turn has come."""

    id: str
    conversation: str
    account: str
    status: Annotated[
        MessageStatus,
        Meta(
            description=(
                "`scheduled`: held until its time; it can be canceled. `queued`: waiting, nothing tried yet. "
                "`sending`: Twilio has not all of it yet. `sent`: Twilio has all parts. `delivered`: the phone has "
                "all parts. `failed`: at least one part will not arrive. `canceled`: canceled before its time. "
                "`empty`: nothing of it was or will be sent; formatted it had no text left, or its dead letter was "
                "dropped."
            )
        ),
    ]
    created_at: Annotated[
        datetime.datetime | None, Meta(description="null for a message that did not come by the API.")
    ]
    scheduled_at: ScheduledAt
    paused: Annotated[bool, Meta(description="The account is paused now: what waits is kept.")]
    parts: tuple[MessagePart, ...]
    links: Links


class LaneState(Wire, frozen=True):
    """What waits for a conversation at one stage."""

    waiting: Annotated[int, Meta(ge=0, description="Texts, replies or parts.")]
    turn: Annotated[
        str | None, Meta(description="The current turn while something waits, else the next; null: none yet.")
    ]


class Lanes(Wire, frozen=True):
    """The stages of a conversation."""

    agent: LaneState
    format: LaneState
    outbound: LaneState


class Conversation(Wire, frozen=True):
    """How one conversation stands. What is null is not known for a conversation that the API never wrote to."""

    id: str
    account: str | None
    peer: Annotated[str | None, Meta(description="With whom, masked.", examples=["+1202•••0111"])]
    opted_out: bool | None
    paused: Annotated[bool | None, Meta(description="The account is paused now.")]
    lanes: Lanes
    scheduled: Annotated[int, Meta(ge=0, description="Messages that are held until their time.")]


class FieldError(Wire, frozen=True):
    """What is wrong with one field of the request."""

    pointer: Annotated[str, Meta(description="JSON pointer (RFC 6901); empty for the whole body.", examples=["/to"])]
    detail: str


class Problem(Wire, frozen=True, omit_defaults=True):
    """Why a request was refused (RFC 9457)."""

    type: Annotated[str, Meta(examples=["urn:textgate:problem:opted-out"])]
    title: str
    status: int
    detail: str | UnsetType = UNSET
    errors: tuple[FieldError, ...] | UnsetType = UNSET
