"""Phone numbers: strict with people, open to whatever Twilio calls a sender, and masked in logs."""

import re
import subprocess
import sys

import pytest
from hypothesis import example, given, strategies as st

from shared.phone import (
    calling_code,
    can_be_texted,
    lacks_country_code,
    mask,
    parse_address,
    parse_e164,
    parse_person,
    person_of,
)

FORM = "expected a phone number in E.164 form such as +15551234567; "


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("+15551234567", "+15551234567"),
        ("15551234567", "+15551234567"),
        (15551234567, "+15551234567"),
        ("sms:+15551234567", "+15551234567"),
        ("SMS:15551234567", "+15551234567"),
        ("twilio-sms:+15551234567", "+15551234567"),
        (" sms: +1 (555) 123-4567 ", "+15551234567"),
        ("+1.555.123.4567", "+15551234567"),
        ("+1\u00a0555\u2011123\u20134567", "+15551234567"),
        ("+44 7700 900123", "+447700900123"),
        ("+49 (0)151 12345678", "+4915112345678"),
        ("+39 06 1234 5678", "+390612345678"),
        ("+800 1234 5678", "+80012345678"),
    ],
)
def test_a_number_is_understood_however_people_write_it(raw: str | int, address: str) -> None:
    assert parse_e164(raw) == address


def test_the_calling_code_is_that_of_the_country() -> None:
    assert [calling_code(parse_e164(each)) for each in ("+15551234567", "+447700900123")] == [1, 44]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "this is empty"),
        ("sms:", "this is empty"),
        (" - ", "this is empty"),
        ("hello", "this has characters that no number has"),
        ("+1555123456x", "this has characters that no number has"),
        ("whatsapp:+15551234567", "this has characters that no number has"),
        ("sms:sms:+15551234567", "this has characters that no number has"),
        ("++15551234567", "this has characters that no number has"),
        (
            "+\u0661\u0665\u0665\u0665\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
            "this has characters that no number has",
        ),
        ("+15551234567,+15557654321", "this has characters that no number has"),
        (-15551234567, "this is negative"),
        ("0049 151 12345678", "this starts with 0: write the country code after a plus"),
        (0, "this starts with 0: write the country code after a plus"),
        (True, "this is no text and no whole number"),
        ("+999 123 456 789", "no country has this calling code"),
        ("+1555", "this one is too short for its country"),
        ("+1", "this is too short"),
        ("12345", "this one is too short for its country"),
        ("+155512345678", "this one is too long for its country"),
        ("1" * 21, "this one is too long for any country"),
        (10**30, "this one is too long for any country"),
    ],
)
def test_what_is_no_number_is_refused_with_the_reason(raw: str | int, reason: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(FORM + reason) + "$"):
        parse_e164(raw)


@pytest.mark.parametrize(
    ("raw", "lacks"),
    [
        ("5551234567", True),
        (5551234567, True),
        ("sms:(555) 123-4567", True),
        ("40404", True),
        ("15551234567", False),
        ("+4712345678", False),
        ("MYBANK", False),
        (True, False),
    ],
)
def test_a_number_as_it_is_written_at_home_lacks_its_country_code(raw: str | int, lacks: bool) -> None:
    assert lacks_country_code(raw) is lacks


@given(st.one_of(st.text(max_size=40), st.integers(), st.from_regex(r"\A(sms:)?\+?[0-9 ()-]{0,24}\Z")))
@example("+" + "9" * 20)
def test_parsing_gives_e164_or_a_value_error_and_is_stable(raw: str | int) -> None:
    try:
        address = parse_e164(raw)
    except ValueError as error:
        assert str(error).startswith(FORM)  # noqa: PT017 - both outcomes are right
    else:
        assert re.fullmatch(r"\+[1-9][0-9]{6,14}", address)
        assert parse_e164(address) == address == parse_address(address)


@pytest.mark.parametrize(
    "sender",
    ["+15551234567", "12345", "MYBANK", "My Bank", "rcs:acme_agent", "whatsapp:+15551234567", "+1555", "Ü", "x" * 255],
)
def test_a_sender_from_twilio_is_taken_as_it_is(sender: str) -> None:
    assert parse_address(sender) == sender


@pytest.mark.parametrize("sender", ["", "   ", "x" * 256, "a\nb", "+1555\x00", "\x7f", "\x85", "\ud800"])
def test_what_cannot_be_a_sender_is_refused(sender: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a sender"):
        parse_address(sender)


@given(st.text(max_size=300))
def test_a_sender_is_never_changed_but_for_blanks_around_it(raw: str) -> None:
    try:
        address = parse_address(raw)
    except ValueError:
        return
    assert address == raw.strip(" ")
    assert parse_address(address) == address


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("+15551234567", "+1555•••4567"),
        ("+4915112345678", "+4915•••5678"),
        ("+4512345678", "+45•••78"),
        ("+1234567", "+12•••67"),
        ("whatsapp:+15551234567", "whatsapp:+1555•••4567"),
        ("rcs:acme_agent", "rcs:•••"),
        ("12345", "•••"),
        ("MYBANK", "•••"),
        ("", "•••"),
    ],
)
def test_a_mask_keeps_the_scheme_and_hides_the_middle(address: str, masked: str) -> None:
    assert mask(address) == masked


@given(st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z"))
def test_a_mask_hides_at_least_three_digits_of_any_number(address: str) -> None:
    hidden = len(address) - len(mask(address).replace("•••", ""))
    assert hidden >= 3


def test_a_number_of_thousands_of_digits_is_refused_like_any_other() -> None:
    with pytest.raises(ValueError, match=r"this one is too long for any country"):
        parse_e164(10**5000)


def test_senders_are_parsed_without_the_phone_number_library() -> None:
    code = "import sys; from shared.phone import *; parse_address('+15551234567'); print('phonenumbers' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True).stdout
    assert output == b"False\n"


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("rcs:+1 (555) 123-4567", "rcs:+15551234567"),
        (" RCS:15551234567", "rcs:+15551234567"),
        ("sms:+15551234567", "+15551234567"),
        (15551234567, "+15551234567"),
    ],
)
def test_a_person_is_a_number_or_one_over_rcs(raw: str | int, address: str) -> None:
    assert parse_person(raw) == address


@pytest.mark.parametrize(
    "raw", ["rcs:", "rcs:brand_agent", "rcs:rcs:+15551234567", "whatsapp:+15551234567", "rcs:sms:1"]
)
def test_what_no_person_is_is_refused_without_a_digit_of_it(raw: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a phone number in E\.164 form"):
        parse_person(raw)


@pytest.mark.parametrize(
    ("address", "person"),
    [
        ("rcs:+15551234567", "+15551234567"),
        ("RCS:+15551234567", "+15551234567"),
        ("+15551234567", "+15551234567"),
        ("rcs:brand_agent", "rcs:brand_agent"),
        ("whatsapp:+15551234567", "whatsapp:+15551234567"),
        ("rcs:", "rcs:"),
        ("12345", "12345"),
    ],
)
def test_an_opt_out_is_of_the_person_over_sms_and_rcs_alike(address: str, person: str) -> None:
    assert person_of(address) == person


@pytest.mark.parametrize(
    ("address", "can"),
    [
        ("+15551234567", True),
        ("rcs:+15551234567", True),
        ("whatsapp:+15551234567", True),
        ("12345", False),
        ("+12345", False),
        ("MYBANK", False),
        ("rcs:brand_agent", False),
        ("", False),
        ("+15551234567:x", False),
    ],
)
def test_short_codes_and_names_cannot_be_texted_back(address: str, can: bool) -> None:
    assert can_be_texted(address) is can
