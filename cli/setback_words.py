"""How attempts that did not get through are shown, for people and for programs. Pure; numbers are masked."""

from typing import Any

from cli.channels_words import iso, mask_numbers
from shared.setbacks import Setback
from shared.twilio_codes import CODES


def setback_as_json(setback: Setback) -> dict[str, Any]:
    """The documented shape; see docs/cli.md."""
    return {
        "at": iso(setback.at_ms),
        "code": setback.code or None,
        "reason": mask_numbers(setback.reason),
        "hint": hint_of(setback) or None,
    }


def setback_line(setback: Setback) -> str:
    """The same as a line."""
    code = f"{setback.code}: " if setback.code else ""
    return f"{iso(setback.at_ms)} {code}{mask_numbers(setback.reason)}"


def hint_of(setback: Setback) -> str:
    """What to do about it; for Twilio's codes what the table says."""
    number = setback.code.removeprefix("twilio-")
    info = CODES.get(int(number)) if number.isascii() and number.isdigit() else None
    return mask_numbers(setback.hint or (info.hint if info else ""))
