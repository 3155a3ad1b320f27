"""How a dead letter is told: what may have been sent, what was, and nothing that must stay inside."""

import json
from typing import Any

import msgspec
import pytest

from cli.deadletter_story import Held, Outcome, Story, outcome_of
from cli.deadletter_words import describe, meaning_of, story_as_json, summary_as_json
from shared.dead_letters import Notes
from shared.outbox import PartState, Status
from shared.records import DeadLetter, InboundText, Origin, Reply, encode
from shared.setbacks import Setback
from shared.twilio_codes import CODES

PEER = "+15557654321"
LETTER = DeadLetter(
    letter_id="outbound-abcdefghabcdefgh-1",
    stage="outbound",
    account_id="default",
    conversation="abcdefghabcdefgh",
    turn="1",
    code="twilio-21211",
    message=f"{PEER} is no valid number",
    hint="check the number",
    attempts=1,
    buried_ms=1_700_000_000_000,
    records=(),
)
STORY = Story(
    letter=LETTER,
    failures=3,
    peer=PEER,
    held=(
        Held(
            id="r.1", created_ms=1, texts=("a secret\nof two lines",), segments=2, outcome=Outcome.UNKNOWN, state=None
        ),
    ),
    sent_before=(PartState(part_id="r.0", state="accepted", sid="SM1", status=Status.DELIVERED),),
)


def lines(story: Story, *, reveal: bool = False) -> str:
    return "\n".join(describe(story, reveal=reveal))


def test_the_story_says_why_what_was_sent_what_is_held_and_what_to_do() -> None:
    told = lines(STORY)
    assert "  taken up once, failed 3 times" in told.splitlines()
    assert "before it: r.0, delivered, sid SM1" in told
    assert "part r.1: 21 characters, 2 segments, not known whether it was sent; a retry looks" in told
    assert f"next: once the cause is gone, `textgate deadletter retry {LETTER.letter_id}`" in told


def test_each_failure_is_told_with_its_time_code_and_hint() -> None:
    history = (
        Setback(at_ms=1_700_000_000_000, reason=f"too many requests for {PEER}", code="twilio-20429"),
        Setback(at_ms=1_700_000_060_000, reason="no answer", code="outcome-unknown"),
    )
    story = msgspec.structs.replace(STORY, history=history)
    assert "failed 2023-11-14T22:13:20Z twilio-20429: too many requests for +1555•••4321" in lines(story)
    shown = story_as_json(story, reveal=False)["history"]
    assert [each["code"] for each in shown] == ["twilio-20429", "outcome-unknown"]
    assert shown[0]["hint"] == CODES[20429].hint
    assert PEER not in json.dumps(shown)


def test_words_and_numbers_are_told_only_when_they_are_asked_for() -> None:
    for shown in (lines(STORY), json.dumps(story_as_json(STORY, reveal=False), ensure_ascii=False)):
        assert "secret" not in shown
        assert PEER not in shown
        assert "+1555•••4321" in shown
    assert "    | a secret\n    | of two lines" in lines(STORY, reveal=True)
    revealed = story_as_json(STORY, reveal=True)
    assert (revealed["peer"], revealed["records"][0]["texts"]) == (PEER, ["a secret\nof two lines"])
    assert PEER not in revealed["message"]


def test_a_letter_of_a_newer_version_is_shown_as_far_as_it_is_understood() -> None:
    strange = msgspec.structs.replace(STORY, letter=msgspec.structs.replace(LETTER, stage="dream"), peer=None)
    assert "at the dream stage" in lines(strange)
    assert "retry outbound" not in lines(strange)
    assert summary_as_json(strange.letter)["peer"] is None


def test_the_apology_is_told_as_one() -> None:
    letter = msgspec.structs.replace(LETTER, stage="agent", code="agent-timeout")
    told = lines(msgspec.structs.replace(STORY, letter=letter, failures=None))
    assert "the apology: r.0, delivered" in told
    assert "asks the agent again" in told
    assert "  taken up once" in told.splitlines()


@pytest.mark.parametrize(
    ("letter", "peer"),
    [
        (
            {
                "stage": "agent",
                "records": (
                    encode(
                        InboundText(
                            message_sid="SM1",
                            account_id="default",
                            conversation="c",
                            sender=PEER,
                            recipient="+1",
                            body="",
                            received_ms=1,
                        )
                    ),
                ),
            },
            "+1555•••4321",
        ),
        (
            {
                "stage": "format",
                "records": (
                    encode(
                        Reply(
                            reply_id="r",
                            account_id="default",
                            conversation="c",
                            to=PEER,
                            texts=("x",),
                            origin=Origin.AGENT,
                            created_ms=1,
                        )
                    ),
                ),
            },
            "+1555•••4321",
        ),
        ({"stage": "outbound", "records": ()}, None),
    ],
)
def test_the_list_names_the_person_masked(letter: dict[str, Any], peer: str | None) -> None:
    assert summary_as_json(msgspec.structs.replace(LETTER, **letter))["peer"] == peer


@pytest.mark.parametrize(
    ("code", "meaning"),
    [("twilio-21211", "the recipient is no valid number"), ("twilio-99999", None), ("bug", None), ("21211", "the re")],
)
def test_a_code_of_twilios_has_a_meaning(code: str, meaning: str | None) -> None:
    said = meaning_of(code)
    assert said == meaning if meaning is None else said is not None and said.startswith(meaning)


NOTED = Notes(failures=0, may_be_sent=frozenset({"r.0"}))
OLD = Notes(failures=None, may_be_sent=frozenset())


@pytest.mark.parametrize(
    ("notes", "state", "outcome"),
    [
        (NOTED, PartState(part_id="r.0", state="dead", journaled_ms=5), Outcome.UNKNOWN),
        (NOTED, None, Outcome.UNKNOWN),
        (NOTED, PartState(part_id="r.0", state="accepted", sid="SM1"), Outcome.SENT),
        (msgspec.structs.replace(NOTED, may_be_sent=frozenset()), PartState(part_id="r.0", state="dead"), "not_sent"),
        (OLD, PartState(part_id="r.0", state="dead", journaled_ms=5), Outcome.UNKNOWN),
        (OLD, PartState(part_id="r.0", state="dead"), Outcome.NOT_SENT),
        (OLD, None, Outcome.NOT_SENT),
    ],
)
def test_whether_twilio_has_a_part_is_told_from_its_state_and_the_notes(
    notes: Notes, state: PartState | None, outcome: Outcome
) -> None:
    assert outcome_of("r.0", state, notes) == outcome
