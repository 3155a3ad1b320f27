"""From an id that a person pastes to what is known about it: Twilio's SIDs, inbound and outbound, and ids of ours.

An outbound SID leads to its part by a key, an inbound SID to its verdict, its conversation and its answer.

Redis keys: sid, seen, answer; those of `shared/trace.py`.
"""

from collections.abc import Sequence

import msgspec
from redis.asyncio import Redis

from shared.admission import Verdict
from shared.keys import Keys, Stage
from shared.records import (
    DeadLetter,
    decode_inbound_text,
    decode_reply,
)
from shared.trace import OUR_ID, Trace, complete, load_lane, load_letters, load_ours


async def load_trace(redis: Redis, keys: Keys, sought: str, account_ids: Sequence[str]) -> Trace | None:
    """All that is known about an id; None if that is nothing. `account_ids`: where an inbound text may have arrived."""
    carried = await redis.get(keys.sid(sought))
    if carried is not None:
        return await load_ours(redis, keys, sought, carried.decode())
    if OUR_ID.fullmatch(sought):
        return await load_ours(redis, keys, sought, sought)
    return await _trace_text(redis, keys, sought, account_ids)


async def _trace_text(redis: Redis, keys: Keys, sid: str, account_ids: Sequence[str]) -> Trace | None:
    letters = await load_letters(redis, keys, {sid})
    account_id, verdict, conversation, reply_id = await _load_notes(redis, keys, sid, account_ids)
    if conversation is None:
        if not letters:
            return None
        account_id, conversation = letters[0].account_id, letters[0].conversation
    trace = Trace(id=sid, account_id=account_id, conversation=conversation, peer=None, verdict=verdict)
    lane = await load_lane(redis, keys, Stage.AGENT, conversation)
    texts = [decode_inbound_text(record) for record in lane.records]
    for position, text in enumerate(texts):
        if text.message_sid == sid:
            trace = msgspec.structs.replace(
                trace, peer=text.sender, received_ms=text.received_ms, text_wait=lane.wait(position)
            )
            return await complete(redis, keys, trace, conversation, letters)
    if verdict == Verdict.PAIRING_REQUESTED:
        reply_id = f"{conversation}-pairing-{sid}"
    answer = await load_ours(redis, keys, sid, reply_id or _reply_id_of(letters) or "")
    if answer is None:
        return await complete(redis, keys, trace, conversation, letters)
    return msgspec.structs.replace(answer, verdict=trace.verdict, letters=letters or answer.letters)


async def _load_notes(
    redis: Redis, keys: Keys, sid: str, account_ids: Sequence[str]
) -> tuple[str | None, str | None, str | None, str | None]:
    """Account, verdict, conversation and id of the answer, as far as they are known."""
    if not account_ids:
        return None, None, None, None
    noted = await redis.mget([key for each in account_ids for key in (keys.seen(each, sid), keys.answer(each, sid))])
    for each, seen, answer in zip(account_ids, noted[::2], noted[1::2], strict=True):
        if seen is not None:
            verdict, _, conversation = seen.decode().partition(" ")
            return each, verdict, conversation, answer.decode() if answer else None
    return None, None, None, None


def _reply_id_of(letters: tuple[DeadLetter, ...]) -> str | None:
    """What was (or would have been) the answer: a given-up turn may have an apology of the same id."""
    if not letters:
        return None
    newest = letters[0]
    if newest.stage == Stage.FORMAT:
        return decode_reply(newest.records[0]).reply_id
    return f"{newest.conversation}-{newest.turn}"
