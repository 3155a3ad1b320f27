"""Where a message is, or why it stopped: what Redis still knows about a reply, a part or a conversation. Reads only.

Ids of ours begin with their conversation, so that their lanes are known. How an inbound SID of Twilio's leads to one of
them is the caller's matter.

Redis keys: the lanes and their jobs, the holds, conversation, message, part, dead, dead:*, paused, approved, optout.
"""

import re

import msgspec
from redis.asyncio import Redis

from shared.holds import Held, load_held_message
from shared.keys import ARQ_IN_PROGRESS, Keys, Stage, conversation_id
from shared.outbox import PartState, load_part_state
from shared.phone import RCS
from shared.records import (
    DeadLetter,
    Part,
    Pause,
    Reply,
    decode_dead_letter,
    decode_inbound_text,
    decode_part,
    decode_pause,
    decode_reply,
)
from shared.redis_client import load_hash, load_list
from shared.setbacks import Setback, setbacks_in

AT_ONCE = 200
"""Dead letters that are read in one round trip."""

MOST_PARTS = 200
"""Parts of one reply that are looked for."""

OUR_ID = re.compile(r"(([a-z2-7]{16})-[A-Za-z0-9_-]+)(?:\.(\d{1,6}))?")


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a lane, and how the lane stands."""

    stage: Stage
    position: int
    """0: the head."""
    length: int
    running: bool
    """A worker holds the lane's current turn."""
    failures: int
    """How often that turn has failed so far."""
    due_ms: int | None
    """When the turn is to run (of a running one: the end of its lease); None: no job until the sweeper gives it one."""
    last: Setback | None = None
    """Why that turn failed or was put off last; None: it did not, or only for a moment."""


class PartTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One part: what its journal says, and its place in the outbound lane if it is still there."""

    part_id: str
    state: PartState | None
    """None: it was never tried."""
    wait: Wait | None = None
    created_ms: int | None = None
    """When its reply was written."""
    received_ms: int | None = None
    """When the text that it answers came in."""


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one id; what is not known is None or empty."""

    id: str
    account_id: str | None
    conversation: str | None
    peer: str | None
    """The person's number or other sender id, unmasked."""
    verdict: str | None = None
    """What admission decided about an inbound text."""
    received_ms: int | None = None
    """When that text came in, while it waits for the agent."""
    text_wait: Wait | None = None
    reply_id: str | None = None
    reply_wait: Wait | None = None
    parts: tuple[PartTrace, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    held: Held | None = None
    """It waits for its time."""
    canceled_ms: int | None = None
    """When it was taken back."""
    pause: Pause | None = None
    opted_out: bool = False


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One lane with what waits in it; the other fields are those of `Wait`."""

    stage: Stage
    records: list[bytes]
    running: bool
    failures: int
    due_ms: int | None
    last: Setback | None

    def wait(self, position: int) -> Wait:
        """The place of the record at `position`."""
        return Wait(
            stage=self.stage,
            position=position,
            length=len(self.records),
            running=self.running,
            failures=self.failures,
            due_ms=self.due_ms,
            last=self.last,
        )


async def load_ours(redis: Redis, keys: Keys, sought: str, our_id: str) -> Trace | None:
    """All that is known about a reply or a part of ours, reported under the id `sought`; None if that is nothing."""
    match = OUR_ID.fullmatch(our_id)
    if match is None:
        return None
    reply_id, conversation, index = match.groups()
    formatting = await load_lane(redis, keys, Stage.FORMAT, conversation)
    replies = [decode_reply(record) for record in formatting.records]
    outbound = await load_lane(redis, keys, Stage.OUTBOUND, conversation)
    waiting = [decode_part(record) for record in outbound.records]
    places = {
        part.part_id: (part, outbound.wait(place)) for place, part in enumerate(waiting) if part.reply_id == reply_id
    }
    parts = await _load_parts(redis, keys, reply_id, None if index is None else int(index), places)
    letters = await load_letters(redis, keys, {our_id, reply_id})
    place = next((i for i, reply in enumerate(replies) if reply.reply_id == reply_id), None)
    held = await load_held_message(redis, keys, reply_id)
    record = await load_hash(redis, keys.message(reply_id))
    canceled_ms = int(record[b"canceled_ms"]) if b"canceled_ms" in record else None
    if place is None and not parts and not letters and held is None and not record:
        return None
    records: list[Reply | Part | DeadLetter] = [*([replies[place]] if place is not None else []), *letters]
    records += [part for part in waiting if part.reply_id == reply_id]
    trace = Trace(
        id=sought,
        account_id=records[0].account_id if records else await _account_of(redis, keys, held, record, parts),
        conversation=conversation,
        peer=next((each.to for each in (*records, held) if isinstance(each, (Reply, Part, Held))), None),
        reply_id=reply_id,
        reply_wait=None if place is None else formatting.wait(place),
        parts=parts,
        held=held,
        canceled_ms=canceled_ms,
    )
    return await complete(redis, keys, trace, conversation, letters)


async def load_lane(redis: Redis, keys: Keys, stage: Stage, conversation: str) -> Lane:
    """The lane of one conversation at one stage; an idle one has no records."""
    lane = keys.lane(stage, conversation)
    records = await load_list(redis, lane.list, 0, -1)
    state = await load_hash(redis, lane.state)
    job = f"{lane.list}:{state.get(stage.value.encode(), b'').decode()}"
    due = await redis.zscore(lane.queue, job)
    return Lane(
        stage=stage,
        records=records,
        running=bool(await redis.exists(ARQ_IN_PROGRESS + job)),
        failures=int(state.get(f"{stage.value}:failures".encode(), b"0")),
        due_ms=None if due is None else int(due),
        last=next(iter(setbacks_in(state.get(f"{stage.value}:last".encode()))), None),
    )


async def _load_parts(
    redis: Redis, keys: Keys, reply_id: str, index: int | None, places: dict[str, tuple[Part, Wait]]
) -> tuple[PartTrace, ...]:
    """One part, or with `index` None all of the reply that have a journal or wait."""
    found: list[PartTrace] = []
    for each in range(MOST_PARTS) if index is None else (index,):
        part_id = f"{reply_id}.{each}"
        state = await load_part_state(redis, keys, part_id)
        if state is None and part_id not in places:
            break
        part, wait = places.get(part_id, (None, None))
        known = part or state
        found.append(
            PartTrace(
                part_id=part_id,
                state=state,
                wait=wait,
                created_ms=known.created_ms if known else None,
                received_ms=known.received_ms if known else None,
            )
        )
    return tuple(found)


async def _account_of(
    redis: Redis, keys: Keys, held: Held | None, record: dict[bytes, bytes], parts: tuple[PartTrace, ...]
) -> str | None:
    if held is not None:
        return held.account_id
    stored = record if b"account" in record or not parts else await load_hash(redis, keys.part(parts[0].part_id))
    account = stored.get(b"account")
    return None if account is None else account.decode()


async def complete(redis: Redis, keys: Keys, trace: Trace, conversation: str, letters: tuple[DeadLetter, ...]) -> Trace:
    """The trace with what holds for the whole account and person."""
    trace = msgspec.structs.replace(trace, conversation=conversation, letters=letters)
    account_id = trace.account_id
    if account_id is None:
        return trace
    pause = await redis.get(keys.paused(account_id))
    out = await _person_in(redis, keys.opted_out(account_id), account_id, conversation)
    peer = trace.peer or out or await _person_in(redis, keys.approved(account_id), account_id, conversation)
    decoded = None if pause is None else decode_pause(pause)
    return msgspec.structs.replace(trace, pause=decoded, opted_out=out is not None, peer=peer)


async def _person_in(redis: Redis, key: str, account_id: str, conversation: str) -> str | None:
    """Whom of this hash the conversation is with: a conversation's id holds no number, but numbers lead to it."""
    people = [person.decode() for person in await load_hash(redis, key)]
    names = (name for person in people for name in (person, f"{RCS}{person}"))
    return next((name for name in names if conversation_id(account_id, name) == conversation), None)


async def load_letters(redis: Redis, keys: Keys, sought: set[str]) -> tuple[DeadLetter, ...]:
    """The dead letters that hold one of these ids, the newest first."""
    ids = [raw.decode() for raw in await redis.zrevrange(keys.dead, 0, -1)]
    found: list[DeadLetter] = []
    for start in range(0, len(ids), AT_ONCE):
        for raw in await redis.mget([keys.dead_letter(each) for each in ids[start : start + AT_ONCE]]):
            letter = decode_dead_letter(raw) if raw is not None else None
            if letter is not None and sought & _ids_in(letter):
                found.append(letter)
    return tuple(found)


def _ids_in(letter: DeadLetter) -> set[str]:
    if letter.stage == Stage.AGENT:
        return {decode_inbound_text(record).message_sid for record in letter.records}
    if letter.stage == Stage.FORMAT:
        replies = [decode_reply(record) for record in letter.records]
        return {each for reply in replies for each in (reply.reply_id, reply.in_reply_to or "")}
    parts = [decode_part(record) for record in letter.records]
    return {each for part in parts for each in (part.part_id, part.reply_id)}
