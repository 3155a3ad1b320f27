"""Every code of the tables is explained: what it means, what happens by itself, what to do."""

import pytest

from cli.explain import describe, what_textgate_does
from shared.errors import UsageError
from shared.twilio_codes import CODES, ErrorClass
from shared.twilio_webhook_codes import WEBHOOK_CODES


@pytest.mark.parametrize("code", sorted(CODES | WEBHOOK_CODES))
def test_a_known_code_is_told_whole(code: int) -> None:
    told = describe(code)
    assert told["meaning"]
    assert told["hint"]
    assert told["source"].endswith(f"/{code}")
    assert (told["whenRefused"] is None) == (told["class"] == "webhook")


def test_no_code_has_two_meanings() -> None:
    assert set(CODES) & set(WEBHOOK_CODES) == set()


def test_an_unknown_code_is_no_guess() -> None:
    with pytest.raises(UsageError, match="99999 is none of"):
        describe(99999)


def test_a_code_that_records_an_opt_out_says_so_and_no_other_does() -> None:
    told = {code: (describe(code)["whenRefused"], describe(code)["whenReported"]) for code in CODES}
    saying = {code for code, words in told.items() if any("recorded as opted out" in each for each in words)}
    assert saying == {21610}
    assert all("until they text START" in words for words in told[21610])


def test_only_an_account_is_paused_and_only_what_may_pass_is_tried_again() -> None:
    said = {error_class: " ".join(what_textgate_does(error_class)) for error_class in ErrorClass}
    assert [error_class for error_class, words in said.items() if "paused" in words] == [ErrorClass.ACCOUNT]
    assert [error_class for error_class, words in said.items() if "tried again" in words] == [ErrorClass.TRANSIENT]
