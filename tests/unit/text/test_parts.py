# ruff: noqa: RUF001 (many scripts)
"""Parts: nothing lost, nothing torn, nothing blank, each within the limit, as few as the rule of cuts allows."""

import time
from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, given, settings, strategies as st

from workers.text.graphemes import grapheme_starts
from workers.text.parts import MAX_BODY, greedy_parts, split_parts
from workers.text.segments import count_segments
from workers.text.urls import find_urls, span_around

SCRIPTS = "ab.!? \n\t{€éśж漢字。，한국어नमस्ते्\u200d\u0301\ufe0f👨👩👧🇩🇪🇫🇷👍🏽\r"
TEXTS = st.one_of(
    st.text(SCRIPTS, max_size=200),
    st.text(max_size=120),
    st.lists(st.sampled_from(["word", "two words. ", "👨‍👩‍👧 ", "https://ex.com/a_b ", "\n\n", "\n", " ", "नमस्ते"])).map(
        "".join
    ),
)
REPLIES = st.lists(
    st.lists(
        st.sampled_from(
            [
                "A short line.",
                "- an item of a list",
                "A sentence of the usual length stands here. And another one, a bit longer than the first, follows it.",
                "https://ex.com/" + "a_b/" * 12 + " is where it is",
                "Dire “rien”, c’est déjà [dire] {quelque chose} ~ à peine €5.",
                "Schön 👍🏽 👨‍👩‍👧 🇩🇪",
                "今天的订单已经发货。请注意查收。谢谢！",
                "word " * 40 + "end",
            ]
        ),
        min_size=1,
        max_size=6,
    ).map("\n".join),
    min_size=2,
    max_size=12,
).map("\n\n".join)
LIMITS = st.one_of(st.integers(1, 12), st.integers(13, 90))

CASES = [
    ("one two", 20, ["one two"]),
    ("", 10, []),
    (" \n ", 10, []),
    ("one two three", 8, ["one two ", "three"]),
    ("First para.\n\nSecond one here.", 20, ["First para.\n\n", "Second one here."]),
    ("a line\nand a second line", 20, ["a line\n", "and a second line"]),
    ("One. Two words. Three words", 20, ["One. Two words. ", "Three words"]),
    ("para one\n\nline\nmore words", 16, ["para one\n\n", "line\nmore words"]),
    ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
    ("see (https://ex.com/abc) now", 20, ["see ", "(https://ex.com/abc)", " now"]),
    ("12 https://ex.com/abcdefghi", 21, ["12 ", "https://ex.com/abcdef", "ghi"]),
    ("abc(https://ex.com/abcd)", 22, ["abc(", "https://ex.com/abcd)"]),
    ("🇩🇪🇫🇷🇮🇹", 9, ["🇩🇪🇫🇷", "🇮🇹"]),
    ("🇩🇪🇫🇷🇮🇹", 3, ["🇩", "🇪", "🇫", "🇷", "🇮", "🇹"]),
    ("abc\r\ndef", 4, ["abc", "\r\nde", "f"]),
    ("你好。世界。再见", 6, ["你好。世界。", "再见"]),
    ("10\u00a0km away", 6, ["10\u00a0km ", "away"]),
    ("a    b", 2, ["a ", "b"]),
    # Ten braces are twenty septets; with the emoji the same text is UCS-2 and twelve units.
    ("{" * 10 + "👍 {{", 13, ["{" * 10 + "👍 ", "{{"]),
    ("{" * 10, 13, ["{" * 6, "{" * 4]),
]


@pytest.mark.parametrize(("text", "limit", "parts"), CASES)
def test_a_text_is_cut_where_a_reader_would_pause(text: str, limit: int, parts: list[str]) -> None:
    assert split_parts(text, limit) == parts


