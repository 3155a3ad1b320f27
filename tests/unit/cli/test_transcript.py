"""The transcript: phone left, agent right, in 80 columns, with nothing of a text lost."""

import re

import pytest
from hypothesis import given, strategies as st

from cli.terminal import Paint
from cli.transcript import COLUMNS, Entry, Side, render, tick

PLAIN, COLOUR = Paint(enabled=False), Paint(enabled=True)


def shown(entry: Entry) -> str:
    return "\n".join(render(entry, PLAIN))


def test_the_phone_stands_left() -> None:
    assert shown(Entry(side=Side.PHONE, kind="text", body="Hi", segments=1, status="received")) == (
        "  | Hi\n  1 segment, received\n"
    )


def test_the_agent_stands_right_with_part_segments_latency_and_tick() -> None:
    entry = Entry(
        side=Side.AGENT,
        kind="answer",
        body="Hello",
        segments=2,
        latency_ms=41,
        status="delivered",
        part=1,
        parts=3,
    )
    text, facts, _ = shown(entry).split("\n")
    assert text == " " * 24 + "Hello" + " " * 50 + "|"
    assert facts.strip() == "part 1 of 3, 2 segments, after 41 ms, delivered ✓✓"
    assert len(facts) == COLUMNS


def test_what_the_owner_types_stands_in_the_middle() -> None:
    assert shown(Entry(side=Side.OWNER, kind="command", body="textgate up")).startswith(" " * 33 + "$ textgate up")


@pytest.mark.parametrize(
    ("status", "mark"),
    [("sent", "✓"), ("delivered", "✓✓"), ("read", "✓✓"), ("failed", "✗"), ("undelivered", "✗"), ("queued", "…")],
)
def test_each_state_has_its_tick(status: str, mark: str) -> None:
    assert tick(status) == mark


@given(st.sampled_from(list(Side)[:2]), st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"])))
def test_no_word_is_lost_and_no_line_is_too_long(side: Side, body: str) -> None:
    lines = list(render(Entry(side=side, kind="text", body=body), PLAIN))
    assert all(len(line) <= COLUMNS for line in lines)
    text = "".join(line.removeprefix("  | ").removesuffix(" |") for line in lines[:-2])
    assert re.sub(r"\s", "", text) == re.sub(r"\s", "", body)


def test_a_url_stays_in_one_piece_and_list_items_hang() -> None:
    url = "https://example.com/plans?from=sms&ref=a_b_c"
    lines = shown(Entry(side=Side.AGENT, kind="answer", body=f"1. Open the comparison of all our plans ({url})."))
    assert f"({url})." in lines
    assert "\n" + " " * 24 + "   (https" in lines


def test_colour_changes_nothing_but_colour() -> None:
    entry = Entry(side=Side.AGENT, kind="answer", body="Hello\n\n- a list", segments=1, status="delivered")
    coloured = "\n".join(render(entry, COLOUR))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(entry)


def test_the_json_names_are_the_promised_ones() -> None:
    entry = Entry(side=Side.AGENT, kind="answer", body="Hello", latency_ms=7, sid="SM1", status="sent")
    assert entry.as_json() == {
        "side": "agent",
        "kind": "answer",
        "body": "Hello",
        "segments": 0,
        "latencyMs": 7,
        "status": "sent",
        "sid": "SM1",
        "part": 1,
        "parts": 1,
    }
