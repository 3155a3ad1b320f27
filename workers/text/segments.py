"""How a text is encoded and how many segments it costs, counted as Twilio counts.

Source: https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding, …/what-is-ucs-2-character-encoding,
and Twilio's segment calculator (github.com/TwilioDevEd/message-segment-calculator), which never tears a character
that needs two units, nor a grapheme, over the border of two segments.
"""

import re
from enum import StrEnum

import msgspec

from workers.text.graphemes import graphemes

# 140 bytes: 160 septets or 70 UTF-16 units; more than one segment needs 6 of them for the header.
_GSM_ALONE, _GSM_JOINED = 160, 153
_UCS_ALONE, _UCS_JOINED = 70, 67

GSM_BASIC = (
    "@\u00a3$\u00a5\u00e8\u00e9\u00f9\u00ec\u00f2\u00c7\n\u00d8\u00f8\r\u00c5\u00e5"
    "\u0394_\u03a6\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e\u00c6\u00e6\u00df\u00c9"
    " !\"#\u00a4%&'()*+,-./0123456789:;<=>?\u00a1ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00c4\u00d6\u00d1\u00dc\u00a7"
    "\u00bfabcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00f1\u00fc\u00e0"
)
GSM_EXTENSION = "\f^{}\\[~]|\u20ac"
"""Sent as an escape and a character: two septets each."""

NON_GSM = re.compile(f"[^{re.escape(GSM_BASIC + GSM_EXTENSION)}]")
TWO_SEPTETS = re.compile(f"[{re.escape(GSM_EXTENSION)}]")
TWO_UNITS = re.compile("[\U00010000-\U0010ffff]")


class Encoding(StrEnum):
    """The two alphabets of SMS, named as in Twilio's calculator."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


class SegmentCount(msgspec.Struct, frozen=True, kw_only=True):
    """What one message costs. `units`: septets for GSM-7, UTF-16 code units for UCS-2."""

    encoding: Encoding
    units: int
    segments: int


def count_segments(text: str) -> SegmentCount:
    """The encoding, units and segments of one message body; an empty one is one segment, as with Twilio."""
    if NON_GSM.search(text) is None:
        units = len(text) + len(TWO_SEPTETS.findall(text))
        segments = 1 if units <= _GSM_ALONE else _gsm_segments(text)
        return SegmentCount(encoding=Encoding.GSM_7, units=units, segments=segments)
    units = utf16_units(text)
    segments = 1 if units <= _UCS_ALONE else _ucs_segments(text, units)
    return SegmentCount(encoding=Encoding.UCS_2, units=units, segments=segments)


def least_segments(units: int, *, gsm: bool) -> int:
    """The segments of so many units; more only where a character of two units, or a grapheme, meets a border."""
    alone, joined = (_GSM_ALONE, _GSM_JOINED) if gsm else (_UCS_ALONE, _UCS_JOINED)
    return 1 if units <= alone else -(-units // joined)


def utf16_units(text: str) -> int:
    """Length in UTF-16 code units: two for a character beyond the Basic Multilingual Plane."""
    return len(text) + len(TWO_UNITS.findall(text))


def _gsm_segments(text: str) -> int:
    if TWO_SEPTETS.search(text) is None:
        return least_segments(len(text), gsm=True)
    sizes = [2 if char in GSM_EXTENSION else 1 for char in text]
    return _filled(sizes, _GSM_JOINED)


def _ucs_segments(text: str, units: int) -> int:
    whole = graphemes(text)
    if len(whole) == units:
        return least_segments(units, gsm=False)
    sizes: list[int] = []
    for grapheme in whole:
        size = len(grapheme.encode("utf-16-le", "surrogatepass")) // 2
        if size <= _UCS_JOINED:
            sizes.append(size)
        else:
            sizes.extend(utf16_units(char) for char in grapheme)
    return _filled(sizes, _UCS_JOINED)


def _filled(sizes: list[int], capacity: int) -> int:
    segments, used = 1, 0
    for size in sizes:
        if used + size > capacity:
            segments, used = segments + 1, 0
        used += size
    return segments
