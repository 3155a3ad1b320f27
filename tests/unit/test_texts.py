"""The fixed texts: complete in every language, cheap, and safe to fill whatever people write into them."""

import pytest
from hypothesis import given, strategies as st

from shared.settings_texts import TextsSection, said
from shared.texts import (
    VARIABLES,
    TextKey,
    Texts,
    check_template,
    fill,
    find_language,
    languages,
    phrases,
    variables_of,
)
from workers.text.render import render
from workers.text.segments import Encoding

LONGEST: dict[str, str | int] = {
    "number": "+123456789012345",
    "code": "WWWWWWWW",
    "minutes": 60,
    "limit": 1000,
    "remembered": 1000,
    "waiting": 1000,
    "commands": "/help: x\n/new: y\n/status: z",
    "name": "Shop",
}
"""The longest values that are likely; a number in E.164 has 15 digits at most."""

GSM_LANGUAGES = {"de", "en", "es", "fr", "pt"}
TWO_SEGMENTS = {("hi", TextKey.PAIRING)}


def every_text() -> list[tuple[str, TextKey]]:
    return [(language, key) for language in languages() for key in TextKey]


def test_nine_languages_are_shipped() -> None:
    assert set(languages()) == {"de", "en", "es", "fr", "hi", "ja", "ko", "pt", "zh"}


@pytest.mark.parametrize(("language", "key"), every_text())
def test_every_language_says_everything_with_the_same_variables(language: str, key: TextKey) -> None:
    template = phrases(language)[key]
    assert template == template.strip()
    assert sorted(variables_of(template)) == sorted(variables_of(phrases("en")[key]))
    check_template(key, template)
    assert key is TextKey.PAIRING or template != phrases("en")[key] or language == "en"


@pytest.mark.parametrize(("language", "key"), every_text())
def test_a_fixed_text_is_one_segment(language: str, key: TextKey) -> None:
    parts = render(fill(phrases(language)[key], LONGEST), markdown=False, limit=1500, smart_encoding=True)
    assert len(parts) == 1
    assert parts[0].segments == (2 if (language, key) in TWO_SEGMENTS else 1)
    assert (parts[0].encoding == Encoding.GSM_7) or language not in GSM_LANGUAGES


def test_each_text_has_a_setting_of_its_name() -> None:
    section = TextsSection(**dict.fromkeys(TextsSection.__struct_fields__))
    assert list(said(section)) == [key.value for key in TextKey]
    assert said(TextsSection()) == {}


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("{a} and {b}", {"a": 1, "b": "x"}, "1 and x"),
        ("{a}{a}", {"a": "{b}", "b": "no"}, "{b}{b}"),
        ("{{a}} {{{a}}}", {"a": 1}, "{a} {1}"),
        ("a { b } c", {" b ": "!"}, "a ! c"),
        ("a closed } and an open {", {}, "a closed } and an open {"),
    ],
)
def test_only_what_stands_in_braces_is_filled_and_only_once(
    template: str, values: dict[str, str | int], text: str
) -> None:
    assert fill(template, values) == text


@given(number=st.text(max_size=300), template=st.text(alphabet="{}ab ", max_size=40))
def test_a_sender_s_name_is_never_taken_for_a_variable(number: str, template: str) -> None:
    own: dict[TextKey, str | None] = {TextKey.NEW: f"{template.replace('{', '{{').replace('}', '}}')}|{{number}}"}
    assert Texts(own=own).say(TextKey.NEW, number=number) == f"{template}|{number}"


@pytest.mark.parametrize(
    ("key", "template", "expected"),
    [
        (TextKey.APPROVED, "hi {code}", "there is no variable {code}; expected only {number}, {name}"),
        (TextKey.PAIRING, "{code} {sender}", "there is no variable {sender}; expected only {code}, {minutes}, {num"),
        (TextKey.PAIRING, "no code", "expected {code} in it"),
        (TextKey.PAIRING, "{{code}}", "expected {code} in it"),
        (TextKey.CAP, "{}", "there is no variable {}"),
        (TextKey.CAP, "{limit:>500000000}", "there is no variable {limit:"),
        (TextKey.CAP, "{limit.__class__}", "there is no variable {limit.__class__}"),
        (TextKey.CAP, " \n", "expected words; null = say nothing"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(key: TextKey, template: str, expected: str) -> None:
    with pytest.raises(ValueError, match=r"^(there is no variable|expected) ") as refused:
        check_template(key, template)
    assert str(refused.value).startswith(expected)


@pytest.mark.parametrize("key", TextKey)
def test_a_template_may_hold_each_variable_of_its_text(key: TextKey) -> None:
    template = " ".join(f"{{{name}}}" for name in VARIABLES[key])
    check_template(key, template)
    assert fill(template, LONGEST) == " ".join(str(LONGEST[name]) for name in VARIABLES[key])


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en", "en"), ("EN", "en"), ("pt-BR", "pt"), ("zh-Hans-CN", "zh"), ("de-AT-1996", "de"), ("es-419", "es")],
)
def test_a_region_falls_back_to_its_language(tag: str, language: str) -> None:
    assert find_language(tag) == language


@pytest.mark.parametrize(
    ("tag", "guess"),
    [
        ("pt_BR", "pt"),
        ("spanish", "es"),
        ("Spanisch", "es"),
        ("Deutsch", "de"),
        ("日本語", "ja"),
        ("en-", "en"),
        ("nl", None),
        ("xx-YY", None),
        ("", None),
        ("../../etc/passwd", None),
    ],
)
def test_an_unknown_language_is_refused_with_what_was_probably_meant(tag: str, guess: str | None) -> None:
    with pytest.raises(ValueError, match=r"^expected a language tag: one of de, en, ") as refused:
        find_language(tag)
    assert str(refused.value).endswith(f"; did you mean {guess}?" if guess else "with or without a region")
