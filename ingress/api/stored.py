"""What Redis knows of a message, read in one snapshot. What that means is decided in `messages.py`.

A reply waits in the format lane, its parts in the outbound lane. A part gets a hash when it is first tried, and what is
given up goes to the dead letters, with or without one. The parts of a message are those met in any of these places.

Redis keys: message, part, dead, dead:*, paused, the format and outbound lanes and holds. Reads only.
"""

import msgspec
from redis.asyncio import Redis

from shared.holds import Held, load_held_message
from shared.keys import Keys, Stage
from shared.outbox import PartState, part_state_of
from shared.records import DeadLetter, Part, decode_dead_letter, decode_part, decode_reply
from shared.redis_client import load_hash

PARTS_AT_ONCE = 16
MOST_PARTS = 4096
NEAR_HEAD = 200
"""How many waiting parts are looked at; a message behind them shows as queued."""
MOST_LETTERS = 1000
"""How many dead letters since the message was taken in are looked through, the newest first."""
CLOCK_SKEW_MS = 3600 * 1000
"""A message has the time of its ingress, a dead letter that of Redis."""


class StoredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of one message."""

    message_id: str
    conversation: str
    account_id: str
    created_ms: int | None
    """None: it did not come by the API."""
    states: tuple[PartState, ...]
    """Of the parts that were tried, from the first on."""
    waiting: tuple[str, ...]
    """Ids of its parts near the head of the outbound lane."""
    lanes_busy: bool
    """Something waits to be sent to this person, this message perhaps."""
    letters: tuple[DeadLetter, ...]
    """The dead letters that hold it, or parts of it."""
    paused: bool
    held: Held | None = None
    """It waits for its time."""
    canceled: bool = False


class _Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    busy: bool
    waiting: list[Part]
    letter_ids: list[str]
    hashes: list[dict[bytes, bytes]]


async def load_message(
    redis: Redis, keys: Keys, message_id: str, *, account_id: str | None = None
) -> StoredMessage | None:
    """The message, or None if nothing is known of it. `account_id`: whose it is, if the caller knows."""
    conversation = message_id.partition("-")[0]
    record = await load_hash(redis, keys.message(message_id))
    created_ms = int(record[b"created_ms"]) if b"created_ms" in record else None
    since_ms = max(0, (created_ms or 0) - CLOCK_SKEW_MS)
    held = await load_held_message(redis, keys, message_id)
    size = PARTS_AT_ONCE
    seen = await _look(redis, keys, message_id, conversation, since_ms, size)
    while len(seen.hashes) == size < MOST_PARTS:
        size *= 4
        seen = await _look(redis, keys, message_id, conversation, since_ms, size)
    account = next((stored[b"account"] for stored in (record, *seen.hashes) if b"account" in stored), None)
    if held is None and not seen.busy:  # it may have left its lane for the hold just now
        held = await load_held_message(redis, keys, message_id)
    if account is not None:
        account_id = account.decode()
    elif held is not None:
        account_id = held.account_id
    if account_id is None:
        return None
    states = (part_state_of(f"{message_id}.{index}", stored) for index, stored in enumerate(seen.hashes))
    return StoredMessage(
        message_id=message_id,
        conversation=conversation,
        account_id=account_id,
        created_ms=created_ms,
        states=tuple(state for state in states if state is not None),
        waiting=tuple(part.part_id for part in seen.waiting if part.reply_id == message_id),
        lanes_busy=seen.busy,
        letters=await _load_letters(redis, keys, seen.letter_ids, message_id),
        paused=bool(await redis.exists(keys.paused(account_id))),
        held=held,
        canceled=b"canceled_ms" in record,
    )


async def _look(redis: Redis, keys: Keys, message_id: str, conversation: str, since_ms: int, size: int) -> _Snapshot:
    """The lanes, the newest dead letters of the conversation and the first `size` parts, all at one moment."""
    outbound = keys.lane(Stage.OUTBOUND, conversation).list
    async with redis.pipeline(transaction=True) as pipe:
        pipe.llen(keys.lane(Stage.FORMAT, conversation).list)
        pipe.lrange(outbound, 0, NEAR_HEAD - 1)
        pipe.zrevrangebyscore(keys.dead, "+inf", since_ms, start=0, num=MOST_LETTERS)
        for index in range(size):
            pipe.hgetall(keys.part(f"{message_id}.{index}"))
        formatting, parts, letter_ids, *hashes = await pipe.execute()
    tried = next((index for index, stored in enumerate(hashes) if not stored), size)
    return _Snapshot(
        busy=formatting > 0 or bool(parts),
        waiting=[decode_part(record) for record in parts],
        letter_ids=[raw.decode() for raw in letter_ids if conversation.encode() in raw],
        hashes=hashes[:tried],
    )


async def _load_letters(redis: Redis, keys: Keys, letter_ids: list[str], message_id: str) -> tuple[DeadLetter, ...]:
    stored = await redis.mget([keys.dead_letter(letter_id) for letter_id in letter_ids]) if letter_ids else []
    letters = (decode_dead_letter(raw) for raw in stored if raw is not None)
    return tuple(letter for letter in letters if _holds(letter, message_id))


def _holds(letter: DeadLetter, message_id: str) -> bool:
    match letter.stage:
        case Stage.FORMAT:
            return any(decode_reply(record).reply_id == message_id for record in letter.records)
        case Stage.OUTBOUND:
            return any(decode_part(record).reply_id == message_id for record in letter.records)
    return False
