"""Who texts whom: RCS is answered over RCS, everything else by the number, else by the Messaging Service."""

from datetime import UTC, datetime

import pytest

from shared.errors import ConfigError
from shared.outbox import Status
from shared.phone import Address
from shared.settings import Account
from shared.settings_account import Sender
from tests.unit.settings.conftest import Load
from workers.messages_api import SentMessage
from workers.reconcile import same_sender

NUMBER, SERVICE, BRAND = Address("+15550001111"), "MG1", "rcs:brand_agent"
SMS, RCS = "+15557650001", "rcs:+15557650001"


@pytest.mark.parametrize(
    ("number", "service", "brand", "to", "expected"),
    [
        (NUMBER, None, None, SMS, (NUMBER, None)),
        (NUMBER, SERVICE, BRAND, SMS, (NUMBER, None)),
        (None, SERVICE, BRAND, SMS, (None, SERVICE)),
        (NUMBER, SERVICE, BRAND, RCS, (BRAND, None)),
        (NUMBER, SERVICE, None, RCS, (None, SERVICE)),
        (None, SERVICE, None, RCS, (None, SERVICE)),
        (NUMBER, None, None, RCS, (NUMBER, None)),
    ],
)
def test_the_answer_goes_back_over_the_same_channel(
    number: Address | None, service: str | None, brand: str | None, to: str, expected: tuple[str | None, str | None]
) -> None:
    account = Account(id="a", account_sid="AC1", from_number=number, messaging_service_sid=service, rcs_sender=brand)
    sender = account.sender_to(to)
    assert (sender.number, sender.service_sid) == expected
    assert sender.id == (sender.number or sender.service_sid)


@pytest.mark.parametrize(
    ("sender", "same"),
    [
        (Sender(number=BRAND, service_sid=None), True),
        (Sender(number=NUMBER, service_sid=None), False),
        (Sender(number=None, service_sid=SERVICE), True),
        (Sender(number=None, service_sid="MG2"), False),
    ],
)
def test_a_part_in_doubt_is_looked_for_under_the_sender_that_would_have_sent_it(sender: Sender, same: bool) -> None:
    message = SentMessage(
        sid="SM1",
        status=Status.SENT,
        body="hi",
        sender=BRAND,
        messaging_service_sid=SERVICE,
        created=datetime.now(UTC),
    )
    assert same_sender(message, sender.id) is same


def block(more: str) -> str:
    return f'{{channels: {{sms: {{accountSid: "AC1", authToken: "t", fromNumber: "{NUMBER}", {more}}}}}}}'


def test_an_rcs_sender_is_a_name_behind_rcs(load: Load) -> None:
    assert load(block('rcsSender: " rcs:brand_agent "')).accounts["default"].rcs_sender == BRAND


@pytest.mark.parametrize("sender", ["brand_agent", "rcs:", "rcs:+15557650001", "rcs:a b", "RCS:brand", "whatsapp:x"])
def test_what_is_no_rcs_sender_is_refused(load: Load, sender: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^channels\.sms\.rcsSender: wrong value; expected an RCS sender such as rcs:"
    ):
        load(block(f'rcsSender: "{sender}"'))


def test_opt_out_is_merged_key_by_key(load: Load) -> None:
    text = (
        'optOut: {reply: true, stopWords: ["Baja"]}, '
        'accounts: {a: {webhookPath: "/a", optOut: {stopWords: ["Genug!"]}}}'
    )
    accounts = load(block(text)).accounts
    assert accounts["default"].opt_out.stop_words == ("baja",)
    assert (accounts["a"].opt_out.reply, accounts["a"].opt_out.stop_words) == (True, ("genug!",))


def test_a_stop_word_that_means_something_else_is_refused_with_its_place(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"^channels\.sms\.optOut\.stopWords\[1\]: wrong value; expected a word that"):
        load(block('optOut: {stopWords: ["baja", "YES"]}'))
