"""Logs of the children: readable for people, and nothing of them lost."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, strategies as st

from cli.log_lines import prefixed, readable
from cli.terminal import Paint

PLAIN, COLOUR = Paint(enabled=False), Paint(enabled=True)


def lines(event: Mapping[str, object]) -> list[str]:
    return list(readable(json.dumps(event), PLAIN))


def test_an_event_reads_as_time_event_and_facts() -> None:
    event = {"event": "attempt", "level": "info", "timestamp": "2026-11-21T08:10:43.5Z", "role": "x", "stage": "agent"}
    assert lines(event) == ["08:10:43 attempt stage=agent"]


def test_a_level_other_than_info_is_shown() -> None:
    assert lines({"event": "retry", "level": "warning", "in_s": 2, "why": "no answer"}) == [
        'warning retry in_s=2 why="no answer"'
    ]


@pytest.mark.parametrize("key", ["exception", "traceback"])
def test_a_traceback_keeps_its_lines(key: str) -> None:
    assert lines({"event": "bug", "level": "error", key: "Traceback\n  File"}) == [
        "error bug",
        "Traceback",
        "  File",
    ]


def test_an_error_of_the_agent_is_a_sentence_with_its_place() -> None:
    event = {"event": "agent_failed", "level": "error", "error": "KeyError: 'a'", "turn": 7}
    assert lines({**event, "at": "my_agent.py:12", "exception": "Traceback"}) == [
        "error the agent failed at my_agent.py:12: KeyError: 'a' turn=7",
        "Traceback",
    ]
    assert lines(event) == ["error the agent failed: KeyError: 'a' turn=7"]


def test_what_is_no_event_passes_as_it_is() -> None:
    for line in ("plain", "{broken", "[1]", '{"no": "event"}', ""):
        assert list(readable(line, PLAIN)) == [line]


@given(st.text())
def test_no_line_breaks_the_reader(line: str) -> None:
    assert all(text.startswith("agent    | ") for text in prefixed("agent", line, PLAIN))


def test_the_role_is_coloured_only_if_colour_is_on() -> None:
    assert list(prefixed("agent", "hello", PLAIN)) == ["agent    | hello"]
    assert list(prefixed("agent", "hello", COLOUR)) == ["\x1b[35magent    |\x1b[0m hello"]
