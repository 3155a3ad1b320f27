"""The sandbox accepts and refuses what Twilio accepts and refuses. Nearly all codes are proven through the real SDK in
`tests/integration/test_sandbox_with_the_sdk.py`; here stands what that table does not reach."""

import pytest

from sandbox.config import SandboxAccount, SandboxConfig, SandboxNumber, SandboxService
from sandbox.directory import Directory
from sandbox.twilio_errors import TwilioError
from sandbox.validation import Draft, MessageForm, decide_message, parse_form

ACCOUNT = SandboxAccount(account_sid="AC1", auth_token="t")
POOL = ("+12025550101", "+12025550102", "+12025550103")
DIRECTORY = Directory(
    SandboxConfig(
        accounts=(ACCOUNT,),
        numbers=tuple(SandboxNumber(number=number, account_sid="AC1") for number in (*POOL, "55555", "rcs:shop")),
        services=(
            SandboxService(sid="MG1", account_sid="AC1", numbers=POOL, status_callback="http://127.0.0.1/cb"),
            SandboxService(sid="MG2", account_sid="AC1", numbers=()),
        ),
    )
)


def decide(form: MessageForm, *, opted_out: tuple[str, str] | None = None) -> Draft | TwilioError:
    return decide_message(
        form, account=ACCOUNT, directory=DIRECTORY, is_opted_out=lambda sender, phone: (sender, phone) == opted_out
    )


def accepted(form: MessageForm) -> Draft:
    draft = decide(form)
    assert isinstance(draft, Draft)
    return draft


def refused(form: MessageForm, *, opted_out: tuple[str, str] | None = None) -> int:
    error = decide(form, opted_out=opted_out)
    assert isinstance(error, TwilioError)
    return error.code


def test_a_form_is_read_with_its_blanks_and_repeated_media() -> None:
    form = parse_form(
        [("To", " +1 "), ("Body", " hi "), ("MediaUrl", "a"), ("MediaUrl", "b"), ("SmartEncoded", "true"), ("New", "")]
    )
    assert form == MessageForm(to="+1", body=" hi ", media_urls=("a", "b"), smart_encoded=True)


@pytest.mark.parametrize(("period", "code"), [("0", 90007), ("36001", 90007), ("soon", 90007), ("-1", 90007)])
def test_a_validity_period_outside_ten_hours_is_refused(period: str, code: int) -> None:
    assert refused(MessageForm(to="+14155550123", from_=POOL[0], body="x", validity_period=period)) == code
    draft = accepted(MessageForm(to="+14155550123", from_=POOL[0], body="x", validity_period="36000"))
    assert draft.validity_period_s == 36_000


def test_a_service_always_picks_the_same_sender_for_a_recipient() -> None:
    form = MessageForm(to="+14155550123", messaging_service_sid="MG1", body="x")
    first, second = accepted(form), accepted(form)
    assert first == second
    assert first.sender in POOL
    assert (first.sender_is_chosen, first.messaging_service_sid) == (False, "MG1")
    assert (first.status_callback, first.smart_encoded) == ("http://127.0.0.1/cb", True)


def test_from_and_callback_of_the_message_win_over_the_service() -> None:
    draft = accepted(
        MessageForm(
            to="+14155550123",
            from_=POOL[2],
            messaging_service_sid="MG1",
            body="x",
            status_callback="https://gateway.example/cb",
            smart_encoded=False,
        )
    )
    assert (draft.sender, draft.sender_is_chosen, draft.messaging_service_sid) == (POOL[2], True, "MG1")
    assert (draft.status_callback, draft.smart_encoded) == ("https://gateway.example/cb", False)


@pytest.mark.parametrize("sender", ["55555", "rcs:shop", "+15005550006"])
def test_configured_short_codes_and_channel_senders_may_send(sender: str) -> None:
    assert accepted(MessageForm(to="+14155550123", from_=sender, body="x")).sender == sender


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (MessageForm(to="+14155550123", messaging_service_sid="MG2", body="x"), 21703),
        (MessageForm(to="+14155550123", messaging_service_sid="MG1", from_="+12025550199", body="x"), 21712),
        (MessageForm(to="+14155550123", from_="Shop", body="x"), 21606),
        (MessageForm(to="+14155550123", from_=POOL[0], body="  \n"), 21602),
        (MessageForm(to="+14155550123", from_=POOL[0], body="🦊" * 801), 21617),
        (MessageForm(to="+14155550123", from_=POOL[0], media_urls=("nowhere",)), 21620),
        (MessageForm(to="+14155550123", from_=POOL[0], media_urls=("https://e.example/a",) * 11), 21623),
        (MessageForm(to="+0123", from_=POOL[0], body="x"), 21211),
    ],
)
def test_refusals(form: MessageForm, code: int) -> None:
    assert refused(form) == code


def test_a_picture_needs_no_body() -> None:
    assert accepted(MessageForm(to="+14155550123", from_=POOL[0], media_urls=("https://e.example/a",))).media_urls


def test_who_texted_stop_gets_nothing_from_that_sender() -> None:
    form = MessageForm(to="+14155550123", from_=POOL[0], body="x")
    assert refused(form, opted_out=(POOL[0], "+14155550123")) == 21610
    service = MessageForm(to="+14155550123", messaging_service_sid="MG1", body="x")
    assert refused(service, opted_out=("MG1", "+14155550123")) == 21610


def test_several_accounts_may_hold_one_number() -> None:
    directory = Directory(
        SandboxConfig(
            accounts=(ACCOUNT, SandboxAccount(account_sid="AC2", auth_token="t2")),
            numbers=(
                SandboxNumber(number=POOL[0], account_sid="AC1"),
                SandboxNumber(number=POOL[0], account_sid="AC2"),
            ),
        )
    )
    assert directory.owners(POOL[0]) == ["AC1", "AC2"]
    assert directory.number("AC2", POOL[0]) is not None
    assert directory.number("AC3", POOL[0]) is None
