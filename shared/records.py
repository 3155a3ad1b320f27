"""What is stored in lanes and beside them: msgpack Structs that every process of every version can read.

Readers tolerate unknown fields and new fields carry defaults, so old and new processes work side by side during
a rolling deploy. Times are Unix milliseconds. Bodies and numbers live here and nowhere else: jobs, logs and keys
carry ids.
"""

from enum import StrEnum

import msgspec


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """One attachment of an inbound message, not fetched yet."""

    url: str
    content_type: str


class InboundText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One admitted message, as the agent lane holds it."""

    message_sid: str
    account_id: str
    conversation: str
    sender: str
    recipient: str
    body: str
    received_ms: int
    media: tuple[Media, ...] = ()


class Origin(StrEnum):
    """Who wrote a reply."""

    AGENT = "agent"
    PAIRING = "pairing"
    NOTICE = "notice"
    OPERATOR = "operator"
    API = "api"
    APOLOGY = "apology"
    OPT_OUT = "opt-out"
    """Textgate itself, to confirm a STOP: the one text that may go out after it."""


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be said to one person, as the format lane holds it: one or several texts, not cut yet."""

    reply_id: str
    account_id: str
    conversation: str
    to: str
    texts: tuple[str, ...]
    origin: Origin
    created_ms: int
    markdown: bool = False
    in_reply_to: str | None = None
    """MessageSid of the newest text that this answers."""
    received_ms: int | None = None
    """When that text was received; for latency."""
    media: tuple[str, ...] = ()
    """Public URLs of pictures or files that go with the first part."""
    validity_s: int | None = None
    """How long Twilio may keep a part in its queue; None: as the account says."""


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One SMS to be, as the outbound lane holds it. Its state lies in the hash `Keys.part(part_id)`."""

    part_id: str
    reply_id: str
    index: int
    count: int
    account_id: str
    conversation: str
    to: str
    body: str
    encoding: str
    segments: int
    origin: Origin
    created_ms: int
    received_ms: int | None = None
    media: tuple[str, ...] = ()
    """Public URLs that Twilio fetches and sends along."""
    validity_s: int | None = None
    """How long Twilio may keep it in its queue; None: as the account says."""


class HistoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was said in a conversation, as its history holds it."""

    role: str
    """`user` for the person, `assistant` for whoever answers."""
    body: str
    at_ms: int


class PairingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An unknown sender who was given a code and waits for the owner."""

    code: str
    account_id: str
    conversation: str
    sender: str
    created_ms: int
    expires_ms: int


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A sender whom the owner let in."""

    sender: str
    approved_ms: int


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Why nothing is sent for an account now."""

    code: str
    message: str
    hint: str
    since_ms: int


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Work that was given up, with its cause and all that is needed to do it again."""

    letter_id: str
    stage: str
    account_id: str
    conversation: str
    turn: str
    code: str
    message: str
    hint: str
    attempts: int
    buried_ms: int
    records: tuple[bytes, ...]
    """The lane's records that were taken out, encoded as they were."""


encode = msgspec.msgpack.Encoder().encode
decode_inbound_text = msgspec.msgpack.Decoder(InboundText).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
decode_part = msgspec.msgpack.Decoder(Part).decode
decode_history_line = msgspec.msgpack.Decoder(HistoryLine).decode
decode_pairing_request = msgspec.msgpack.Decoder(PairingRequest).decode
decode_approval = msgspec.msgpack.Decoder(Approval).decode
decode_pause = msgspec.msgpack.Decoder(Pause).decode
decode_dead_letter = msgspec.msgpack.Decoder(DeadLetter).decode
