"""Messages that wait for their time: putting them aside, letting them go, canceling, listing.

What a hold is, and why it neither loses nor doubles: `lua/lib/holds.lua`. Redis keys: hold:*, held, held:last, the lane
that they join, message and part of what is canceled.
"""

from enum import StrEnum

import msgspec
from redis.asyncio import Redis

from shared.idempotency import MESSAGE_TTL_MS
from shared.keys import Keys, Stage
from shared.queue import RELEASE, lane_payload
from shared.records import Origin, Part, Reply, decode_part, decode_reply, encode
from shared.redis_client import load_list
from shared.scripts import Call, script

AT_ONCE = 200
"""Holds that are looked at in one round trip."""


class Canceled(StrEnum):
    """What became of a wish to cancel. Meanings: `lua/cancel_held.lua`."""

    CANCELED = "canceled"
    GONE = "gone"
    SENT = "sent"


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One message that is held. `stage` tells why: at `format` it was scheduled, at `outbound` it waits for the end of
    quiet hours."""

    message_id: str
    stage: Stage
    conversation: str
    member: str
    due_ms: int
    account_id: str
    to: str
    origin: Origin
    part_ids: tuple[str, ...] = ()
    """Of the parts that are held; none while it is not cut yet."""
    has_begun: bool = False
    """Parts before these went out already."""

    @property
    def may_be_canceled(self) -> bool:
        """Half an answer helps nobody: what has begun is not canceled."""
        return not self.has_begun


def hold_reply(*, keys: Keys, reply: Reply, due_ms: int) -> Call:
    """Put `reply` aside until it is to join its format lane; the reply is 1. May be sent twice, then it is 0."""
    hold = keys.hold(Stage.FORMAT, reply.conversation)
    return Call(
        script("hold_reply"),
        (*keys.lane(Stage.FORMAT, reply.conversation).as_tuple(), *hold.as_tuple(), keys.once(reply.reply_id)),
        (*_payloads(Stage.FORMAT), reply.reply_id, due_ms, encode(reply)),
    )


def hold_parts(*, keys: Keys, part: Part, turn: str, count: int, due_ms: int) -> Call:
    """Take the `count` first parts from the lane of `part`, its head, and hold them; 1, or 0 if the turn is over.

    `due_ms` 0: hold nothing, but let those that are held and due go before them.
    """
    hold = keys.hold(Stage.OUTBOUND, part.conversation)
    return Call(
        script("hold_parts"),
        (*keys.lane(Stage.OUTBOUND, part.conversation).as_tuple(), *hold.as_tuple()),
        (*_payloads(Stage.OUTBOUND), turn, count, part.reply_id, due_ms),
    )


def release(*, keys: Keys, stage: Stage, conversation: str, job_id: str = "") -> Call:
    """What is due joins its lane; the reply is how many messages. Finishes the job `job_id`. May be sent twice."""
    return Call(
        script("release_held"),
        (*keys.lane(stage, conversation).as_tuple(), *keys.hold(stage, conversation).as_tuple()),
        (*_payloads(stage), job_id),
    )


def cancel(*, keys: Keys, held: Held) -> Call:
    """A held message will not be sent; the reply is one of `Canceled`."""
    return Call(
        script("cancel_held"),
        (
            *keys.lane(held.stage, held.conversation).as_tuple(),
            *keys.hold(held.stage, held.conversation).as_tuple(),
            keys.message(held.message_id),
            *(keys.part(part_id) for part_id in held.part_ids),
        ),
        (*_payloads(held.stage), held.member, held.account_id, held.conversation, MESSAGE_TTL_MS),
    )


async def load_held_message(redis: Redis, keys: Keys, message_id: str) -> Held | None:
    """The message, if it is held now."""
    conversation = message_id.partition("-")[0]
    for stage in (Stage.FORMAT, Stage.OUTBOUND):
        for held in await load_hold(redis, keys, stage, conversation):
            if held.message_id == message_id:
                return held
    return None


async def load_hold(redis: Redis, keys: Keys, stage: Stage, conversation: str) -> list[Held]:
    """What is held of one conversation at one stage, the first due first."""
    hold = keys.hold(stage, conversation)
    members = await redis.zrange(hold.set, 0, -1, withscores=True)
    found = [
        held_of(
            stage, conversation, member.decode(), int(due), await load_list(redis, hold.entry(member.decode()), 0, -1)
        )
        for member, due in members
    ]
    return [held for held in found if held is not None]


async def load_held_records(redis: Redis, keys: Keys, stage: Stage, conversation: str) -> list[bytes]:
    """The records that are held of one conversation at one stage, the first due first."""
    hold = keys.hold(stage, conversation)
    members = [raw.decode() for raw in await redis.zrange(hold.set, 0, -1)]
    return [record for member in members for record in await load_list(redis, hold.entry(member), 0, -1)]


async def load_all_held(redis: Redis, keys: Keys) -> list[Held]:
    """Everything that is held, the first due first. Holds of a stage that this version does not know are left out."""
    found: list[Held] = []
    for raw in await redis.zrange(keys.held, 0, -1):
        try:
            stage, conversation = keys.hold_of_set(raw.decode())
        except ValueError:
            continue
        found += await load_hold(redis, keys, stage, conversation)
    return sorted(found, key=lambda held: (held.due_ms, held.member))


def held_of(stage: Stage, conversation: str, member: str, due_ms: int, records: list[bytes]) -> Held | None:
    """The message in a hold's entry, None if it has left meanwhile."""
    if not records:
        return None
    head: Reply | Part = decode_reply(records[0]) if stage is Stage.FORMAT else decode_part(records[0])
    return Held(
        message_id=head.reply_id,
        stage=stage,
        conversation=conversation,
        member=member,
        due_ms=due_ms,
        account_id=head.account_id,
        to=head.to,
        origin=head.origin,
        part_ids=tuple(decode_part(record).part_id for record in records) if isinstance(head, Part) else (),
        has_begun=isinstance(head, Part) and head.index > 0,
    )


def mending(keys: Keys, set_key: bytes) -> Call | None:
    """The call that lets go what is due in a hold of the index and sees to its job; None for a stage that this version
    does not know."""
    try:
        stage, conversation = keys.hold_of_set(set_key.decode())
    except ValueError:
        return None
    return release(keys=keys, stage=stage, conversation=conversation)


def _payloads(stage: Stage) -> tuple[str, bytes, bytes]:
    return (stage.value, lane_payload(stage.value), lane_payload(RELEASE))
