"""Dead letters: work that was given up, kept whole with its cause until an operator retries or drops it.

The states, and what a crash leaves: `lua/bury.lua` and `lua/retry_letter.lua`. They never expire by
themselves; what the retention may drop is decided in `workers/retention.py`.

Redis keys: dead, dead:<id>, dead:<id>:notes, dead:expired, the lane it came from, the format lane for the apology,
answer, its parts.
"""

from collections.abc import AsyncIterator

import msgspec
from redis.asyncio import Redis

from shared.keys import SEEN_TTL_MS, Keys, Stage
from shared.outbox import PART_TTL_MS
from shared.queue import lane_payload
from shared.records import DeadLetter, Reply, decode_dead_letter, decode_inbound_text, decode_part, encode
from shared.redis_client import load_hash
from shared.round_trip import execute
from shared.scripts import Call, script
from shared.setbacks import Setback, setbacks_in

AT_ONCE = 200
"""Letters that are read in one round trip."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter as it lies in Redis; `raw` fences its retry."""

    letter: DeadLetter
    raw: bytes


class Notes(msgspec.Struct, frozen=True, kw_only=True):
    """What was noted beside a letter when it was buried."""

    failures: int | None
    """How often its last turn had failed; None: buried by a version that did not note it."""
    story: tuple[Setback, ...] = ()
    """The latest of those failures, the oldest first."""
    may_be_sent: frozenset[str]
    """Parts whose outcome was not known, or that Twilio had."""
    seen_ms: int | None = None
    """When somebody first looked at the letter."""


def bury(
    *, keys: Keys, stage: Stage, letter: DeadLetter, apology: Reply | None = None, part_ids: tuple[str, ...] = ()
) -> Call:
    """Take the letter's records from the head of their lane and keep them as a dead letter.

    An `apology` for texts of a person is noted as their answer. The reply is 1, or 0 if the letter's turn is no longer
    current (nothing was done).
    """
    return Call(
        script("bury"),
        (
            *keys.lane(stage, letter.conversation).as_tuple(),
            keys.dead,
            keys.dead_letter(letter.letter_id),
            keys.dead_notes(letter.letter_id),
            *keys.lane(Stage.FORMAT, letter.conversation).as_tuple(),
            *(keys.part(part_id) for part_id in part_ids),
            *_answer_keys(keys, stage, letter, apology),
        ),
        (
            stage.value,
            lane_payload(stage.value),
            Stage.FORMAT.value,
            lane_payload(Stage.FORMAT.value),
            letter.turn,
            len(letter.records),
            letter.letter_id,
            encode(letter),
            encode(apology) if apology is not None else b"",
            apology.reply_id if apology is not None else "",
            SEEN_TTL_MS,
            *part_ids,
        ),
    )


def _answer_keys(keys: Keys, stage: Stage, letter: DeadLetter, apology: Reply | None) -> tuple[str, ...]:
    if stage is not Stage.AGENT or apology is None:
        return ()
    texts = (decode_inbound_text(record) for record in letter.records)
    return tuple(keys.answer(text.account_id, text.message_sid) for text in texts)


def retry(*, keys: Keys, kept: Kept) -> Call:
    """Put the letter's records back at the end of their lane, as one block with the same ids.

    The reply is 1, or 0 if somebody has retried or dropped the letter meanwhile. Raises ValueError for a stage that
    this version does not know.
    """
    letter = kept.letter
    stage = Stage(letter.stage)
    part_ids = tuple(decode_part(record).part_id for record in letter.records) if stage is Stage.OUTBOUND else ()
    return Call(
        script("retry_letter"),
        (
            *keys.lane(stage, letter.conversation).as_tuple(),
            keys.dead,
            keys.dead_letter(letter.letter_id),
            keys.dead_notes(letter.letter_id),
            *(keys.part(part_id) for part_id in part_ids),
        ),
        (
            stage.value,
            lane_payload(stage.value),
            letter.letter_id,
            kept.raw,
            PART_TTL_MS,
            len(letter.records),
            *letter.records,
            *part_ids,
        ),
    )


def drop(*, keys: Keys, letter_id: str, expired: bool = False) -> Call:
    """Forget a letter for good; the reply is 1, or 0 if it was no longer there. `expired`: it was kept long enough, and
    is counted."""
    counter = (keys.dead_expired,) if expired else ()
    return Call(
        script("drop_letter"),
        (keys.dead, keys.dead_letter(letter_id), keys.dead_notes(letter_id), *counter),
        (letter_id,),
    )


async def see(redis: Redis, keys: Keys, letter_ids: list[str]) -> None:
    """Somebody looks at these letters: from now on the retention counts for them."""
    for start in range(0, len(letter_ids), AT_ONCE):
        page = letter_ids[start : start + AT_ONCE]
        pairs = tuple(key for each in page for key in (keys.dead_letter(each), keys.dead_notes(each)))
        (reply,) = await execute(redis, [Call(script("see_letters"), pairs, ())])
        if isinstance(reply, Exception):
            raise reply


async def load_seen(redis: Redis, keys: Keys, letter_ids: list[str]) -> list[int | None]:
    """When each of these was first looked at; None: never."""
    async with redis.pipeline(transaction=False) as pipe:
        for each in letter_ids:
            pipe.hget(keys.dead_notes(each), "seen_ms")
        return [None if raw is None else int(raw) for raw in await pipe.execute()]


async def count_expired(redis: Redis, keys: Keys) -> int:
    """How many the retention has dropped so far."""
    return int(await redis.get(keys.dead_expired) or 0)


async def count_letters(redis: Redis, keys: Keys) -> int:
    """How many there are."""
    return int(await redis.zcard(keys.dead))


async def load_letters(redis: Redis, keys: Keys) -> AsyncIterator[Kept]:
    """All of them, the first buried first: the order in which a retry must put them back."""
    ids = [raw.decode() for raw in await redis.zrange(keys.dead, 0, -1)]
    for start in range(0, len(ids), AT_ONCE):
        for kept in await load_named(redis, keys, ids[start : start + AT_ONCE]):
            if kept is not None:
                yield kept


async def load_named(redis: Redis, keys: Keys, letter_ids: list[str]) -> list[Kept | None]:
    """These letters, at least one; None for one that is not there."""
    found = await redis.mget([keys.dead_letter(each) for each in letter_ids])
    return [None if raw is None else Kept(letter=decode_dead_letter(raw), raw=raw) for raw in found]


async def load_notes(redis: Redis, keys: Keys, letter_id: str) -> Notes:
    """What was noted beside a letter."""
    raw = {field.decode(): value for field, value in (await load_hash(redis, keys.dead_notes(letter_id))).items()}
    failures, seen = raw.pop("failures", None), raw.pop("seen_ms", None)
    story = setbacks_in(raw.pop("story", None))
    return Notes(
        failures=None if failures is None else int(failures),
        story=story,
        may_be_sent=frozenset(part_id for part_id, journaled_ms in raw.items() if journaled_ms),
        seen_ms=None if seen is None else int(seen),
    )
