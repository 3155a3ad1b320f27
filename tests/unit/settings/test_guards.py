"""The settings of the guards: what is on without a word, and how accounts inherit them."""

import pytest

from shared.config_rules import BadEntryError, parse_block_from
from tests.unit.settings.conftest import Load

ACCOUNT = 'accountSid: "AC1", authToken: "t", fromNumber: "+15551234567"'


@pytest.mark.parametrize(
    ("block", "rounds"),
    [
        ("", 15),
        ("rateLimits: {perSenderPerMinute: 0}", 0),
        ("rateLimits: {perSenderPerMinute: 0}, loopGuard: {rounds: 7}", 7),
        ("loopGuard: {rounds: 0}", 0),
        ("loopGuard: {rounds: null}", 15),
    ],
)
def test_the_guard_against_loops_is_on_unless_machines_are_expected(load: Load, block: str, rounds: int) -> None:
    settings = load(f"{{channels: {{sms: {{{ACCOUNT}, {block}}}}}}}")
    assert settings.accounts["default"].loop_rounds == rounds


def test_the_guard_is_inherited_key_by_key(load: Load) -> None:
    shop = 'accounts: {shop: {webhookPath: "/shop", loopGuard: {restMinutes: 5}}}'
    accounts = load(f"{{channels: {{sms: {{{ACCOUNT}, loopGuard: {{rounds: 4}}, {shop}}}}}}}").accounts
    assert (accounts["shop"].loop_rounds, accounts["shop"].loop_guard.rest_min) == (4, 5)
    assert accounts["default"].loop_guard.rest_min == 60


def test_the_block_list_and_the_owner_s_number_are_normalised(load: Load) -> None:
    account = load(
        f'{{channels: {{sms: {{{ACCOUNT}, blockFrom: [15557654321, "sms:+1 (555) 765-4322"], '
        'pairingNotify: "+1 555 765 9999"}}}'
    ).accounts["default"]
    assert account.block_from == {"+15557654321", "+15557654322"}
    assert account.pairing_notify == "+15557659999"


def test_short_codes_and_names_can_be_blocked() -> None:
    assert parse_block_from(["12345", "My Shop", "rcs:brand_x", 262626]) == {
        "12345",
        "My Shop",
        "rcs:brand_x",
        "262626",
    }


@pytest.mark.parametrize("entry", ["", "+1555", "*", "0555123456", "\n", "+1555123456789012345678", "a\x00b", -5])
def test_what_looks_like_a_number_and_is_none_is_a_slip(entry: str | int) -> None:
    with pytest.raises(BadEntryError):
        parse_block_from(["+15557654321", entry])
