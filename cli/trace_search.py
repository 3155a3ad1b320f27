"""From an id that a person pastes to what is known about it: Twilio's SIDs, inbound and outbound, and ids of ours.

An outbound SID leads to its part by a key. An inbound SID leads no further than its verdict, so its text is looked for
in every lane that holds work, in the order in which work moves: what moves meanwhile is met later, not missed.

Redis keys: sid, seen, busy, the lanes; those of `shared/trace.py`.
"""

from collections.abc import Sequence

import msgspec
from redis.asyncio import Redis

from shared.keys import Keys, Stage
from shared.records import (
    DeadLetter,
    InboundText,
    Part,
    Reply,
    decode_inbound_text,
    decode_part,
    decode_reply,
)
from shared.trace import OUR_ID, Trace, complete, load_lane, load_letters, load_ours

AT_ONCE = 200
"""Lanes that are read in one round trip."""


async def load_trace(redis: Redis, keys: Keys, sought: str, account_ids: Sequence[str]) -> Trace | None:
    """All that is known about an id; None if that is nothing. `account_ids`: where an inbound text may have arrived."""
    carried = await redis.get(keys.sid(sought))
    if carried is not None:
        return await load_ours(redis, keys, sought, carried.decode())
    if OUR_ID.fullmatch(sought):
        return await load_ours(redis, keys, sought, sought)
    return await _trace_text(redis, keys, sought, account_ids)


async def _trace_text(redis: Redis, keys: Keys, sid: str, account_ids: Sequence[str]) -> Trace | None:
    verdicts = await redis.mget([keys.seen(each, sid) for each in account_ids]) if account_ids else []
    seen = {each: verdict.decode() for each, verdict in zip(account_ids, verdicts, strict=True) if verdict is not None}
    account_id = next(iter(seen), None)
    found = await _find_in_lanes(redis, keys, sid)
    letters = await load_letters(redis, keys, {sid})
    if not seen and found is None and not letters:
        return None
    trace = Trace(id=sid, account_id=account_id, conversation=None, peer=None, verdict=seen.get(account_id or ""))
    if isinstance(found, InboundText):
        lane = await load_lane(redis, keys, Stage.AGENT, found.conversation)
        sids = [decode_inbound_text(record).message_sid for record in lane.records]
        wait = lane.wait(sids.index(sid)) if sid in sids else None
        trace = msgspec.structs.replace(trace, account_id=found.account_id, peer=found.sender, text_wait=wait)
        return await complete(redis, keys, trace, found.conversation, letters)
    reply_id = found.reply_id if found else _reply_id_of(letters)
    if reply_id is None:
        return msgspec.structs.replace(trace, letters=letters)
    answer = await load_ours(redis, keys, sid, reply_id)
    if answer is None:
        trace = msgspec.structs.replace(trace, account_id=letters[0].account_id if letters else account_id)
        return await complete(redis, keys, trace, reply_id.partition("-")[0], letters)
    return msgspec.structs.replace(answer, verdict=trace.verdict, letters=letters or answer.letters)


async def _find_in_lanes(redis: Redis, keys: Keys, sid: str) -> InboundText | Reply | Part | None:
    for stage in Stage:
        own = keys.lane(stage, "").list
        lanes = [key for raw in await redis.zrange(keys.busy, 0, -1) if (key := raw.decode()).startswith(own)]
        for start in range(0, len(lanes), AT_ONCE):
            async with redis.pipeline(transaction=False) as pipe:
                for key in lanes[start : start + AT_ONCE]:
                    pipe.lrange(key, 0, -1)
                lists = await pipe.execute()
            for record in (each for records in lists for each in records if sid.encode() in each):
                found = _about(stage, record, sid)
                if found is not None:
                    return found
    return None


def _about(stage: Stage, record: bytes, sid: str) -> InboundText | Reply | Part | None:
    """The record if it is this text or its answer, not only a text that quotes the SID."""
    if stage is Stage.AGENT:
        text = decode_inbound_text(record)
        return text if text.message_sid == sid else None
    if stage is Stage.FORMAT:
        reply = decode_reply(record)
        return reply if reply.in_reply_to == sid else None
    part = decode_part(record)
    return part if part.reply_id.endswith(f"-{sid}") else None


def _reply_id_of(letters: tuple[DeadLetter, ...]) -> str | None:
    """What was (or would have been) the answer: a given-up turn may have an apology of the same id."""
    if not letters:
        return None
    newest = letters[0]
    if newest.stage == Stage.FORMAT:
        return decode_reply(newest.records[0]).reply_id
    return f"{newest.conversation}-{newest.turn}"
