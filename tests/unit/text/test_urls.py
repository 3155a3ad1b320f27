# ruff: noqa: RUF001 (fullwidth punctuation ends a URL)
"""Where URLs start and end."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from workers.text.urls import find_urls, span_around

CASES = [
    ("https://ex.com", ["https://ex.com"]),
    ("at https://ex.com/a, or http://b.org.", ["https://ex.com/a", "http://b.org"]),
    ("(https://ex.com/a_(b)_c)", ["https://ex.com/a_(b)_c"]),
    ("[https://a.com](https://b.com)", ["https://a.com", "https://b.com"]),
    ("http://[::1]:80/x", ["http://[::1]:80/x"]),
    ('<a href="https://ex.com/?q=1&amp;r=2">', ["https://ex.com/?q=1&amp;r=2"]),
    ("**https://ex.com/**", ["https://ex.com/"]),
    ("看https://ex.com/a，谢谢", ["https://ex.com/a"]),
    ("“https://ex.com/a”", ["https://ex.com/a"]),
    ("www.ex.com/a_b www. wwww.x", ["www.ex.com/a_b"]),
    ("svn+ssh://host/path", ["svn+ssh://host/path"]),
    ("https:// http://... mailto:a@b.c 1://2", []),
    ("https://ex.com/a|b", ["https://ex.com/a|b"]),
]


@pytest.mark.parametrize(("text", "urls"), CASES)
def test_a_url_ends_where_the_sentence_goes_on(text: str, urls: list[str]) -> None:
    assert [text[start:end] for start, end in find_urls(text)] == urls


def test_a_pipe_ends_a_url_in_a_table() -> None:
    assert find_urls("|http://a|http://b|", pipe_ends=True) == [(1, 9), (10, 18)]


@given(st.text("https://w.a()[] |<", max_size=60))
def test_spans_are_in_order_and_apart(text: str) -> None:
    spans = find_urls(text)
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_a_cut_at_either_end_tears_nothing() -> None:
    spans = [(2, 5), (7, 9)]
    assert [span_around(spans, cut) for cut in range(10)] == [
        None, None, None, (2, 5), (2, 5), None, None, None, (7, 9), None,
    ]  # fmt: skip
