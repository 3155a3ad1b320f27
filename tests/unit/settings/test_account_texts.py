"""The settings `language`, `texts` and `agent.apology`: which words an account ends up with, and what is refused."""

import pytest

from shared.errors import ConfigError
from shared.texts import TextKey, phrases
from tests.unit.settings.conftest import Load

BASE = 'accountSid: "AC1", authToken: "t", fromNumber: "+15551234567"'


def sms(inside: str, agent: str = "") -> str:
    return f"{{agent: {{{agent}}}, channels: {{sms: {{{BASE}, {inside}}}}}}}"


def apology(load: Load, inside: str, agent: str = "", *, account: str = "default") -> str | None:
    return load(sms(inside, agent)).accounts[account].texts.say(TextKey.APOLOGY, number="+15557654321")


def test_texts_are_english_unless_the_account_has_another_language(load: Load) -> None:
    assert apology(load, "") == phrases("en")[TextKey.APOLOGY]
    assert apology(load, 'language: "pt-BR"') == phrases("pt")[TextKey.APOLOGY]


@pytest.mark.parametrize(
    ("inside", "agent", "expected"),
    [
        ("", 'apology: "oops"', "oops"),
        ("", "apology: null", None),
        ("", 'apology: ""', None),
        ('language: "de"', 'apology: "oops"', "oops"),
        ('texts: {apology: "ours"}', 'apology: "oops"', "ours"),
        ("texts: {apology: null}", 'apology: "oops"', None),
        ('texts: {apology: "{name} is sorry, {number}"}, name: "Shop"', "", "Shop is sorry, +15557654321"),
        ('texts: {apology: "{name}"}', "", "default"),
    ],
)
def test_own_words_go_before_those_for_all_and_those_before_the_language(
    load: Load, inside: str, agent: str, expected: str | None
) -> None:
    assert apology(load, inside, agent) == expected


def test_texts_are_merged_key_by_key_but_not_into_another_language(load: Load) -> None:
    text = (
        'language: "fr", texts: {apology: "base", new: "base"}, accounts: {'
        'a: {webhookPath: "/a", texts: {new: "own"}}, '
        'b: {webhookPath: "/b", language: "es", texts: {new: "own"}}}'
    )
    accounts = load(sms(text)).accounts
    said = {each: accounts[each].texts.template(TextKey.APOLOGY) for each in accounts}
    assert said == {"default": "base", "a": "base", "b": phrases("es")[TextKey.APOLOGY]}
    assert [accounts[each].texts.template(TextKey.NEW) for each in ("a", "b")] == ["own", "own"]


@pytest.mark.parametrize(
    ("inside", "agent", "error"),
    [
        ('texts: {pairing: "{cod}"}', "", "channels.sms.texts.pairing: wrong value; there is no variable {cod}; expec"),
        ('texts: {pairing: "hi"}', "", "channels.sms.texts.pairing: wrong value; expected {code} in it"),
        ('texts: {aproved: "hi"}', "", "channels.sms.texts.aproved: unknown key; did you mean approved?"),
        ("texts: {new: 5}", "", "channels.sms.texts.new: found 5; expected a string or null"),
        ('texts: {new: ""}', "", "channels.sms.texts.new: wrong value; expected words; null = say nothing"),
        ("", 'apology: "{x}"', "agent.apology: wrong value; there is no variable {x}; expected only {number}, {name}"),
        ('language: "german"', "", "channels.sms.language: wrong value; expected a language tag: one of de"),
        ('accounts: {a: {webhookPath: "/a", texts: {new: "{x}"}}}', "", "channels.sms.accounts.a.texts.new: wrong"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_path(load: Load, inside: str, agent: str, error: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(sms(inside, agent))
    assert str(refused.value).startswith(error)
