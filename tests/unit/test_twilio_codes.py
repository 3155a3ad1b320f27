"""Every code has a class, and whoever must act has a hint."""

import pytest

from shared.twilio_codes import CODES, ErrorClass, classify


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_that_an_operator_must_act_on_has_a_hint(code: int) -> None:
    info = CODES[code]
    assert info.meaning
    if info.error_class in (ErrorClass.ACCOUNT, ErrorClass.PERMANENT):
        assert info.hint, code


@pytest.mark.parametrize(
    ("status", "code", "error_class"),
    [
        (400, 21211, ErrorClass.PERMANENT),
        (401, 20003, ErrorClass.ACCOUNT),
        (401, None, ErrorClass.ACCOUNT),
        (404, 20404, ErrorClass.ACCOUNT),
        (429, 20429, ErrorClass.TRANSIENT),
        (429, None, ErrorClass.TRANSIENT),
        (400, 99999, ErrorClass.PERMANENT),
        (500, 20500, ErrorClass.UNKNOWN),
        (500, None, ErrorClass.UNKNOWN),
        (503, 20429, ErrorClass.UNKNOWN),
        (502, 21211, ErrorClass.UNKNOWN),
        (408, 408, ErrorClass.UNKNOWN),
    ],
)
def test_answers_are_classed(status: int, code: int | None, error_class: ErrorClass) -> None:
    """Ruling 24: every 5xx answer to a send is outcome unknown, whatever its code says."""
    assert classify(status, code).error_class is error_class
