"""The formatter's contract for any text: it never raises, keeps every word and URL, and stays linear."""

import re
import time

import pytest
from hypothesis import given, settings, strategies as st

from workers.text import marks
from workers.text.plain import MAX_MARKDOWN_CHARS, read_markdown, to_plain
from workers.text.scrub import scrub
from workers.text.segments import NON_GSM

WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789éß", min_size=1, max_size=8)
PATH = st.text("abcXYZ019_-.~*!'%/?#&=+;:@,$()[]", max_size=20)
NOISE = st.text(" \n\t*_`~[]()<>!#|-+.:\\&;$^\"'=0a1xé👍\r\x00\ud800{}/", max_size=60)
WRAPPINGS = (
    "{}", "*{}*", "**{}**", "~~{}~~", "# {}", "> {}", "- {}", "1. {}", "- [ ] {}", "`{}`", "```\n{}\n```", "    {}",
    "[{}](https://ex.com)", "![{}](https://ex.com)", "<b>{}</b>", "<div>{}</div>", "| a | b |\n|---|---|\n| {} | c |",
    "| {} | b |\n|---|---|\n| a | c |", "text[^1]\n\n[^1]: {}", "[^unused]: {}", "{}\n===", "- a\n  - {}", "> - {}",
    "<details><summary>{}</summary></details>", "***{}***", "\\*{}\\*", "{}  \nnext",
)  # fmt: skip
URL_WRAPPINGS = (
    "{}", "see {} now", "<{}>", "({})", "**{}**", "*see {} now*", "- {}", "> {}", "[label]({})", "[label](<{}>)",
    "[{}]({})", "![image]({})", '<a href="{}">label</a>', "`{}`", "```\n{}\n```", "[l][r]\n\n[r]: {}", "[unused]: {}",
    "a[^1]\n\n[^1]: {}", "| a | b |\n|---|---|\n| x | {} |", '<img alt="x" src="{}">', "# {}", "~~{}~~", "a\n\n    {}",
)  # fmt: skip
PLAIN = (
    "a", "word", "é", "日本", "²", "\u0661.", "1", "2.", "3)", " ", "  ", "\n", "\n\n", "\n \n", "'", '"', "(", ")",
    "-", "--", "---", "=", "===", "#", "+", "$", "$5 a$", "$$", "x^2", "{", "}", "https://ex.com/a?b=c#d", "www.ex.com",
    "http://", ":", "/", "@", "a@b.co", "!", "?", ",", ".", "…", "—", "\u2019", "“", "🙂", "🇩🇪", "\u200d", "qz0z",
    "qz0z0u", "%", "^", ";",
)  # fmt: skip
NOT_PLAIN = ("\\", "*", "_", "`", "&amp;", "<b>", "\t", "\u00a0", "\u2028", "|", "~~", "[", "]", "\r", "\x0b")


@pytest.mark.parametrize("mark", [mark for name, mark in vars(marks).items() if name.isupper()])
def test_the_marks_of_the_formatter_are_gsm_7(mark: str) -> None:
    assert NON_GSM.search(mark) is None


@settings(max_examples=3000)
@given(
    st.lists(st.sampled_from(PLAIN), max_size=14).map("".join)
    | st.lists(st.sampled_from(PLAIN + NOT_PLAIN), max_size=14).map("".join)
    | NOISE
)
def test_what_is_not_parsed_would_have_come_out_the_same(text: str) -> None:
    assert to_plain(text) == read_markdown(scrub(text))


@settings(max_examples=1500)
@given(st.one_of(NOISE, st.text(max_size=80), st.text(st.characters(exclude_categories=[]), max_size=40)))
def test_any_text_is_formatted(text: str) -> None:
    plain = to_plain(text)
    plain.encode()
    assert "\x00" not in plain
    assert re.search(r"\n\s*\n\s*\n", plain) is None
    assert plain == plain.rstrip()
    assert to_plain(text) == plain


