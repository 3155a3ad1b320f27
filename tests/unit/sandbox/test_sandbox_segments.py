"""Bodies are stored and counted as Twilio does."""

import pytest
import smsutil
from hypothesis import given, strategies as st

from sandbox.segments import count_segments, count_units, decide_stored_body


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("", 1),
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),  # an extension character costs two septets
        ("€" * 81, 2),
        ("x" * 152 + "€" + "x" * 152, 3),  # the pair does not fit into the first 153: 152 + 153 + 1
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("🦊" * 35, 1),
        ("🦊" * 36, 2),
    ],
)
def test_segments(body: str, segments: int) -> None:
    assert count_segments(body) == segments


@given(st.text(st.sampled_from("abc €{}[]ж🦊é\n"), min_size=1, max_size=500))
def test_segments_agree_with_another_implementation(body: str) -> None:
    assert count_segments(body) == len(smsutil.split(body).parts)  # type: ignore[no-untyped-call]


def test_characters_are_utf_16_units() -> None:
    assert (count_units("a"), count_units("ж"), count_units("🦊")) == (1, 1, 2)


@pytest.mark.parametrize(
    ("body", "smart", "trial", "stored"),
    [
        ("  hi \n", False, False, "hi"),
        ("“hi” …", False, False, "“hi” …"),
        ("“hi” — …", True, False, '"hi" - ...'),
        ("a\u00a0b\u200bc", True, False, "a bc"),
        (" hi", False, True, "Sent from your Twilio trial account - hi"),
    ],
)
def test_the_stored_body_is_not_always_the_posted_one(body: str, smart: bool, trial: bool, stored: str) -> None:
    assert decide_stored_body(body, smart_encoded=smart, trial=trial) == stored
