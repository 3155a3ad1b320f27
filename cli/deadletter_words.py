"""How dead letters are shown, for people and for programs. Pure.

Numbers are masked and words left out, unless `reveal` is set; causes are always masked, since they quote numbers.
"""

import time
from collections.abc import Iterator
from typing import Any

from cli.channels_words import duration, iso, iso_or_none, mask_numbers, plural, times
from cli.deadletter_story import Held, Outcome, Story, peer_of
from cli.setback_words import setback_as_json, setback_line
from shared.keys import Stage
from shared.outbox import PartState
from shared.phone import mask
from shared.records import DeadLetter
from shared.twilio_codes import CODES

_OUTCOMES = {
    Outcome.SENT: "sent all the same; a retry does not send it again",
    Outcome.NOT_SENT: "not sent",
    Outcome.UNKNOWN: "not known whether it was sent; a retry looks for it at Twilio first",
}
_HOLDS = {Stage.AGENT: "text", Stage.FORMAT: "reply", Stage.OUTBOUND: "part"}
_RETRY = {
    Stage.AGENT: "asks the agent again",
    Stage.FORMAT: "formats and sends the reply",
    Stage.OUTBOUND: "sends what is left of the reply, after whatever waits for this person by then",
}


def summary_as_json(letter: DeadLetter) -> dict[str, Any]:
    """One line of the list."""
    peer = peer_of(letter)
    return {
        "id": letter.letter_id,
        "stage": letter.stage,
        "account": letter.account_id,
        "conversation": letter.conversation,
        "peer": mask(peer) if peer else None,
        "code": letter.code,
        "message": mask_numbers(letter.message),
        "hint": mask_numbers(letter.hint) or None,
        "attempts": letter.attempts,
        "records": len(letter.records),
        "buriedAt": iso(letter.buried_ms),
    }


def story_as_json(story: Story, *, reveal: bool) -> dict[str, Any]:
    """The documented shape; see docs/cli.md."""
    letter = story.letter
    return {
        "id": letter.letter_id,
        "stage": letter.stage,
        "account": letter.account_id,
        "conversation": letter.conversation,
        "peer": _shown(story.peer, reveal=reveal),
        "code": letter.code,
        "meaning": meaning_of(letter.code),
        "message": mask_numbers(letter.message),
        "hint": mask_numbers(letter.hint) or None,
        "attempts": letter.attempts,
        "failures": story.failures,
        "history": [setback_as_json(setback) for setback in story.history],
        "buriedAt": iso(letter.buried_ms),
        "records": [_held_as_json(held, reveal=reveal) for held in story.held],
        "sentBefore": [_part_as_json(state) for state in story.sent_before],
    }


def describe(story: Story, *, reveal: bool) -> Iterator[str]:
    """Lines for people: what and why, what went out, what is held, what to do."""
    letter = story.letter
    peer = _shown(story.peer, reveal=reveal) or "somebody unknown"
    yield f"{letter.letter_id}: account {letter.account_id}, {peer}"
    yield f"  given up {iso(letter.buried_ms)} at the {letter.stage} stage"
    yield f"  {_efforts(letter.attempts, story.failures)}"
    for setback in story.history:
        yield f"  failed {setback_line(setback)}"
    yield f"  code {letter.code}: {mask_numbers(letter.message)}"
    if letter.hint:
        yield f"  hint: {mask_numbers(letter.hint)}"
    kind = _HOLDS.get(Stage(letter.stage), "record") if letter.stage in set(Stage) else "record"
    before = "the apology" if letter.stage == Stage.AGENT else "before it"
    for state in story.sent_before:
        yield f"  {before}: {state.part_id}, {_delivery(state)}"
    for held in story.held:
        yield f"  {kind} {held.id}: {_held_words(held)}"
        if reveal:
            yield from (f"    | {line}" for text in held.texts for line in text.splitlines())
    if letter.stage in set(Stage):
        yield f"next: once the cause is gone, `textgate deadletter retry {letter.letter_id}`"
        yield f"      {_RETRY[Stage(letter.stage)]}"


def meaning_of(code: str) -> str | None:
    """What Twilio's code means; None for a cause of ours, which says it itself."""
    number = code.removeprefix("twilio-")
    info = CODES.get(int(number)) if number.isascii() and number.isdigit() else None
    return info.meaning if info else None


def age(letter: DeadLetter) -> str:
    """How long ago it was given up."""
    return duration(time.time_ns() // 1_000_000 - letter.buried_ms)


def _efforts(attempts: int, failures: int | None) -> str:
    taken_up = f"taken up {times(attempts)}"
    return f"{taken_up}, failed {times(failures)}" if failures else taken_up


def _shown(peer: str | None, *, reveal: bool) -> str | None:
    return peer if reveal or peer is None else mask(peer)


def _held_as_json(held: Held, *, reveal: bool) -> dict[str, Any]:
    state = held.state
    return {
        "id": held.id,
        "createdAt": iso(held.created_ms),
        "texts": list(held.texts) if reveal else None,
        "characters": sum(map(len, held.texts)),
        "segments": held.segments,
        "outcome": held.outcome.value if held.outcome else None,
        "sid": state.sid if state else None,
        "status": state.status.value if state and state.status else None,
        "errorCode": state.error_code if state else None,
        "journaledAt": iso_or_none(state.journaled_ms) if state else None,
    }


def _part_as_json(state: PartState) -> dict[str, Any]:
    return {
        "id": state.part_id,
        "state": state.state,
        "sid": state.sid,
        "status": state.status.value if state.status else None,
        "errorCode": state.error_code,
        "acceptedAt": iso_or_none(state.accepted_ms),
        "statusAt": iso_or_none(state.status_ms),
    }


def _held_words(held: Held) -> str:
    segments = f", {plural(held.segments, 'segment')}" if held.segments else ""
    size = f"{plural(sum(map(len, held.texts)), 'character')}{segments}"
    return size if held.outcome is None else f"{size}, {_OUTCOMES[held.outcome]}"


def _delivery(state: PartState) -> str:
    if state.status is None:
        return state.state
    code = f", code {state.error_code}" if state.error_code else ""
    return f"{state.status.value}{code}, sid {state.sid}"
