# ruff: noqa: RUF001 (typographic characters are the subject)
"""Smart encoding: Twilio's table, applied where it saves money and nowhere else."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from workers.text.segments import NON_GSM, Encoding, count_segments
from workers.text.smart_encoding import PUBLISHED, smart_encode, transliterate

ZERO_WIDTH_NON_JOINER = "\u200c"
"""In the calculator's table, not on Twilio's page; `transliterate` drops it."""
CASES = [
    ("“Hi” – it’s 5\u00a0€ … ok", '"Hi" - it\'s 5 € ... ok'),
    ("non\u2011breaking \u2212 5\u2032 soft\u00adly", "non-breaking - 5' softly"),
    ("‹a› «b»", '<a> "b"'),
    ("zero\u200bwidth\ufeff", "zerowidth"),
    ("½ cup • `x` ﹩５", "1/2 cup - 'x' $5"),
    ("cafe\u0301 man\u0303ana", "café mañana"),
    ("你好，世界。", "你好，世界。"),
    ("“Hi” 👍", "“Hi” 👍"),
    ("👍 “a”\n“b”", '👍 “a”\n"b"'),
    ("see https://ex.com/½–a – ok", "see https://ex.com/½–a – ok"),
    ("see https://ex.com/a – ok", "see https://ex.com/a - ok"),
]


@pytest.mark.parametrize(("text", "encoded"), CASES)
def test_a_line_is_encoded_when_that_makes_it_gsm_7(text: str, encoded: str) -> None:
    assert smart_encode(text) == encoded


@pytest.mark.parametrize("char", sorted(PUBLISHED))
def test_every_published_character_becomes_gsm_7(char: str) -> None:
    assert smart_encode(f"a {char} b") == f"a {PUBLISHED[char]} b"


def test_the_table_is_the_published_one() -> None:
    """But for blanks: where Twilio's calculator puts two for one wide or non-breaking blank, one is put here."""
    recorded = json.loads((Path(__file__).parent / "specs/smart-encoding-map.json").read_text())
    theirs = {chr(int(code.replace("U+", "0x"), 0)): " " if to == "  " else to for code, to in recorded.items()}
    assert theirs == PUBLISHED | {ZERO_WIDTH_NON_JOINER: ""}
    assert not any(NON_GSM.search(replacement) for replacement in PUBLISHED.values())


def test_one_curly_quote_does_not_triple_the_bill() -> None:
    text = "It’s " + "x" * 150
    assert count_segments(text).segments == 3
    assert count_segments(smart_encode(text)).segments == 1
    assert count_segments(smart_encode(text)).encoding is Encoding.GSM_7


@given(st.text())
def test_encoding_twice_changes_nothing(text: str) -> None:
    assert smart_encode(smart_encode(text)) == smart_encode(text)


@given(st.text())
def test_bodies_compare_equal_in_their_transliterated_form(text: str) -> None:
    assert transliterate(transliterate(text)) == transliterate(text)
    assert transliterate(smart_encode(text)) == transliterate(text)
