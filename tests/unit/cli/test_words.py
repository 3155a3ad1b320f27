"""What people write after a command: documented forms are understood, all else is refused with the way out."""

import contextlib

import pytest
from hypothesis import given, strategies as st

from cli.words import parse_code, parse_target
from shared.errors import UsageError


@pytest.mark.parametrize(
    ("target", "channel"),
    [
        ("sms:+15551234567", "sms"),
        ("sms:+15551234567", None),
        ("twilio-sms:+15551234567", None),
        ("twilio-sms:+15551234567", "sms"),
        ("TWILIO-SMS:+1 555 123-4567", None),
        ("+15551234567", "sms"),
        ("15551234567", None),
    ],
)
def test_every_documented_form_of_a_target_names_the_number(target: str, channel: str | None) -> None:
    assert parse_target(target, channel) == "+15551234567"


@pytest.mark.parametrize(
    ("target", "channel", "said"),
    [
        ("", "sms", "this is empty"),
        ("sms:", "sms", "this is empty"),
        ("sms:+15", "sms", "too short"),
        ("2025550123", "sms", "without its country code"),
        ("sms:2025550123", None, "without its country code"),
        ("sms:hello", "sms", "characters that no number has"),
        ("sms:sms:+15551234567", "sms", "characters that no number has"),
        ("whatsapp:+15551234567", None, "there is no channel 'whatsapp'"),
        ("twilio-sms:+15551234567", "telegram", "there is no channel telegram"),
    ],
)
def test_a_bad_target_is_refused(target: str, channel: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_target(target, channel)


@given(st.text(max_size=30))
def test_a_target_is_a_number_or_a_usage_error(target: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_target(target, None).startswith("+")


@pytest.mark.parametrize("words", [["ABCD2345"], ["sms", "ABCD2345"]])
def test_a_code_may_follow_the_channel(words: list[str]) -> None:
    assert parse_code(words, verb="approve") == "ABCD2345"


@pytest.mark.parametrize("words", [[], ["sms"], ["sms", "sms"], ["sms", "ABCD2345", "--"], ["fax", "ABCD2345"]])
def test_anything_else_is_no_code(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse_code(words, verb="approve")
