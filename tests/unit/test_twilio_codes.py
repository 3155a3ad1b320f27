"""Every documented code about texts has a class, a meaning and a hint, and each hint says what to do."""

import re
from pathlib import Path

import pytest

from shared.twilio_codes import CODES, ErrorClass, classify, source_of

DOCUMENTED = {
    int(code)
    for line in (Path(__file__).parent / "twilio_documented_codes.txt").read_text().splitlines()
    if not line.startswith("#")
    for code in line.split()
}
VERBS = {
    *("answer", "ask", "check", "choose", "do", "enable", "leave", "look", "lower", "raise", "register", "report"),
    *("retry", "review", "send", "set", "update", "upgrade", "use", "verify", "wait", "watch"),
}
"""What a hint starts with: an order to whoever reads it."""


def test_the_table_holds_exactly_the_documented_codes() -> None:
    assert len(DOCUMENTED) > 150
    assert set(CODES) == DOCUMENTED


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_says_what_it_means_and_what_to_do(code: int) -> None:
    info = CODES[code]
    assert len(info.meaning.split()) >= 2
    words = re.findall(r"[\w']+", info.hint)
    assert words[0] in VERBS, info.hint
    assert len(words) >= 3, info.hint
    assert not info.hint.endswith("."), "hints stand in the middle of lines"
    assert source_of(code) == f"https://www.twilio.com/docs/api/errors/{code}"


@pytest.mark.parametrize("code", sorted(CODES))
def test_only_what_may_pass_says_how_long_to_wait(code: int) -> None:
    assert CODES[code].error_class is ErrorClass.TRANSIENT or CODES[code].wait_s == 0


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
