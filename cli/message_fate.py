"""What became of a text that somebody waits for: decided from what Redis knows, which is what Twilio has said. Pure.

Twilio's word counts and nothing else: accepted is not delivered, and silence is no news.
"""

from collections.abc import Iterator
from enum import StrEnum

from ingress.api.stored import StoredMessage
from shared.keys import Stage
from shared.outbox import FINAL_RANK, RANK, PartState, Status
from shared.records import decode_part

ARRIVED = frozenset({Status.DELIVERED, Status.READ})


class Fate(StrEnum):
    """How the wait ends."""

    DELIVERED = "delivered"
    """Twilio says that every part arrived."""
    FAILED = "failed"
    """At least one part did not, or was given up; no part is under way any more."""
    PAUSED = "paused"
    """It waits for somebody to mend and resume the account."""
    EMPTY = "empty"
    """Nothing was left to send."""
    UNKNOWN = "unknown"
    """The time was over first."""


EXIT_STATUS = {Fate.DELIVERED: 0, Fate.FAILED: 1, Fate.PAUSED: 1, Fate.EMPTY: 1, Fate.UNKNOWN: 2}


def decide_fate(stored: StoredMessage) -> Fate | None:
    """How it ended; None while it may still change by itself."""
    if not (stored.states or stored.waiting or stored.letters):
        if not stored.lanes_busy:
            return Fate.EMPTY
        return Fate.PAUSED if stored.paused else None
    states = {state.part_id: state for state in stored.states}
    unsent = [part_id for part_id in stored.waiting if not _at_twilio(states.get(part_id))]
    if unsent:
        return Fate.PAUSED if stored.paused else None
    if any(not is_final(state) for state in stored.states):
        return None
    return Fate.FAILED if has_failed(stored) else Fate.DELIVERED


def has_failed(stored: StoredMessage) -> bool:
    """Whether some of it certainly did not arrive, whatever becomes of the rest."""
    lost = (state.state == "dead" or (is_final(state) and state.status not in ARRIVED) for state in stored.states)
    return bool(stored.letters) or any(lost)


def is_final(state: PartState) -> bool:
    """Whether nothing more is to come for a part that was tried."""
    if state.state == "dead":
        return True
    return state.state == "accepted" and state.status is not None and RANK[state.status] >= FINAL_RANK


def stages_of(stored: StoredMessage) -> Iterator[tuple[str, str]]:
    """Where each part is now, in part order: its id and the words for it. Before it was cut: the id is empty."""
    words = dict.fromkeys(stored.waiting, "waits for its turn")
    words |= dict.fromkeys(_given_up(stored), "given up ✗")
    words |= {state.part_id: _words(state) for state in stored.states}
    if not words and stored.lanes_busy:
        yield "", "waits to be cut into parts"
    yield from sorted(words.items(), key=lambda item: int(item[0].rpartition(".")[2]))


def _at_twilio(state: PartState | None) -> bool:
    return state is not None and state.state == "accepted"


def _given_up(stored: StoredMessage) -> Iterator[str]:
    for letter in stored.letters:
        if letter.stage == Stage.OUTBOUND:
            yield from (decode_part(record).part_id for record in letter.records)


def _words(state: PartState) -> str:
    match state.state:
        case "dispatching":
            return "on its way to Twilio"
        case "accepted":
            return _twilios_words(state)
        case "dead":
            return "given up ✗"
    return "waits for its turn"


def _twilios_words(state: PartState) -> str:
    if state.status is None or RANK[state.status] < RANK[Status.SENT]:
        return f"Twilio has it ✓  {state.sid}"
    if state.status in ARRIVED:
        return f"{state.status.value} ✓✓"
    if is_final(state):
        code = f" ({state.error_code})" if state.error_code else ""
        return f"{state.status.value}{code} ✗"
    return f"{state.status.value} ✓"
