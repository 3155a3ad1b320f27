"""The whole story of one dead letter, read from Redis: what it holds, what is known of its parts, what went out before.

Redis keys: dead:<id>:notes, part. Reads only.
"""

from enum import StrEnum

import msgspec
from redis.asyncio import Redis

from shared.dead_letters import Notes, load_notes
from shared.keys import Keys, Stage
from shared.outbox import PartState, load_part_state
from shared.records import DeadLetter, decode_inbound_text, decode_part, decode_reply
from shared.setbacks import Setback

MOST_APOLOGY_PARTS = 20


class Outcome(StrEnum):
    """Whether Twilio has a part."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    """It was announced and nobody knows; a retry looks for it first."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One record of a letter: a text of the person's, a whole reply, or one part of a reply."""

    id: str
    """MessageSid, reply id or part id."""
    created_ms: int
    texts: tuple[str, ...]
    segments: int | None = None
    outcome: Outcome | None = None
    """None unless it is a part."""
    state: PartState | None = None


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A letter with all that is known about it."""

    letter: DeadLetter
    failures: int | None
    history: tuple[Setback, ...] = ()
    """The latest of those failures, the oldest first."""
    peer: str | None
    """Unmasked."""
    held: tuple[Held, ...]
    sent_before: tuple[PartState, ...]
    """Of an outbound letter: the parts of the same reply before it. Of an agent letter: the parts of the apology."""


async def load_story(redis: Redis, keys: Keys, letter: DeadLetter) -> Story:
    """Everything that is known about the letter."""
    notes = await load_notes(redis, keys, letter.letter_id)
    return Story(
        letter=letter,
        failures=notes.failures,
        history=notes.story,
        peer=peer_of(letter),
        held=tuple([await _load_held(redis, keys, letter, record, notes) for record in letter.records]),
        sent_before=await _load_before(redis, keys, letter),
    )


def peer_of(letter: DeadLetter) -> str | None:
    """Whom it is about; None if the letter is of a stage that this version does not know."""
    if not letter.records:
        return None
    match letter.stage:
        case Stage.AGENT:
            return decode_inbound_text(letter.records[0]).sender
        case Stage.FORMAT:
            return decode_reply(letter.records[0]).to
        case Stage.OUTBOUND:
            return decode_part(letter.records[0]).to
    return None


def outcome_of(part_id: str, state: PartState | None, notes: Notes) -> Outcome:
    """Whether Twilio has a buried part, as far as is known."""
    if state is not None and state.state == "accepted":
        return Outcome.SENT
    if notes.failures is None:  # buried by an older version: any journal entry counts as doubt
        return Outcome.UNKNOWN if state is not None and state.journaled_ms else Outcome.NOT_SENT
    return Outcome.UNKNOWN if part_id in notes.may_be_sent else Outcome.NOT_SENT


async def _load_held(redis: Redis, keys: Keys, letter: DeadLetter, record: bytes, notes: Notes) -> Held:
    match letter.stage:
        case Stage.AGENT:
            text = decode_inbound_text(record)
            return Held(id=text.message_sid, created_ms=text.received_ms, texts=(text.body,))
        case Stage.FORMAT:
            reply = decode_reply(record)
            return Held(id=reply.reply_id, created_ms=reply.created_ms, texts=reply.texts)
        case Stage.OUTBOUND:
            part = decode_part(record)
            state = await load_part_state(redis, keys, part.part_id)
            return Held(
                id=part.part_id,
                created_ms=part.created_ms,
                texts=(part.body,),
                segments=part.segments,
                outcome=outcome_of(part.part_id, state, notes),
                state=state,
            )
    return Held(id="unknown", created_ms=letter.buried_ms, texts=())


async def _load_before(redis: Redis, keys: Keys, letter: DeadLetter) -> tuple[PartState, ...]:
    if not letter.records:
        return ()
    match letter.stage:
        case Stage.OUTBOUND:
            head = decode_part(letter.records[0])
            part_ids = [f"{head.reply_id}.{index}" for index in range(head.index)]
        case Stage.AGENT:
            part_ids = [f"{letter.conversation}-{letter.turn}.{index}" for index in range(MOST_APOLOGY_PARTS)]
        case _:
            return ()
    found: list[PartState] = []
    for part_id in part_ids:
        state = await load_part_state(redis, keys, part_id)
        if state is None and letter.stage == Stage.AGENT:
            break
        found.append(state or PartState(part_id=part_id, state="forgotten"))
    return tuple(found)
