"""The way out: handing a text to the pipeline from outside, and the life of each part.

States of a part and who moves them: `lua/dispatch_part.lua`. Redis keys: the format and outbound lanes and holds, part,
sid, paused, optout, pace, account-pace.
"""

import secrets
import time
from enum import StrEnum

import msgspec
from redis.asyncio import Redis

from shared.holds import hold_reply
from shared.keys import Keys, Stage, conversation_id
from shared.lanes import append
from shared.phone import person_of
from shared.queue import lane_payload
from shared.records import Origin, Part, Reply, encode
from shared.redis_client import load_hash
from shared.round_trip import execute
from shared.scripts import Call, script

PART_TTL_MS = 30 * 24 * 3600 * 1000
"""How long the state of a part is kept after its last change."""


class DispatchVerdict(StrEnum):
    """May this part be sent now? Meanings: `lua/dispatch_part.lua`."""

    GO = "go"
    FENCED = "fenced"
    PAUSED = "paused"
    ACCEPTED = "accepted"
    IN_DOUBT = "in_doubt"
    OPTED_OUT = "opted_out"
    TOO_OLD = "too_old"
    QUIET = "quiet"
    WAIT = "wait"
    CAPPED = "capped"


class Status(StrEnum):
    """Twilio's message states that concern an outbound message.

    Source: Twilio, Messages resource, "Message status values".
    """

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELED = "canceled"
    READ = "read"
    PARTIALLY_DELIVERED = "partially_delivered"


RANK = {
    Status.ACCEPTED: 0,
    Status.SCHEDULED: 0,
    Status.QUEUED: 1,
    Status.SENDING: 2,
    Status.SENT: 3,
    Status.PARTIALLY_DELIVERED: 4,
    Status.UNDELIVERED: 5,
    Status.FAILED: 5,
    Status.CANCELED: 5,
    Status.DELIVERED: 5,
    Status.READ: 6,
}
"""A status replaces another only if it ranks higher: callbacks overtake each other."""

FINAL_RANK = 5

FINAL = frozenset(status for status, rank in RANK.items() if rank >= FINAL_RANK)
"""Nothing but `read`, or a contradiction, comes after these. `partially_delivered` (to some of a group) is not one."""


class DayCap(msgspec.Struct, frozen=True, kw_only=True):
    """How many segments an account may send on a day, and when that day ends."""

    segments: int
    day: str
    """Its date, where the account is."""
    ends_ms: int


class PartState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one part; `status` is Twilio's word, None until Twilio has it."""

    part_id: str
    state: str
    sid: str | None = None
    status: Status | None = None
    error_code: int | None = None
    journaled_ms: int | None = None
    accepted_ms: int | None = None
    status_ms: int | None = None
    contradiction: Status | None = None
    """A second, different final status, if Twilio reported two."""
    capped_until_ms: int | None = None
    """When the account's day ends whose segments were used up when the part was last looked at."""
    carrier_time: str | None = None
    """`RawDlrDoneDate`: when the carrier was done, YYMMDDhhmm."""
    media_refused: str | None = None
    """Why Twilio refused its media, such as `twilio-21620`; it goes, or went, without them."""
    received_ms: int | None = None
    """When the text that it answers came in; known once Twilio has the part, as is the next."""
    created_ms: int | None = None
    """When its reply was written."""
    reached: dict[Status, int] = {}
    """When we learnt of each of Twilio's states, in ms."""


async def enqueue_text(
    redis: Redis,
    keys: Keys,
    *,
    account_id: str,
    to: str,
    text: str,
    origin: Origin = Origin.OPERATOR,
    media: tuple[str, ...] = (),
    validity_s: int | None = None,
    due_ms: int | None = None,
) -> Reply:
    """Hand one text, or media with or without words, to the pipeline, after whatever is already on its way to that
    person; at `due_ms` if that is given. Returns what was stored."""
    conversation = conversation_id(account_id, to)
    now_ms = time.time_ns() // 1_000_000
    reply = Reply(
        reply_id=f"{conversation}-{origin.value}-{secrets.token_hex(6)}",
        account_id=account_id,
        conversation=conversation,
        to=to,
        texts=(text,) if text else (),
        origin=origin,
        created_ms=now_ms,
        media=media,
        validity_s=validity_s,
    )
    if due_ms is None:
        lane, once = keys.lane(Stage.FORMAT, conversation), keys.once(reply.reply_id)
        call = append(lane=lane, stage=Stage.FORMAT, records=(encode(reply),), once=once)
    else:
        call = hold_reply(keys=keys, reply=reply, due_ms=due_ms)
    (result,) = await execute(redis, [call])
    if isinstance(result, Exception):
        raise result
    return reply


