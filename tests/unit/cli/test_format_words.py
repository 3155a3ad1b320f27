"""The view of `textgate format`: everything of the text, as wide as a phone, whatever the script."""

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from cli.format_words import PHONE_COLUMNS, tell, wrapped
from cli.terminal import Paint
from workers.text.render import render

PLAIN = Paint(enabled=False)


def test_each_part_has_a_frame_with_its_cost_and_the_sum_comes_last() -> None:
    parts = render("First one.\n\n" + "Second " * 3, limit=25)
    assert list(tell(parts, 0.0158, PLAIN)) == [
        "╭─ part 1 of 2 GSM-7, 12 units, 1 segment",
        "│ First one.",
        "╰─",
        "╭─ part 2 of 2 GSM-7, 20 units, 1 segment",
        "│ Second Second Second",
        "╰─",
        "2 parts, 2 segments, 0.0158 in all",
    ]


def test_a_reply_that_shows_nothing_says_so() -> None:
    assert list(tell((), None, PLAIN)) == ["Nothing would be sent: there is nothing in it that a reader would see."]


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("- one two three", ["- one", "  two", "  three"]),
        ("  10. one two", ["  10. one", "      two"]),
        ("https://example.com/long x", ["https://example.com/long", "x"]),
        ("漢字 漢字 ab", ["漢字", "漢字 ab"]),
        ("", [""]),
    ],
)
def test_lines_wrap_at_words_by_their_width(line: str, rows: list[str]) -> None:
    assert wrapped(line, 8) == rows


@given(st.text(st.characters(exclude_characters="\n\r"), max_size=200))
def test_wrapping_loses_nothing(line: str) -> None:
    rows = wrapped(line, PHONE_COLUMNS)
    assert "".join("".join(rows).split()) == "".join(line.split())
    assert all(cell_len(row) <= PHONE_COLUMNS for row in rows if " " in row.strip())