@settings(max_examples=600)
@given(st.lists(st.tuples(st.sampled_from(WRAPPINGS), st.lists(WORD, min_size=1, max_size=3)), min_size=1, max_size=6))
def test_no_visible_word_is_lost(blocks: list[tuple[str, list[str]]]) -> None:
    plain = to_plain("\n\n".join(wrapping.format(" ".join(words)) for wrapping, words in blocks))
    for _, words in blocks:
        for word in words:
            assert word in plain


@settings(max_examples=800)
@given(st.sampled_from(URL_WRAPPINGS), st.sampled_from(["https://ex.com/", "http://ex.com:80/", "ftp://x.org/"]), PATH)
def test_every_url_survives_byte_for_byte(wrapping: str, host: str, path: str) -> None:
    url = _closed(host + path)
    assert url in to_plain(wrapping.replace("{}", url))


@given(st.lists(st.tuples(WORD, PATH), min_size=1, max_size=5), NOISE)
def test_urls_survive_among_other_marks(pairs: list[tuple[str, str]], noise: str) -> None:
    urls = [_closed(f"https://{word}.example/{path}") for word, path in pairs]
    plain = to_plain("\n\n".join(urls) + "\n\n" + noise.replace("`", "").replace("<", ""))
    for url in urls:
        assert url in plain


HOSTILE = {
    "deep quotes": ">" * 10_000 + " x",
    "deep brackets": "[" * 10_000 + "x" + "](y)" * 10_000,
    "deep images": "![" * 50_000,
    "deep lists": "- " * 10_000 + "x",
    "deep nested lists": "\n".join(" " * level + "- x" for level in range(440)),
    "open emphasis": "*a **b _c " * 9_000,
    "emphasis in pairs": "*a" * 50_000,
    "backticks": "".join("`" * n + " " for n in range(440)),
    "open formulas": "\\(a " * 25_000,
    "open dollars": "$$a" * 33_000,
    "open tags": "<a href='" * 11_000,
    "anchors": "<a href='x'>" * 8_000,
    "open scripts": "<script>" * 12_000,
    "open comments": "<!--" * 25_000,
    "brackets in a URL": "https://x/" + "(" * 99_000,
    "many URLs": "http://a|" * 11_000,
    "table rows": "|a|\n|-|\n" + "|a|\n" * 24_000,
    "pipes": "|" * 100_000,
    "footnotes": "".join(f"[^{n}]: x\n\n" for n in range(7_000)),
    "definitions": "".join(f"[{n}]: x\n" for n in range(9_000)),
    "blanks": "a" + " " * 99_000 + "b",
    "blank lines": "\n \n" * 33_000,
    "stand-ins": "".join(f"qz{n}z" for n in range(12_000)),
    "references": "&#1;" * 25_000,
    "a megabyte": "*x* " * 250_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_costs_little(text: str) -> None:
    started = time.process_time()
    to_plain(text).encode()
    assert time.process_time() - started < 5  # linear takes well under 1 s, quadratic takes minutes


def test_deep_nesting_stays_as_written_beyond_the_bound() -> None:
    plain = to_plain(">" * 30 + " word\n\n" + "- " * 30 + "word")
    assert plain.count("word") == 2
    assert ">>>" in plain


def test_a_huge_reply_is_sent_as_written() -> None:
    assert to_plain("*x* " * MAX_MARKDOWN_CHARS).startswith("*x* *x*")


def test_halves_of_a_character_are_joined_and_lone_ones_replaced() -> None:
    assert to_plain("a\ud83d\ude00b\ud83dc\x00d\x07") == "a😀b?cd"


def test_text_that_looks_like_a_stand_in_is_text() -> None:
    assert to_plain("qz0z0u qz1z0a https://ex.com/_a_ qz2z1u") == "qz0z0u qz1z0a https://ex.com/_a_ qz2z1u"


def _closed(url: str) -> str:
    """The URL without what a sentence around it would claim: marks at the end, brackets that do not pair."""
    awaited: list[str] = []
    closer = {"(": ")", "[": "]"}
    for position, char in enumerate(url):
        if char in closer:
            awaited.append(closer[char])
        elif char in ")]" and (not awaited or awaited.pop() != char):
            url = url[:position]
            break
    return url.rstrip(".,:;!?'*_~\\([")
