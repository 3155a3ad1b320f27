"""What a trace means: one word, one sentence, and what to do next. Pure decisions.

The sentences show no phone number; Twilio's messages, which may quote one, are masked.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from cli.channels_words import duration, mask_numbers, times
from cli.setback_words import hint_of
from shared.admission import Verdict
from shared.holds import Held
from shared.keys import Stage
from shared.outbox import FINAL, PartState, Status
from shared.records import DeadLetter
from shared.trace import PartTrace, Trace, Wait
from shared.twilio_codes import CODES


class State(StrEnum):
    """Where a message is."""

    REFUSED = "refused"
    """Decided at the door: it never reached the agent, and was not meant to."""
    SCHEDULED = "scheduled"
    """Held until its time, or until quiet hours end."""
    CANCELED = "canceled"
    """Taken back before its time."""
    WAITING = "waiting"
    """In a lane; it will go on by itself unless the next step says otherwise."""
    RUNNING = "running"
    """A worker is at it."""
    PAUSED = "paused"
    """In a lane of an account for which nothing is sent."""
    IN_DOUBT = "in_doubt"
    """Announced to Twilio, outcome not known yet."""
    SENT = "sent"
    """Twilio has it and has not told the end."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Twilio had it and could not deliver it."""
    DEAD = "dead"
    """Given up; kept among the dead letters."""
    DONE = "done"
    """The agent's turn is over, and no record leads to an answer."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants to know."""

    state: State
    summary: str
    next_step: str = ""


