"""What people write after `pairing deny` and `revoke`: every documented form is understood, all else refused."""

import contextlib

import pytest
from hypothesis import given, strategies as st

from cli.pairing_words import parse_sender
from cli.words import parse_code
from shared.errors import UsageError


@pytest.mark.parametrize("words", [["ABCD2345"], ["sms", "ABCD2345"]])
def test_a_code_may_follow_the_channel(words: list[str]) -> None:
    assert parse_code(words, verb="deny") == "ABCD2345"


@pytest.mark.parametrize("words", [[], ["sms"], ["SMS"], ["sms", "sms"], ["sms", "ABCD2345", "x"], ["fax", "ABCD2345"]])
def test_anything_else_is_no_code(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse_code(words, verb="deny")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["+15551234567"], ("+15551234567",)),
        (["sms", "+15551234567"], ("+15551234567",)),
        (["sms:+15551234567"], ("+15551234567", "sms:+15551234567")),
        (["15551234567"], ("+15551234567", "15551234567")),
        (["+1", "(555)", "123-4567"], ("+15551234567", "+1 (555) 123-4567")),
        (["40404"], ("40404",)),
        (["rcs:brand_agent"], ("rcs:brand_agent",)),
        (["MyBank"], ("MyBank",)),
    ],
)
def test_a_sender_is_looked_for_as_it_may_be_stored(words: list[str], names: tuple[str, ...]) -> None:
    assert parse_sender(words) == names


@pytest.mark.parametrize("words", [[], ["sms"], [""], ["sms", " "], ["\udcff"], ["a\nb"], ["x" * 300]])
def test_what_cannot_be_a_sender_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError, match="textgate pairing allowed"):
        parse_sender(words)


@given(st.lists(st.text(max_size=20), max_size=4))
def test_words_are_a_sender_or_a_usage_error(words: list[str]) -> None:
    with contextlib.suppress(UsageError):
        assert all(parse_sender(words))
