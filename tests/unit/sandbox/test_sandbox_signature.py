"""The sandbox signs as Twilio's documentation says, and so that Twilio's own validator agrees."""

from typing import Any

from hypothesis import given, strategies as st
from twilio.request_validator import RequestValidator

from sandbox.signature import sign

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
VALUES = st.text(st.characters(codec="utf-8"), max_size=40)


def test_the_example_of_twilios_documentation() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    signature = sign(auth_token="12345", url="https://mycompany.com/myapp.php?foo=1&bar=2", params=form.items())
    assert signature == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_the_fragment_is_not_signed() -> None:
    plain = sign(auth_token="t", url="http://127.0.0.1/sms?x=y")
    assert sign(auth_token="t", url="http://127.0.0.1/sms?x=y#rc=3&rp=5xx") == plain


def test_a_repeated_parameter_counts_once_per_value() -> None:
    url = "http://127.0.0.1/sms"
    once = sign(auth_token="t", url=url, params=[("a", "1"), ("a", "2")])
    assert sign(auth_token="t", url=url, params=[("a", "2"), ("a", "1"), ("a", "2")]) == once


@given(form=st.dictionaries(NAMES, VALUES, max_size=8), token=st.text(st.characters(codec="ascii"), min_size=1))
def test_twilios_validator_agrees_with_every_form(form: dict[str, str], token: str) -> None:
    validator: Any = RequestValidator(token)  # type: ignore[no-untyped-call]
    url = "https://gateway.example/sms?x=1"
    assert validator.compute_signature(url, form) == sign(auth_token=token, url=url, params=form.items())