@given(TEXTS, st.integers(1, 400))
def test_a_text_of_half_the_limit_is_one_part_as_the_rule_of_cuts_has_it(text: str, limit: int) -> None:
    text = text[: limit // 2]
    assert split_parts(text, limit) == (list(greedy_parts(text, limit)) if text.strip() else [])


@settings(max_examples=1500)
@given(TEXTS, LIMITS)
def test_parts_hold_their_promises(text: str, limit: int) -> None:
    parts = split_parts(text, limit)
    assert all(part.strip() for part in parts)
    for part in parts:
        assert count_segments(part).units <= limit or len(part) == 1
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert split_parts(text, limit) == parts


@settings(max_examples=800)
@given(TEXTS, st.integers(40, 90))
def test_joined_parts_are_the_text(text: str, limit: int) -> None:
    text = text.strip()
    assume(all(len(run) < limit // 2 for run in _blank_runs(text)))
    assert "".join(split_parts(text, limit)) == text


@settings(max_examples=800)
@given(TEXTS, st.integers(60, 90))
def test_no_grapheme_and_no_url_is_torn(text: str, limit: int) -> None:
    text = text.strip()
    whole = grapheme_starts(text)
    assume(all(count_segments(piece).units < limit // 2 for piece in _pieces(text, sorted(whole))))
    assume(all(count_segments(text[start:end]).units < limit // 2 for start, end in find_urls(text)))
    assume(all(len(run) < limit // 2 for run in _blank_runs(text)))
    for cut in list(accumulate(map(len, split_parts(text, limit))))[:-1]:
        assert cut in whole
        assert span_around(find_urls(text), cut) is None


@settings(max_examples=600)
@given(st.lists(st.text("abc{👍", min_size=1, max_size=9), min_size=1, max_size=60), st.integers(20, 60))
def test_parts_are_as_few_as_greedy_words_allow(words: list[str], limit: int) -> None:
    text = " ".join(words)
    parts = split_parts(text, limit)
    starts = [sum(map(len, words[:index])) + index for index in range(len(words))]
    position, fewest = 0, 0
    while position < len(text):
        ends = [*(start for start in starts if start > position), len(text)]
        position = max(end for end in ends if count_segments(text[position:end]).units <= limit)
        fewest += 1
    assert len(parts) == fewest


@settings(max_examples=250)
@given(REPLIES, st.sampled_from([160, 306, 320, 459, 700, 1500, 1600]))
def test_saving_segments_costs_nothing_else(text: str, limit: int) -> None:
    parts, greedy = split_parts(text, limit), list(greedy_parts(text, limit))
    assert "".join(parts) == text
    assert all(part.strip() and count_segments(part).units <= limit for part in parts)
    assert len(parts) <= len(greedy)
    assert _segments(parts) <= _segments(greedy)
    whole, urls = grapheme_starts(text), find_urls(text)
    for cut in list(accumulate(map(len, parts)))[:-1]:
        assert cut in whole
        assert span_around(urls, cut) is None
        assert text[cut - 1].isspace() or text[cut - 1] in "。！"


PARAGRAPH = "Here is a paragraph that fills some room. It has two sentences.\n\n"
SAVED = {
    "a short beginning does not become a part of its own": ("Hi!\n\n" + "- an item\n" * 40, 320, 2),
    "paragraphs stay whole where nothing is saved": (PARAGRAPH * 10, 320, 3),
    "the part with the emoji stays short": ("Hi 👋\n\n" + PARAGRAPH * 20, 1000, 2),
}


@pytest.mark.parametrize(("text", "limit", "parts"), SAVED.values(), ids=SAVED)
def test_cuts_move_to_where_they_cost_less(text: str, limit: int, parts: int) -> None:
    text = text.rstrip()
    ours, greedy = split_parts(text, limit), list(greedy_parts(text, limit))
    assert len(ours) == parts
    assert _segments(ours) < _segments(greedy) or text.startswith(PARAGRAPH)
    assert all(part.endswith("\n\n" if "- an item" not in text else "\n") for part in ours[:-1])


def test_a_heading_stays_with_what_it_announces() -> None:
    text = PARAGRAPH * 4 + "What comes next\n\n" + PARAGRAPH * 4
    assert [part.startswith("What comes next") for part in split_parts(text.rstrip(), 290)] == [False, True]
    listed = PARAGRAPH * 4 + "You need:\n" + "- an item\n" * 20
    assert split_parts(listed.rstrip(), 290)[1].startswith("You need:")


@given(st.lists(st.text("abc", min_size=1, max_size=9), min_size=2, max_size=40), st.integers(20, 60))
def test_blanks_stay_at_the_end_of_the_earlier_part(words: list[str], limit: int) -> None:
    parts = split_parts(" ".join(words), limit)
    assert all(part.endswith(" ") for part in parts[:-1])
    assert not any(part.startswith(" ") for part in parts)


def test_no_part_is_longer_than_twilio_accepts() -> None:
    assert [len(part) for part in split_parts("x" * 4000, 10_000)] == [MAX_BODY, MAX_BODY, 800]


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        split_parts("x", 0)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "word. " * 170_000,
        "\u0301" * 1_000_000,
        "e\u0301 " * 330_000,
        "{" * 1_000_000,
        (" " * 700 + "x") * 1_400,
        "\n\n".join(["a", "b" * 1490] * 600),
        "https://ex.com/z " * 60_000,
        "👨\u200d" * 500_000,
        ("{" * 900 + "ś") * 1_100,
    ],
    ids=str.__len__,
)
def test_a_megabyte_is_cut_in_linear_time(text: str) -> None:
    started = time.process_time()
    parts = split_parts(text, 1500)
    assert time.process_time() - started < 5  # linear takes about 1 s, quadratic takes minutes
    assert "".join(parts) == text.rstrip() or "".join(parts) == text


def _segments(parts: list[str]) -> int:
    return sum(count_segments(part).segments for part in parts)


def _blank_runs(text: str) -> list[str]:
    return "".join(char if char.isspace() else "|" for char in text).split("|")


def _pieces(text: str, starts: list[int]) -> list[str]:
    return [text[start:end] for start, end in pairwise([*starts, len(text)])]
