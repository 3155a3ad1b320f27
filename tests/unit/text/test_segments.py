"""Segments as Twilio counts them, against hand-computed cases and against an independent counter.

The cases were also given to Twilio's own calculator (npm sms-segments-calculator 1.3.0): it says the same but for the
last one, where it lets a grapheme longer than a segment overflow. It knows the graphemes of an older Unicode.
"""

import pytest
import smsutil
from hypothesis import given, settings, strategies as st

from workers.text.graphemes import graphemes
from workers.text.segments import GSM_BASIC, GSM_EXTENSION, Encoding, count_segments

GSM, UCS = Encoding.GSM_7, Encoding.UCS_2
FAMILY = "👨‍👩‍👧‍👦"  # 11 units
CASES = [
    ("", GSM, 0, 1),
    ("a", GSM, 1, 1),
    ("a" * 160, GSM, 160, 1),
    ("a" * 161, GSM, 161, 2),
    ("a" * 306, GSM, 306, 2),
    ("a" * 307, GSM, 307, 3),
    ("{" * 80, GSM, 160, 1),
    ("{" + "a" * 158, GSM, 160, 1),
    ("{" + "a" * 159, GSM, 161, 2),
    # 152 letters, a brace that does not fit into 153 septets, 152 letters: 306 septets, three segments.
    ("a" * 152 + "{" + "a" * 152, GSM, 306, 3),
    ("a" * 151 + "{" + "a" * 153, GSM, 306, 2),
    ("€" * 160, GSM, 320, 3),
    ("line\r\nend", GSM, 9, 1),
    ("é" * 70, GSM, 70, 1),
    ("`" * 70, UCS, 70, 1),
    ("ś" * 71, UCS, 71, 2),
    ("ś" * 134, UCS, 134, 2),
    ("ś" * 135, UCS, 135, 3),
    ("😀" * 35, UCS, 70, 1),
    ("😀" * 36, UCS, 72, 2),
    # 33 emoji fill 66 of 67 units: the 34th is not torn.
    ("😀" * 67, UCS, 134, 3),
    ("{" + "ś" * 69, UCS, 70, 1),
    # The family of 11 units goes whole into the second segment.
    ("ś" * 60 + FAMILY, UCS, 71, 2),
    ("ś" * 60 + FAMILY + "ś" * 57, UCS, 128, 3),
    ("a" + "\u0301" * 140, UCS, 141, 3),
]


@pytest.mark.parametrize(("text", "encoding", "units", "segments"), CASES)
def test_segments_are_counted_as_twilio_counts(text: str, encoding: Encoding, units: int, segments: int) -> None:
    count = count_segments(text)
    assert (count.encoding, count.units, count.segments) == (encoding, units, segments)


@settings(max_examples=300)
@given(st.text(GSM_BASIC + GSM_EXTENSION, max_size=400))
def test_gsm_7_agrees_with_smsutil(text: str) -> None:
    theirs = smsutil.split(text)  # type: ignore[no-untyped-call]
    ours = count_segments(text)
    assert ours.encoding is Encoding.GSM_7
    assert ours.segments == len(theirs.parts)
    assert not text or ours.units == theirs.total_bytes


@settings(max_examples=300)
@given(st.text("aśж漢😀👍{€ \n", max_size=300).map("ś".__add__))
def test_ucs_2_agrees_with_smsutil_where_graphemes_are_characters(text: str) -> None:
    assert len(graphemes(text)) == len(text)
    theirs = smsutil.split(text)  # type: ignore[no-untyped-call]
    ours = count_segments(text)
    assert ours.encoding is Encoding.UCS_2
    assert (ours.segments, ours.units * 2) == (len(theirs.parts), theirs.total_bytes)


@given(st.text())
def test_units_are_what_the_wire_carries(text: str) -> None:
    count = count_segments(text)
    if count.encoding is Encoding.UCS_2:
        assert count.units == len(text.encode("utf-16-be")) // 2
    assert count.segments <= max(1, count.units)
