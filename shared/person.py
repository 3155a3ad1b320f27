"""One person's data in one account: all that Redis holds of it, and forgetting it.

What stays: whether they opted out, and how that came about; and for up to seven days the SIDs of their texts, without
number or words, so that a webhook which Twilio repeats is not taken for a new text. Twilio keeps its own copies.

Redis keys: the conversation, its lanes, holds and jobs, history, approved, pairing:*, part, sid, once, message, turn,
dead, dead:*, hosted, hosted-index; optout and optout-trail are read.
"""

from collections.abc import AsyncIterator, Iterator

import msgspec
from redis.asyncio import Redis

from shared.dead_letters import drop, load_letters
from shared.history import history_of, load_history
from shared.holds import load_held_records
from shared.hosted_files import forget_files
from shared.keys import Keys, Stage, conversation_id
from shared.optout import Change, is_opted_out, load_trail
from shared.outbox import PartState, load_part_state
from shared.phone import person_of
from shared.records import (
    Approval,
    DeadLetter,
    HistoryLine,
    InboundText,
    PairingRequest,
    Part,
    Reply,
    decode_approval,
    decode_inbound_text,
    decode_pairing_request,
    decode_part,
    decode_reply,
)
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call, script

AT_ONCE = 500


class PersonData(msgspec.Struct, frozen=True, kw_only=True):
    """What one account knows of one person."""

    account_id: str
    person: str
    conversation: str
    history: tuple[HistoryLine, ...]
    inbound: tuple[InboundText, ...]
    """Texts that wait for the agent."""
    replies: tuple[Reply, ...]
    """Replies that wait to be cut into parts, or for their time."""
    parts: tuple[Part, ...]
    """Parts that wait to be sent, or for the end of quiet hours."""
    states: tuple[PartState, ...]
    """What became of the parts of the last 30 days; their words are not kept."""
    letters: tuple[DeadLetter, ...]
    approval: Approval | None
    request: PairingRequest | None
    opted_out: bool
    opt_outs: tuple[Change, ...]
    """How that came about. Both stand with the phone only, not with the same one over RCS."""

    @property
    def is_empty(self) -> bool:
        """Nothing is known but perhaps an opt-out."""
        held = (self.history, self.inbound, self.replies, self.parts, self.states, self.letters)
        return not any(held) and self.approval is None and self.request is None


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was forgotten."""

    waiting: int
    """Texts, replies and parts that waited, for their time too."""
    history: int
    letters: int
    keys: int
    """Further keys: states of parts, files that wait to be fetched, and the like."""
    approved: bool
    """They were let in by the owner, and are strangers now."""


async def load_person(redis: Redis, keys: Keys, account_id: str, person: str) -> PersonData:
    """All that is known. Looks at every key once to find the parts: for an operator, not for a request."""
    conversation = conversation_id(account_id, person)
    (stored,) = await execute(redis, [load_history(keys=keys, conversation=conversation)])
    if isinstance(stored, Exception):
        raise stored
    inbound = await load_list(redis, keys.lane(Stage.AGENT, conversation).list, 0, -1)
    replies, parts = await _load_waiting(redis, keys, conversation)
    part_ids = [key.removeprefix(keys.part("")) async for key in _keys_of(redis, keys.part(f"{conversation}-"))]
    states = [await load_part_state(redis, keys, part_id) for part_id in sorted(part_ids)]
    approval = await redis.hget(keys.approved(account_id), person)  # type: ignore[misc]
    code = await redis.get(keys.pairing_sender(conversation))
    request = await redis.get(keys.pairing_code(code.decode())) if code else None
    itself = person_of(person) == person
    return PersonData(
        account_id=account_id,
        person=person,
        conversation=conversation,
        history=history_of(stored).lines,
        inbound=tuple(decode_inbound_text(record) for record in inbound),
        replies=replies,
        parts=parts,
        states=tuple(state for state in states if state is not None),
        letters=tuple(await _letters_of(redis, keys, conversation)),
        approval=decode_approval(approval) if approval else None,
        request=decode_pairing_request(request) if request else None,
        opted_out=itself and await is_opted_out(redis, keys, account_id, person),
        opt_outs=tuple(await load_trail(redis, keys, account_id, person)) if itself else (),
    )


async def erase_person(redis: Redis, keys: Keys, account_id: str, person: str) -> Erased:
    """Forget the person. May be run again, and finishes what a broken connection left.

    For that, files go before the records that name them: nothing else leads to a file. A text that is sent between
    the two may fail for lack of its file. Out of reach is the file of a turn in the middle: no record names it yet.
    """
    conversation = conversation_id(account_id, person)
    files = await _forget_files(redis, keys, conversation)
    (reply,) = await execute(redis, [_erase(keys, account_id, person, conversation)])
    if isinstance(reply, Exception):
        raise reply
    waiting, lines, approved = reply
    letters = await _letters_of(redis, keys, conversation)
    # Once more: a part may have been buried between the look at it and the end of its lane.
    files += await forget_files(redis, keys, [url for letter in letters for url in _media_of(letter)])
    drops = [drop(keys=keys, letter_id=letter.letter_id) for letter in letters]
    for dropped in await execute(redis, drops) if drops else ():
        if isinstance(dropped, Exception):
            raise dropped
    return Erased(
        waiting=waiting,
        history=lines,
        letters=len(letters),
        keys=await _delete_rest(redis, keys, conversation) + files,
        approved=approved == 1,
    )


def _erase(keys: Keys, account_id: str, person: str, conversation: str) -> Call:
    lanes = [keys.lane(stage, conversation).as_tuple() for stage in Stage]
    return Call(
        script("erase"),
        (
            *(key for lane in lanes for key in lane),
            keys.history(conversation),
            keys.approved(account_id),
            keys.pairing_sender(conversation),
            keys.pairing_pending(account_id),
            *keys.hold(Stage.FORMAT, conversation).as_tuple(),
            *keys.hold(Stage.OUTBOUND, conversation).as_tuple(),
        ),
        (*(word for stage in Stage for word in (stage.value, "")), person, keys.pairing_code("")),
    )


async def _load_waiting(redis: Redis, keys: Keys, conversation: str) -> tuple[tuple[Reply, ...], tuple[Part, ...]]:
    """What waits to go out, in its lane or for its time."""
    replies = await _load_records(redis, keys, Stage.FORMAT, conversation)
    parts = await _load_records(redis, keys, Stage.OUTBOUND, conversation)
    return tuple(decode_reply(record) for record in replies), tuple(decode_part(record) for record in parts)


async def _load_records(redis: Redis, keys: Keys, stage: Stage, conversation: str) -> list[bytes]:
    lane = await load_list(redis, keys.lane(stage, conversation).list, 0, -1)
    return [*lane, *await load_held_records(redis, keys, stage, conversation)]


async def _forget_files(redis: Redis, keys: Keys, conversation: str) -> int:
    """Delete the files that its records name, until a look finds no new ones; how many were there."""
    forgotten, seen = 0, set[str]()
    while new := await _load_media(redis, keys, conversation) - seen:
        forgotten += await forget_files(redis, keys, new)
        seen |= new
    return forgotten


async def _load_media(redis: Redis, keys: Keys, conversation: str) -> set[str]:
    """The URLs that its replies, parts and letters name, in the order in which a record moves on."""
    replies, parts = await _load_waiting(redis, keys, conversation)
    letters = await _letters_of(redis, keys, conversation)
    named = [reply.media for reply in replies] + [part.media for part in parts]
    return {url for media in named for url in media}.union(*(_media_of(letter) for letter in letters))


def _media_of(letter: DeadLetter) -> Iterator[str]:
    """What a letter names that we may host."""
    for record in letter.records:
        if letter.stage == Stage.FORMAT:
            yield from decode_reply(record).media
        elif letter.stage == Stage.OUTBOUND:
            yield from decode_part(record).media


async def _letters_of(redis: Redis, keys: Keys, conversation: str) -> list[DeadLetter]:
    return [kept.letter async for kept in load_letters(redis, keys) if kept.letter.conversation == conversation]


async def _delete_rest(redis: Redis, keys: Keys, conversation: str) -> int:
    """Everything else whose name begins with the conversation, and what its parts lead to; how many keys."""
    deleted = 0
    start_of = f"{conversation}-"
    for start in (keys.part(start_of), keys.once(start_of), keys.message(start_of), keys.turn(start_of)):
        async for key in _keys_of(redis, start):
            sid = await redis.hget(key, "sid") if start == keys.part(f"{conversation}-") else None  # type: ignore[misc]
            deleted += await redis.delete(key, *([keys.sid(sid.decode())] if sid else []))
    return deleted + int(await redis.delete(keys.sender_rate(conversation), keys.sender_day(conversation)))


async def _keys_of(redis: Redis, start: str) -> AsyncIterator[str]:
    """The keys that begin like this, each once."""
    seen: set[str] = set()
    async for key in redis.scan_iter(match=f"{start}*", count=AT_ONCE):
        name = key.decode()
        if name not in seen:
            seen.add(name)
            yield name
