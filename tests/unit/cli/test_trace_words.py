"""What a trace means, as a table: what is known -> one word, and the next step that a person is told."""

from typing import Any

import msgspec
import pytest

from cli.trace_show import as_json, describe
from cli.trace_words import House, State, describe_code, explain
from shared.admission import Verdict
from shared.keys import Stage
from shared.outbox import PartState, Status
from shared.records import DeadLetter, Pause
from shared.trace import PartTrace, Trace, Wait

NOW_MS = 1_700_000_000_000
HOUSE = House(now_ms=NOW_MS, workers=dict.fromkeys(Stage, 1), enabled={"default": True, "off": False})
TRACE = Trace(id="SM1", account_id="default", conversation="abcdefghabcdefgh", peer="+15557654321")
ACCEPTED = msgspec.structs.replace(TRACE, verdict="accepted")
PAUSE = Pause(code="20003", message="wrong credentials for +15550001111", hint="check authToken", since_ms=NOW_MS)
LETTER = DeadLetter(
    letter_id="agent-abcdefghabcdefgh-1",
    stage="agent",
    account_id="default",
    conversation="abcdefghabcdefgh",
    turn="1",
    code="agent-failed",
    message="the agent failed for +15557654321",
    hint="look at it",
    attempts=4,
    buried_ms=NOW_MS,
    records=(),
)


def wait(stage: Stage = Stage.AGENT, **facts: Any) -> Wait:
    given: dict[str, Any] = {"position": 0, "length": 1, "running": False, "failures": 0, "due_ms": NOW_MS} | facts
    return Wait(stage=stage, **given)


def part(state: str | None = "accepted", waiting: Wait | None = None, **facts: Any) -> PartTrace:
    known = None if state is None else PartState(part_id="p.0", state=state, **facts)
    return PartTrace(part_id="p.0", state=known, wait=waiting)


def sent(*parts: PartTrace, **facts: Any) -> Trace:
    return msgspec.structs.replace(TRACE, parts=parts, reply_id="p", **facts)


OUT = wait(Stage.OUTBOUND)

CASES: list[tuple[Trace, State, str]] = [
    (msgspec.structs.replace(ACCEPTED, text_wait=wait(running=True)), State.RUNNING, "a worker is at it now"),
    (msgspec.structs.replace(ACCEPTED, text_wait=wait(position=1, length=2, running=True)), State.WAITING, "2nd of 2"),
    (msgspec.structs.replace(ACCEPTED, text_wait=wait(due_ms=NOW_MS - 5000)), State.WAITING, "due for 5 s"),
    (
        msgspec.structs.replace(ACCEPTED, text_wait=wait(due_ms=NOW_MS + 5000, failures=2)),
        State.WAITING,
        "failed 2 times so far; put off, next try in 5 s",
    ),
    (msgspec.structs.replace(ACCEPTED, text_wait=wait(due_ms=None)), State.WAITING, "it has no job"),
    (msgspec.structs.replace(ACCEPTED, letters=(LETTER,)), State.DEAD, "agent stage, taken up 4 times"),
    (msgspec.structs.replace(ACCEPTED, reply_wait=wait(Stage.FORMAT)), State.WAITING, "format lane"),
    (ACCEPTED, State.DONE, "the agent has had it"),
    (sent(part(None, OUT)), State.WAITING, "1st of 1 in the outbound lane"),
    (sent(part("dispatching", wait(Stage.OUTBOUND, running=True))), State.RUNNING, "a worker is at it now"),
    (sent(part("dispatching", OUT)), State.IN_DOUBT, "Twilio's log"),
    (sent(part("waiting", OUT), pause=PAUSE), State.PAUSED, "wrong credentials"),
    (sent(part("waiting", OUT), opted_out=True), State.WAITING, "has opted out"),
    (sent(part("waiting", OUT, capped_until_ms=NOW_MS + 7_200_000)), State.WAITING, "the next begins in 2 h"),
    (sent(part("waiting", OUT, capped_until_ms=NOW_MS - 1)), State.WAITING, "in the outbound lane"),
    (sent(part("waiting", OUT), account_id="off"), State.WAITING, "switched off or removed"),
    (sent(part(status=Status.QUEUED)), State.SENT, "has not said yet"),
    (sent(part(status=Status.DELIVERED), part(status=Status.SENT)), State.SENT, "has not said yet"),
    (sent(part(status=Status.DELIVERED), part(status=Status.READ)), State.DELIVERED, "delivered"),
    (sent(part(status=Status.DELIVERED), part(status=Status.UNDELIVERED, error_code=30003)), State.FAILED, "30003"),
    (sent(part(status=Status.FAILED)), State.FAILED, "Twilio says failed"),
    (sent(part("dead")), State.DEAD, "dropped since"),
]


@pytest.mark.parametrize(("trace", "state", "said"), CASES)
def test_what_is_known_decides_where_it_stands(trace: Trace, state: State, said: str) -> None:
    explanation = explain(trace, HOUSE)
    assert explanation.state is state
    assert said in explanation.summary


@pytest.mark.parametrize(
    "verdict", [v for v in Verdict if v not in (Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.MORE_NEEDED)]
)
def test_every_verdict_that_is_stored_is_put_into_words(verdict: Verdict) -> None:
    explanation = explain(msgspec.structs.replace(TRACE, verdict=verdict.value), HOUSE)
    assert explanation.state is State.REFUSED
    assert not explanation.summary.startswith("verdict ")


@pytest.mark.parametrize(("failures", "said"), [(0, "waiting"), (1, "waiting, 1 failure"), (2, "waiting, 2 failures")])
def test_failures_are_counted_in_words_that_agree(failures: int, said: str) -> None:
    trace = sent(part("waiting", wait(Stage.OUTBOUND, failures=failures)))
    lines = list(describe(trace, explain(trace, HOUSE)))
    assert f"  part p.0: in the outbound lane, 1 of 1, {said}, waiting" in lines


def test_a_stage_without_a_worker_is_the_next_step() -> None:
    nobody = msgspec.structs.replace(HOUSE, workers=dict.fromkeys(Stage, 0))
    waiting = msgspec.structs.replace(ACCEPTED, text_wait=wait())
    assert "textgate worker agent" in explain(waiting, nobody).next_step
    assert explain(waiting, HOUSE).next_step == ""


def test_a_code_of_twilios_comes_with_its_meaning_and_hint() -> None:
    assert describe_code(21608) == (
        "21608, a trial account may text verified numbers only; verify the number in the Twilio console, or upgrade"
    )
    assert describe_code(99999) == "99999, see Twilio's error dictionary"


@pytest.mark.parametrize("trace", [case[0] for case in CASES])
def test_no_number_is_shown_in_full(trace: Trace) -> None:
    shown = msgspec.structs.replace(trace, pause=PAUSE, letters=(*trace.letters, LETTER))
    explanation = explain(shown, HOUSE)
    text = f"{as_json(shown, explanation, now_ms=NOW_MS)} {list(describe(shown, explanation))} {explanation}"
    assert "5557654321" not in text
    assert "5550001111" not in text
    assert "+1555•••4321" in text


def test_the_order_of_the_parts_does_not_hide_a_failure() -> None:
    parts = (part(status=Status.DELIVERED), part(status=Status.FAILED, error_code=30007), part(status=Status.SENT))
    assert explain(sent(*parts), HOUSE).state is State.FAILED
