"""Taking a reply in from the API: one call that stores it at most once per idempotency key (`lua/submit.lua`).

Redis keys: the format lane and hold, message, idempotency, turn, optout, paused.
"""

import hashlib
from enum import StrEnum

import msgspec

from shared.keys import Keys, Stage
from shared.phone import person_of
from shared.queue import RELEASE, lane_payload
from shared.records import Reply, encode
from shared.scripts import Call, script

KEY_TTL_MS = 24 * 3600 * 1000
"""How long an idempotency key is remembered."""

MESSAGE_TTL_MS = 30 * 24 * 3600 * 1000
"""How long a message is known after it was taken in: as long as the state of its parts."""


class SubmitVerdict(StrEnum):
    """What became of a reply. Meanings: `lua/submit.lua`."""

    QUEUED = "queued"
    REPLAYED = "replayed"
    CONFLICT = "conflict"
    PAST = "past"
    OPTED_OUT = "opted_out"
    TURN_UNKNOWN = "turn_unknown"
    TURN_CLOSED = "turn_closed"


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict, and the reply that stands: of a replay that is the first one."""

    verdict: SubmitVerdict
    message_id: str
    account_id: str
    conversation: str
    created_ms: int
    paused: bool
    """The account was paused when the reply was taken in."""
    due_ms: int | None = None
    """When it is to join its lane; None: at once."""


class IdempotencyKey(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's promise: whatever comes with this key is one and the same request."""

    token: str
    """The name of the API token; each has keys of its own."""
    key: str


def fingerprint(body: bytes) -> str:
    """What tells two bodies apart."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def submit(
    *,
    keys: Keys,
    reply: Reply,
    body: bytes,
    idempotency: IdempotencyKey | None,
    due_ms: int | None = None,
    turn_key: str | None = None,
) -> Call:
    """Put `reply` into its format lane, now or at `due_ms`; read the reply of the call with `submitted_of`. May be sent
    twice. `PAST`: `due_ms` is before the reply's creation.

    An answer to a turn (`turn_key`) needs no idempotency key: the turn is one, and takes one answer.
    """
    wait_ms = 0 if due_ms is None else max(0, due_ms - reply.created_ms)
    named = (keys.idempotency(idempotency.token, idempotency.key),) if idempotency is not None else ()
    if turn_key is not None:
        named = (keys.turn(turn_key),)
    return Call(
        script("submit"),
        (
            *keys.lane(Stage.FORMAT, reply.conversation).as_tuple(),
            keys.message(reply.reply_id),
            keys.opted_out(reply.account_id),
            keys.paused(reply.account_id),
            *keys.hold(Stage.FORMAT, reply.conversation).as_tuple(),
            *named,
        ),
        (
            Stage.FORMAT.value,
            lane_payload(Stage.FORMAT.value),
            encode(reply),
            reply.to,
            reply.reply_id,
            reply.account_id,
            reply.conversation,
            reply.created_ms,
            MESSAGE_TTL_MS + wait_ms,
            fingerprint(body),
            KEY_TTL_MS if turn_key is None else "",
            person_of(reply.to),
            "" if due_ms is None else due_ms,
            lane_payload(RELEASE),
            int(due_ms is not None and due_ms < reply.created_ms),
        ),
    )


def submitted_of(reply: list[bytes]) -> Submitted:
    """The outcome in the script's reply."""
    kept_due = reply[6] if len(reply) > 6 else None  # kept by a version without holds: none
    verdict, message_id, account_id, conversation, created_ms, paused = (field.decode() for field in reply[:6])
    return Submitted(
        verdict=SubmitVerdict(verdict),
        message_id=message_id,
        account_id=account_id,
        conversation=conversation,
        created_ms=int(created_ms),
        paused=paused == "1",
        due_ms=int(kept_due) if kept_due else None,
    )
