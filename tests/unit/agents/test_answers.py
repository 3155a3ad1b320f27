"""Whatever an agent gives back: it becomes texts that can be sent and paid for, or a clear TypeError."""

from typing import Any

import pytest
from hypothesis import example, given, strategies

from shared.media_urls import MAX_MEDIA
from workers.agents.answers import CUT_MARK, MAX_TEXTS, Said, bounded, clean, said_of
from workers.agents.contract import Reply
from workers.agents.failures import describe, shorten

CAT = "https://example.com/cat.png"


class Word(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        (None, ()),
        ("", ()),
        ("  \n", ()),
        ("a", ("a",)),
        (["a", " ", "b"], ("a", "b")),
        (("a", "b"), ("a", "b")),
        ((), ()),
        (Reply(), ()),
        (Reply(texts="a"), ("a",)),
        (Reply(texts=["a", ""]), ("a",)),
        (Word("a"), ("a",)),
        ("half a pair \ud83d", ("half a pair \ufffd",)),
        ("a pair in halves \ud83d\ude00", ("a pair in halves \U0001f600",)),
    ],
)
def test_answers(answer: object, texts: tuple[str, ...]) -> None:
    assert said_of(answer, max_characters=100) == Said(texts=texts)


@pytest.mark.parametrize(
    "answer",
    [3, {"text": "a"}, b"a", [1], ["a", None], {"a"}, object(), Reply(texts=3), Reply(media=[1])],  # type: ignore[arg-type, list-item]
)
def test_what_is_no_answer_is_refused_with_what_is_allowed(answer: object) -> None:
    with pytest.raises(TypeError, match="an agent answers with a str, a list of str, a Reply, or None"):
        said_of(answer, max_characters=100)


@pytest.mark.parametrize(
    ("given_url", "is_kept"),
    [
        (CAT, True),
        (f"{CAT}?a=b#c", True),
        ("https://example.com:8443/cat.png", True),
        ("http://example.com/cat.png", False),
        ("http://127.0.0.1:8080/cat.png", False),
        ("cat.png", False),
        ("file:///etc/passwd", False),
        ("https://user:password@example.com/cat.png", False),
        ("https:///cat.png", False),
        ("https://example.com/a cat.png", False),
        ("https://example.com/\ncat.png", False),
        ("https://[::1/cat.png", False),
        (f"https://example.com/{'a' * 3000}", False),
    ],
)
def test_only_media_that_twilio_could_fetch_goes_out_and_the_text_always_does(given_url: str, is_kept: bool) -> None:
    said = said_of(Reply(texts="look", media=given_url), max_characters=100)
    assert said.texts == ("look",)
    assert said.media == ((given_url,) if is_kept else ())
    assert bool(said.left_out) is not is_kept


def test_no_more_media_than_a_message_may_carry() -> None:
    said = said_of(Reply(media=[CAT] * 12), max_characters=100)
    assert len(said.media) == MAX_MEDIA
    assert "2 media" in said.left_out[0]


def test_a_megabyte_is_cut_with_a_mark_at_the_end_of_a_word() -> None:
    said = said_of("word " * 200_000, max_characters=1000)
    (text,) = said.texts
    assert len(text) <= 1000
    assert text.endswith(f"word{CUT_MARK}")
    assert said.left_out == ("text over agent.maxReplyCharacters",)


def test_many_texts_become_few_and_nothing_is_lost() -> None:
    texts, was_cut = bounded([str(n) for n in range(50)], 10_000)
    assert (len(texts), was_cut) == (MAX_TEXTS, False)
    assert "\n".join(texts).split() == [str(n) for n in range(50)]


@given(strategies.lists(strategies.text(min_size=1)), strategies.integers(100, 160))
@example(["0", "0" * 96, "0", "000", "0"], 100)
def test_the_bound_holds_for_all_texts_together(texts: list[str], limit: int) -> None:
    kept, was_cut = bounded(texts, limit)
    assert sum(map(len, kept)) <= limit
    assert len(kept) <= MAX_TEXTS
    assert not was_cut or kept[-1].endswith(CUT_MARK)
    assert was_cut or "".join(kept).replace("\n", "") == "".join(texts).replace("\n", "")


@given(strategies.text(strategies.characters()))
def test_what_is_cleaned_can_be_stored(text: str) -> None:
    clean(text).encode()


class EvilError(Exception):
    def __str__(self) -> str:
        raise SystemExit


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no"), "ValueError: no"),
        (ValueError(), "ValueError"),
        (EvilError(), "EvilError: its text cannot be read"),
        (ValueError("+15557654321 is busy\n\n"), "ValueError: +1555•••4321 is busy"),
        (ValueError("\ud800"), "ValueError: ?"),
    ],
)
def test_an_error_is_told_in_one_line_without_numbers(error: Exception, said: str) -> None:
    assert describe(error) == said


def test_of_a_long_error_the_end_is_told() -> None:
    told: Any = shorten("x" * 10**6 + " the reason")
    assert told.endswith("the reason")
    assert len(told) < 600