async def load_part_state(redis: Redis, keys: Keys, part_id: str) -> PartState | None:
    """The state of a part, None if it was never tried or is older than 30 days."""
    return part_state_of(part_id, await load_hash(redis, keys.part(part_id)))


def part_state_of(part_id: str, stored: dict[bytes, bytes]) -> PartState | None:
    """The state in a part's hash, None if the hash is empty."""
    if not stored:
        return None
    raw = {k.decode(): v.decode() for k, v in stored.items()}
    reached = {name[3:]: ms for name, ms in raw.items() if name.startswith("at:")}
    return msgspec.convert({**raw, "part_id": part_id, "reached": reached}, PartState, strict=False)


async def load_part_of_sid(redis: Redis, keys: Keys, message_sid: str) -> PartState | None:
    """The state of the part that a Twilio message carries."""
    part_id = await redis.get(keys.sid(message_sid))
    return None if part_id is None else await load_part_state(redis, keys, part_id.decode())


def dispatch(
    *,
    keys: Keys,
    part: Part,
    turn: str,
    attempt: str,
    sender: str,
    segments_per_second: float,
    looked_for_ms: str = "",
    not_after_ms: int | None = None,
    quiet_ms: tuple[int, int] | None = None,
    account_sid: str = "",
    account_segments_per_second: float = 0,
    cap: DayCap | None = None,
) -> Call:
    """May `part` be sent now by `attempt`? The reply is `[verdict, detail]`; "go" has journalled it.

    `looked_for_ms`: the journal entry that was looked for at Twilio in vain, past its grace period. `not_after_ms`:
    when it is too old to be sent. `quiet_ms`: the quiet stretch that it must keep to, the end not included.
    `account_sid`: whose pace of `account_segments_per_second` all senders of the Twilio account share; 0: none.
    `cap`: what the account may send on this day.
    """
    return Call(
        script("dispatch_part"),
        (
            keys.conversation(part.conversation),
            keys.part(part.part_id),
            keys.paused(part.account_id),
            keys.opted_out(part.account_id),
            keys.pace(part.account_id, sender),
            keys.hold(Stage.OUTBOUND, part.conversation).set,
            keys.account_pace(account_sid),
            *(() if cap is None else (keys.segments_of_day(part.account_id, cap.day),)),
        ),
        (
            Stage.OUTBOUND.value,
            turn,
            attempt,
            person_of(part.to),
            part.segments,
            segments_per_second,
            PART_TTL_MS,
            looked_for_ms,
            part.account_id,
            part.conversation,
            part.created_ms if part.origin is Origin.OPT_OUT else "",
            "" if not_after_ms is None else not_after_ms,
            *(("", "") if quiet_ms is None else quiet_ms),
            account_segments_per_second,
            sender,
            "" if part.received_ms is None else part.received_ms,
            *((0, "", "") if cap is None else (cap.segments, cap.day, cap.ends_ms)),
        ),
    )


def release(*, keys: Keys, part_id: str, attempt: str, media_refused: str = "") -> Call:
    """The announced request certainly did not reach Twilio; the reply is 1 if the attempt held the part.

    `media_refused`: Twilio's code, if it refused the part for its media; from now on it goes without them.
    """
    return Call(script("release_part"), (keys.part(part_id),), (attempt, PART_TTL_MS, media_refused))


def settle(*, keys: Keys, part: Part, turn: str, sid: str, status: Status, ask_after_s: float = 0) -> Call:
    """Twilio has `part` as `sid`; the reply is 1, 0 (the turn is over; the SID is kept) or b"sid_taken".

    `ask_after_s`: when Twilio is asked how it ended if no callback tells; 0: never.
    """
    lane = keys.lane(Stage.OUTBOUND, part.conversation)
    return Call(
        script("settle_part"),
        (*lane.as_tuple(), keys.part(part.part_id), keys.sid(sid), keys.awaiting),
        (
            Stage.OUTBOUND.value,
            lane_payload(Stage.OUTBOUND.value),
            turn,
            part.part_id,
            sid,
            status.value,
            RANK[status],
            PART_TTL_MS,
            FINAL_RANK,
            int(ask_after_s * 1000),
            part.created_ms,
            "" if part.received_ms is None else part.received_ms,
        ),
    )