class House(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of the gateway as a whole while the trace is read."""

    now_ms: int
    workers: Mapping[Stage, int]
    """Alive, per stage."""
    enabled: Mapping[str, bool]
    """Per configured account."""


_LET_IN = "see `textgate pairing allowed`; add the sender to allowFrom, or change dmPolicy"
_REFUSED = {
    Verdict.THROTTLED: (
        "over a rate limit, so it caused no turn",
        "raise rateLimits.perSenderPerMinute or perAccountPerMinute if that was no flood",
    ),
    Verdict.DISABLED: ("dropped: the account's dmPolicy is disabled", "change dmPolicy to let anybody in"),
    Verdict.NOT_ALLOWED: ("dropped: the sender is neither in allowFrom nor approved", _LET_IN),
    Verdict.PAIRING_REQUESTED: (
        "the sender was unknown and got a pairing code; the text itself was not kept",
        "`textgate pairing list`, then `textgate pairing approve CODE`, and have them text again",
    ),
    Verdict.PAIRING_PENDING: (
        "the sender already had a pairing code (or was denied within the hour); the text was not kept",
        "`textgate pairing list`, then `textgate pairing approve CODE`, and have them text again",
    ),
    Verdict.PAIRING_FULL: (
        "dropped: as many pairing requests wait as pairingMaxPending allows",
        "decide those in `textgate pairing list`, or raise pairingMaxPending",
    ),
    Verdict.BLOCKED: ("dropped: blockFrom names the sender", "take them out of blockFrom to let them in"),
    Verdict.CAPPED: (
        "over the texts of a day, so it caused no turn; the person was told once",
        "raise rateLimits.perSenderPerDay, or wait for the 24 hours to end",
    ),
    Verdict.LOOPING: (
        "not answered: the sender replies like a machine, so the conversation rests for a while",
        "it goes on by itself; loopGuard.rounds: 0 switches the guard off",
    ),
    Verdict.OPT_OUT: ("a STOP word: nothing is sent to this person until they text START", ""),
    Verdict.OPT_IN: ("a START word: this person may be texted again", ""),
    Verdict.OPTED_OUT: ("dropped: this person texted STOP earlier", "they must text START first"),
    Verdict.HELP: ("a HELP word: Twilio answers it, or Textgate with optOut.reply", ""),
}


def explain(trace: Trace, house: House) -> Explanation:
    """The one thing that decides where the message stands now."""
    if trace.verdict not in (None, Verdict.ACCEPTED):
        summary, next_step = _REFUSED.get(Verdict(trace.verdict), (f"verdict {trace.verdict}", ""))
        return Explanation(state=State.REFUSED, summary=summary, next_step=next_step)
    if trace.letters:
        return _explain_letter(trace.letters[0])
    if trace.canceled_ms is not None:
        return Explanation(state=State.CANCELED, summary="it was taken back before its time")
    if trace.held is not None:
        return _explain_held(trace.held, house.now_ms)
    if trace.text_wait is not None:
        return _explain_wait(trace.text_wait, trace, house)
    waiting = next((part for part in trace.parts if part.wait is not None), None)
    if waiting is not None:
        return _explain_waiting_part(waiting, trace, house)
    if trace.reply_wait is not None:
        return _explain_wait(trace.reply_wait, trace, house)
    if trace.parts:
        return _explain_parts([part.state for part in trace.parts if part.state is not None])
    return Explanation(
        state=State.DONE,
        summary="the agent has had it; whether and how it answered is not recorded under this id",
        next_step="look in the agent worker's log for this message_sid",
    )


def describe_code(code: int) -> str:
    """Twilio's error code, what it means and what to do."""
    info = CODES.get(code)
    if info is None:
        return f"{code}, see Twilio's error dictionary"
    return f"{code}, {info.meaning}" + (f"; {info.hint}" if info.hint else "")


def _explain_letter(letter: DeadLetter) -> Explanation:
    taken_up = f"{letter.stage} stage, taken up {times(letter.attempts)}"
    return Explanation(
        state=State.DEAD,
        summary=f"given up at the {taken_up}: {mask_numbers(letter.message)} ({letter.code})",
        next_step=mask_numbers(letter.hint),
    )


def _explain_held(held: Held, now_ms: int) -> Explanation:
    why = "scheduled" if held.stage is Stage.FORMAT else "held back by quiet hours"
    left = f"in {duration(held.due_ms - now_ms)}" if held.due_ms > now_ms else "any moment now"
    take_back = f"to take it back: `textgate message cancel {held.message_id}`" if held.may_be_canceled else ""
    return Explanation(state=State.SCHEDULED, summary=f"{why}; it goes on {left}", next_step=take_back)


def _explain_waiting_part(part: PartTrace, trace: Trace, house: House) -> Explanation:
    wait = part.wait
    assert wait is not None  # noqa: S101 - the caller chose it by that
    if trace.opted_out:
        summary = "waits, but the recipient has opted out: it will be given up"
        return Explanation(state=State.WAITING, summary=summary, next_step="they must text START first")
    if trace.pause is not None:
        summary = f"the account is paused: {mask_numbers(trace.pause.message)} ({trace.pause.code})"
        return Explanation(state=State.PAUSED, summary=summary, next_step=mask_numbers(trace.pause.hint))
    if part.state is not None and part.state.state == "dispatching" and not wait.running:
        return Explanation(
            state=State.IN_DOUBT,
            summary="announced to Twilio, but the outcome is not known; it is looked for in Twilio's log before "
            "anything is sent again",
            next_step=_next_for_workers(wait, house),
        )
    capped_ms = part.state.capped_until_ms if part.state is not None else None
    if capped_ms is not None and capped_ms > house.now_ms and not wait.running:
        left = duration(capped_ms - house.now_ms)
        return Explanation(
            state=State.WAITING,
            summary=f"the account's segments of the day are used up; the next begins in {left}",
            next_step="raise dailySegmentCap to send it sooner",
        )
    return _explain_wait(wait, trace, house)


def _explain_wait(wait: Wait, trace: Trace, house: House) -> Explanation:
    place = f"{_ordinal(wait.position + 1)} of {wait.length} in the {wait.stage.value} lane"
    failed = f", failed {times(wait.failures)} so far" if wait.failures else ""
    if wait.running:
        if wait.position == 0:
            return Explanation(state=State.RUNNING, summary=f"a worker is at it now ({place}{failed})")
        return Explanation(state=State.WAITING, summary=f"{place}; what came before it is being worked on{failed}")
    if trace.account_id is not None and not house.enabled.get(trace.account_id, False) and wait.stage != Stage.AGENT:
        summary = f"{place}; account {trace.account_id} is switched off or removed, so its work is kept, not done"
        return Explanation(state=State.WAITING, summary=summary, next_step="set enabled to true")
    return Explanation(
        state=State.WAITING,
        summary=f"{place}{failed}{_when(wait, house.now_ms)}{_because(wait, house.now_ms)}",
        next_step=_next_for_workers(wait, house) or (hint_of(wait.last) if wait.last else ""),
    )


def _explain_parts(states: list[PartState]) -> Explanation:
    for state in states:
        if state.state == "dead":
            return Explanation(state=State.DEAD, summary="given up; its dead letter was dropped since")
        if state.status in (Status.FAILED, Status.UNDELIVERED, Status.CANCELED):
            said = f": {describe_code(state.error_code)}" if state.error_code else ""
            return Explanation(state=State.FAILED, summary=f"Twilio says {state.status.value}{said}")
    if states and all(state.status in FINAL for state in states):
        return Explanation(state=State.DELIVERED, summary="Twilio says it was delivered")
    return Explanation(
        state=State.SENT,
        summary="Twilio has it and has not said yet that it was delivered",
        next_step="if this lasts, check that Twilio reaches publicWebhookUrl: `textgate channels status`",
    )


def _when(wait: Wait, now_ms: int) -> str:
    if wait.due_ms is None:
        return "; it has no job and gets one within a minute or so"
    if wait.due_ms > now_ms:
        return f"; put off, next try in {duration(wait.due_ms - now_ms)}"
    return f"; due for {duration(now_ms - wait.due_ms)}"


def _because(wait: Wait, now_ms: int) -> str:
    if wait.last is None:
        return ""
    code = f" ({wait.last.code})" if wait.last.code else ""
    return f"; {duration(now_ms - wait.last.at_ms)} ago: {mask_numbers(wait.last.reason)}{code}"


def _next_for_workers(wait: Wait, house: House) -> str:
    if house.workers.get(wait.stage, 0) > 0:
        return ""
    return f"no {wait.stage.value} worker is alive: start `textgate up`, or `textgate worker {wait.stage.value}`"


def _ordinal(number: int) -> str:
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
