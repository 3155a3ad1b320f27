"""Colour only where somebody sees it and has not said no."""

import io

import pytest

from cli.terminal import Paint, colour_wanted


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, True),
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
    ],
)
def test_a_terminal_gets_colour_unless_it_or_its_owner_says_no(environ: dict[str, str], wanted: bool) -> None:
    assert colour_wanted(Terminal(), environ) is wanted


def test_a_file_gets_none() -> None:
    assert not colour_wanted(io.StringIO(), {})


def test_paint_leaves_text_alone_when_it_is_off_or_there_is_nothing_to_paint() -> None:
    assert Paint(enabled=False)("text", "bold") == "text"
    assert Paint(enabled=True)("", "bold") == ""
    assert Paint(enabled=True)("text", "bold", "cyan") == "\x1b[1;36mtext\x1b[0m"
