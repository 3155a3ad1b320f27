"""What `textgate doctor` finds: one result, and how each kind is made. Pure."""

import msgspec

from cli.channels_words import duration
from workers.probe.finding import Severity

SKEW_MS = 5_000
"""Twilio's log and our cursor are compared by the clock; paces and leases go by that of Redis."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One result: `name` is stable, for programs."""

    name: str
    result: Severity
    sentence: str
    advice: str = ""


def ok(name: str, sentence: str) -> Found:
    """As it should be."""
    return Found(name=name, result=Severity.OK, sentence=sentence)


def warn(name: str, sentence: str, advice: str) -> Found:
    """It works, and deserves a look."""
    return Found(name=name, result=Severity.WARNING, sentence=sentence, advice=advice)


def bad(name: str, sentence: str, advice: str) -> Found:
    """Texts are lost, refused or kept waiting."""
    return Found(name=name, result=Severity.BAD, sentence=sentence, advice=advice)


def unknown(name: str, sentence: str, advice: str) -> Found:
    """It could not be found out."""
    return Found(name=name, result=Severity.UNKNOWN, sentence=sentence, advice=advice)


def compare_clocks(name: str, whose: str, skew_ms: int) -> Found:
    """Ours against another."""
    if abs(skew_ms) <= SKEW_MS:
        return ok(name, f"This machine's clock and {whose} agree.")
    way = "behind" if skew_ms > 0 else "ahead of"
    return warn(name, f"This machine's clock is {duration(abs(skew_ms))} {way} {whose}.", "Set it by NTP.")
