"""What counts as a keyword, and what is talk: Twilio's own word first, then the whole body and nothing less."""

import pytest
from hypothesis import given, strategies as st

from shared.gate import Keyword
from shared.heard import Heard, decide_keyword
from shared.keywords import FRENCH_HELP_WORDS, HELP_WORDS, START_WORDS, STOP_WORDS, check_stop_word, fold
from shared.optout import Cause
from shared.settings import Account
from shared.settings_number_rules import OptOutSection

LONG_CODE, TOLL_FREE = "+15550001111", "+18445550111"


def account_with(**opt_out: object) -> Account:
    section = OptOutSection(**opt_out)  # type: ignore[arg-type]
    return Account(id="default", account_sid="AC1", opt_out=section)


PLAIN = account_with()


def heard(body: str, *, to: str = LONG_CODE, account: Account = PLAIN, opt_out_type: str = "") -> Heard:
    more = {"OptOutType": opt_out_type} if opt_out_type else {}
    return decide_keyword({"Body": body, "To": to, **more}, account)


@pytest.mark.parametrize(
    ("body", "keyword"),
    [
        *((word, Keyword.STOP) for word in sorted(STOP_WORDS)),
        *((word, Keyword.START) for word in sorted(START_WORDS)),
        *((word, Keyword.HELP) for word in sorted(HELP_WORDS)),
        (" \n Stop\t", Keyword.STOP),
        ("Arrêt", Keyword.STOP),
        ("ARRE\u0302TE", Keyword.STOP),
        ("\uff33\uff34\uff2f\uff30", Keyword.STOP),
        ("STOP!", Keyword.NONE),
        ("stop.", Keyword.NONE),
        ("please stop", Keyword.NONE),
        ("stop it", Keyword.NONE),
        ("nonstop", Keyword.NONE),
        ("s t o p", Keyword.NONE),
        ("start over", Keyword.NONE),
        ("yes please", Keyword.NONE),
        ("aide", Keyword.NONE),
        ("stop" + " " * 100, Keyword.STOP),
        ("stop " * 100, Keyword.NONE),
        ("", Keyword.NONE),
    ],
)
def test_a_keyword_is_the_whole_body(body: str, keyword: Keyword) -> None:
    assert heard(body) == Heard(keyword=keyword, cause=Cause.KEYWORD)


@pytest.mark.parametrize("said", ["STOP", "START", "HELP", "stop"])
def test_twilio_s_own_word_wins_over_the_body(said: str) -> None:
    for body in ("BAJA", "hello", "START", "STOP"):
        assert heard(body, opt_out_type=said) == Heard(keyword=Keyword(said.lower()), cause=Cause.OPT_OUT_TYPE)


def test_an_opt_out_type_that_nobody_knows_leaves_it_to_the_body() -> None:
    assert heard("stop", opt_out_type="PAUSE") == Heard(keyword=Keyword.STOP)
    assert heard("hello", opt_out_type="PAUSE") == Heard(keyword=Keyword.NONE)


@pytest.mark.parametrize("prefix", ["800", "833", "844", "855", "866", "877", "888"])
def test_yes_lifts_nothing_behind_a_toll_free_number(prefix: str) -> None:
    """The network knows only START and UNSTOP there."""
    to = f"+1{prefix}5550111"
    assert heard("YES", to=to).keyword is Keyword.NONE
    assert heard("UNSTOP", to=to).keyword is Keyword.START
    assert heard("START", to=to).keyword is Keyword.START
    assert heard("YES", to=to, opt_out_type="START").keyword is Keyword.START
    assert heard("STOP", to=to).keyword is Keyword.STOP


def test_aide_is_help_only_where_somebody_answers_it() -> None:
    assert heard("Aide", account=account_with(reply=True)).keyword is Keyword.HELP
    assert frozenset({"aide"}) == FRENCH_HELP_WORDS


def test_further_stop_words_count_as_stop() -> None:
    account = account_with(stop_words=(check_stop_word("¡Básta!"), check_stop_word("停止")))
    assert heard("¡basta!", account=account).keyword is Keyword.STOP
    assert heard("停止", account=account).keyword is Keyword.STOP
    assert heard("basta", account=account).keyword is Keyword.NONE


@pytest.mark.parametrize("word", ["", "  ", "x" * 61, "YES", "Help", "aide"])
def test_a_stop_word_that_means_something_else_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a word"):
        check_stop_word(word)


@given(st.text(max_size=80))
def test_any_body_is_heard_without_an_error_and_folding_twice_changes_nothing(body: str) -> None:
    heard(body)
    assert fold(fold(body)) == fold(body)
