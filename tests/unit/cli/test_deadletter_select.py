"""Which dead letters are meant, as tables: what a person wrote -> what it matches, or what is wrong with it."""

from typing import Any

import msgspec
import pytest

from cli.deadletter_select import Filter, check_choice, parse_age_ms
from shared.errors import UsageError
from shared.keys import Stage
from shared.records import DeadLetter

DAY_MS = 24 * 3600 * 1000
LETTER = DeadLetter(
    letter_id="outbound-abcdefghabcdefgh-1",
    stage="outbound",
    account_id="default",
    conversation="abcdefghabcdefgh",
    turn="1",
    code="twilio-21211",
    message="",
    hint="",
    attempts=1,
    buried_ms=10 * DAY_MS,
    records=(),
)


@pytest.mark.parametrize(
    ("written", "matches"),
    [
        ({}, True),
        ({"code": "21211"}, True),
        ({"code": "twilio-21211"}, True),
        ({"code": " Twilio-21211 "}, True),
        ({"code": "2121"}, False),
        ({"code": "bug"}, False),
        ({"account": "default"}, True),
        ({"account": "other"}, False),
        ({"stage": "outbound"}, True),
        ({"stage": "agent"}, False),
        ({"stage": "outbound", "code": "bug"}, False),
        ({"older_than": "4d"}, True),
        ({"older_than": "5d"}, False),
        ({"older_than": "1w"}, False),
    ],
)
def test_a_filter_matches_what_all_of_it_says(written: dict[str, Any], matches: bool) -> None:
    assert Filter.of(**written, now_ms=15 * DAY_MS).matches(LETTER) == matches


def test_a_cause_of_ours_is_named_as_it_is_shown() -> None:
    letter = msgspec.structs.replace(LETTER, code="agent-timeout", stage=Stage.AGENT.value)
    assert Filter.of(code="agent-timeout").matches(letter)
    assert not Filter.of(code="timeout").matches(letter)


@pytest.mark.parametrize(
    ("written", "age_ms"),
    [("45s", 45_000), ("90m", 5_400_000), ("12h", DAY_MS // 2), ("30d", 30 * DAY_MS), ("2W", 14 * DAY_MS), ("0d", 0)],
)
def test_an_age_is_a_number_and_a_unit(written: str, age_ms: int) -> None:
    assert parse_age_ms(written) == age_ms


@pytest.mark.parametrize("written", ["", "30", "d", "-1d", "1.5d", "30 days", "1y", "999999d"])
def test_what_is_no_age_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(UsageError, match="for example --older-than 30d"):
        parse_age_ms(written)


def test_a_stage_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="agent, format, outbound"):
        Filter.of(stage="probe")


@pytest.mark.parametrize(
    ("ids", "wanted", "everything", "said"),
    [
        (["a"], {}, False, None),
        ([], {"code": "bug"}, False, None),
        ([], {"code": "bug", "account": "default"}, False, None),
        ([], {}, True, None),
        ([], {}, False, "which ones"),
        (["a"], {"code": "bug"}, False, "choose one way"),
        (["a"], {}, True, "choose one way"),
        ([], {"older_than": "1d"}, True, "choose one way"),
    ],
)
def test_it_is_said_in_exactly_one_way_which_are_meant(
    ids: list[str], wanted: dict[str, Any], everything: bool, said: str | None
) -> None:
    if said is None:
        check_choice(ids, Filter.of(**wanted), everything=everything, command="drop")
    else:
        with pytest.raises(UsageError, match=said):
            check_choice(ids, Filter.of(**wanted), everything=everything, command="drop")
