"""Colour for people, plain text for everything else. No library: `textgate --help` and `up` start fast."""

import os
import sys
from collections.abc import Mapping
from typing import TextIO

_CODES = {
    "bold": 1,
    "dim": 2,
    "red": 31,
    "green": 32,
    "yellow": 33,
    "blue": 34,
    "magenta": 35,
    "cyan": 36,
    "white": 37,
}


def colour_wanted(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Only on a terminal, and not if the person said no. Source: no-color.org."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


class Paint:
    """`paint("text", "bold", "cyan")`: the text in that style, or as it is when colour is off."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled

    @classmethod
    def for_stdout(cls) -> "Paint":
        """Colour if stdout wants it."""
        return cls(enabled=colour_wanted(sys.stdout, os.environ))

    def __call__(self, text: str, *styles: str) -> str:
        if not self.enabled or not text or not styles:
            return text
        return f"\x1b[{';'.join(str(_CODES[style]) for style in styles)}m{text}\x1b[0m"
