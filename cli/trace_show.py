"""How `message trace` shows what it found, for people and programs. Pure; numbers are masked, bodies never shown."""

from collections.abc import Iterator
from typing import Any

from cli.channels_status import pause_as_json
from cli.channels_words import iso, iso_or_none, mask_numbers, plural
from cli.setback_words import setback_as_json, setback_line
from cli.trace_times import steps_as_json, steps_line, steps_of
from cli.trace_words import Explanation, describe_code
from shared.outbox import PartState
from shared.phone import mask
from shared.records import DeadLetter
from shared.trace import PartTrace, Trace, Wait
from shared.twilio_codes import CODES


def as_json(trace: Trace, explanation: Explanation, *, now_ms: int) -> dict[str, Any]:
    """The documented shape; see docs/cli.md."""
    inbound = trace.verdict is not None or trace.text_wait is not None
    return {
        "id": trace.id,
        "state": explanation.state.value,
        "summary": explanation.summary,
        "next": explanation.next_step or None,
        "account": trace.account_id,
        "conversation": trace.conversation,
        "peer": mask(trace.peer) if trace.peer else None,
        "inbound": _inbound(trace, now_ms) if inbound else None,
        "reply": {"id": trace.reply_id, "waiting": _wait(trace.reply_wait, now_ms)} if trace.reply_id else None,
        "scheduledAt": iso(trace.held.due_ms) if trace.held else None,
        "canceledAt": iso_or_none(trace.canceled_ms),
        "parts": [_part(part, now_ms) for part in trace.parts],
        "deadLetters": [_letter(letter) for letter in trace.letters],
        "paused": pause_as_json(trace.pause) if trace.pause else None,
        "optedOut": trace.opted_out,
    }


def describe(trace: Trace, explanation: Explanation) -> Iterator[str]:
    """Lines for people: the facts, then where it is, then what to do."""
    peer = f" with {mask(trace.peer)}" if trace.peer else ""
    yield f"{trace.id}: account {trace.account_id or 'unknown'}, conversation {trace.conversation or 'unknown'}{peer}"
    if trace.verdict is not None:
        yield f"  inbound text: {trace.verdict}"
    for wait in (trace.text_wait, trace.reply_wait):
        if wait is not None:
            yield from _wait_lines(f"  in the {wait.stage.value} lane: {_place(wait)}", wait)
    yield from _times(trace)
    for part in trace.parts:
        yield from _part_lines(part)
    for letter in trace.letters:
        yield f"  dead letter {letter.letter_id}, buried {iso(letter.buried_ms)}: {letter.code}"
    if trace.pause:
        yield f"  account paused since {iso(trace.pause.since_ms)}: {trace.pause.code}"
    if trace.opted_out:
        yield "  the person has opted out (STOP)"
    yield f"{explanation.state.value}: {explanation.summary}"
    if explanation.next_step:
        yield f"next: {explanation.next_step}"


def _times(trace: Trace) -> Iterator[str]:
    if trace.held is not None:
        yield f"  held until {iso(trace.held.due_ms)}"
    if trace.canceled_ms is not None:
        yield f"  canceled {iso(trace.canceled_ms)}"


def _part_lines(part: PartTrace) -> Iterator[str]:
    line = f"  part {part.part_id}: {_part_words(part)}"
    yield from [line] if part.wait is None else _wait_lines(line, part.wait)
    times = steps_line(steps_of(part))
    if times:
        yield f"    {times}"


def _wait_lines(line: str, wait: Wait) -> Iterator[str]:
    yield line
    if wait.due_ms is not None and not wait.running:
        yield f"    due {iso(wait.due_ms)}"
    if wait.last is not None:
        yield f"    last reason: {setback_line(wait.last)}"


def _inbound(trace: Trace, now_ms: int) -> dict[str, Any]:
    return {
        "verdict": trace.verdict,
        "receivedAt": iso_or_none(trace.received_ms),
        "waiting": _wait(trace.text_wait, now_ms),
    }


def _place(wait: Wait) -> str:
    failed = f", {plural(wait.failures, 'failure')}" if wait.failures else ""
    return f"{wait.position + 1} of {wait.length}, {'a turn is running' if wait.running else 'waiting'}{failed}"


def _part_words(part: PartTrace) -> str:
    said = [f"in the outbound lane, {_place(part.wait)}"] if part.wait else []
    state = part.state
    if state is None:
        return ", ".join([*said, "never tried"])
    said.append(state.state)
    said += [f"sid {state.sid}"] if state.sid else []
    said += [f"status {state.status.value}"] if state.status else []
    said += [f"code {describe_code(state.error_code)}"] if state.error_code else []
    said += [f"without its media ({state.media_refused})"] if state.media_refused else []
    newest = max(filter(None, (state.journaled_ms, state.accepted_ms, state.status_ms)), default=None)
    return ", ".join([*said, *([f"last change {iso(newest)}"] if newest else [])])


def _part(part: PartTrace, now_ms: int) -> dict[str, Any]:
    state = part.state or PartState(part_id=part.part_id, state="untried")
    info = CODES.get(state.error_code or 0)
    return {
        "id": part.part_id,
        "state": state.state,
        "sid": state.sid,
        "status": state.status.value if state.status else None,
        "errorCode": state.error_code,
        "errorMeaning": info.meaning if info else None,
        "errorHint": (info.hint or None) if info else None,
        "mediaRefused": state.media_refused,
        "journaledAt": iso_or_none(state.journaled_ms),
        "acceptedAt": iso_or_none(state.accepted_ms),
        "statusAt": iso_or_none(state.status_ms),
        "times": steps_as_json(steps_of(part)),
        "waiting": _wait(part.wait, now_ms),
    }


def _wait(wait: Wait | None, now_ms: int) -> dict[str, Any] | None:
    if wait is None:
        return None
    return {
        "stage": wait.stage.value,
        "position": wait.position,
        "length": wait.length,
        "running": wait.running,
        "failures": wait.failures,
        "lastReason": setback_as_json(wait.last) if wait.last else None,
        "dueAt": None if wait.running else iso_or_none(wait.due_ms),
        "dueInSeconds": None if wait.due_ms is None or wait.running else round((wait.due_ms - now_ms) / 1000, 1),
    }


def _letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.letter_id,
        "stage": letter.stage,
        "code": letter.code,
        "message": mask_numbers(letter.message),
        "hint": mask_numbers(letter.hint) or None,
        "attempts": letter.attempts,
        "buriedAt": iso(letter.buried_ms),
    }
