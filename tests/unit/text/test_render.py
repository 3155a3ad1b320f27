# ruff: noqa: RUF001 (typographic characters are what smart encoding is for)
"""The entrance: from a reply to the bodies that are sent."""

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from workers.text.plain import to_plain
from workers.text.render import RenderedPart, render
from workers.text.scrub import tidy
from workers.text.segments import Encoding, count_segments
from workers.text.smart_encoding import smart_encode


def test_a_reply_becomes_one_gsm_7_body() -> None:
    assert render("**It’s** [done](https://ex.com/a_b_c) – “ok”…") == (
        RenderedPart(body='It\'s done (https://ex.com/a_b_c) - "ok"...', encoding=Encoding.GSM_7, segments=1, units=42),
    )


def test_a_long_reply_becomes_parts_in_order_with_their_cost() -> None:
    reply = "\n\n".join(f"## Chapter {n}\n" + "Some **words** here. " * 20 for n in range(1, 9))
    parts = render(reply, limit=500)
    assert len(parts) == 8
    assert [part.body.split("\n")[0] for part in parts] == [f"Chapter {n}" for n in range(1, 9)]
    assert all(part.segments == 3 and part.units <= 500 for part in parts)


def test_without_markdown_the_text_stays_as_it_is() -> None:
    (part,) = render("\n \n  *as* _is_  \n\n\n\n# x  \n\n", markdown=False)
    assert part.body == "  *as* _is_  \n\n\n\n# x"


def test_without_smart_encoding_characters_stay() -> None:
    (part,) = render("“Hi”", smart_encoding=False)
    assert (part.body, part.encoding) == ("“Hi”", Encoding.UCS_2)


@pytest.mark.parametrize("reply", ["", " \n", "<!-- x -->", "\x00", "\u200b", "&nbsp;"])
@pytest.mark.parametrize("markdown", [True, False])
def test_a_reply_that_shows_nothing_has_no_parts(reply: str, markdown: bool) -> None:
    shown = not markdown and reply in ("<!-- x -->", "&nbsp;")
    assert len(render(reply, markdown=markdown)) == shown


def test_blanks_that_smart_encoding_makes_are_tidied() -> None:
    (part,) = render("a\n\n\u200b\n\n\u2060\n\nb")
    assert part.body == "a\n\nb"


def test_counters_stand_before_each_of_several_parts() -> None:
    text = "First sentence here. Second sentence here. Third sentence here."
    assert [part.body for part in render(text, limit=50, counters=True)] == [
        "(1/2) First sentence here. Second sentence here. ",
        "(2/2) Third sentence here.",
    ]
    assert [part.body for part in render("Only one.", counters=True)] == ["Only one."]


@settings(max_examples=200)
@given(st.text("ab *_#-\n“’é👍.", max_size=900), st.sampled_from([39, 40, 70, 160, 400]))
def test_counters_are_within_the_limit_and_hide_no_text(reply: str, limit: int) -> None:
    plain = tidy(smart_encode(to_plain(reply)))
    parts = render(reply, limit=limit, counters=True)
    assert all(part.units <= limit for part in parts)
    if len(parts) < 2 or limit < 40:
        assert parts == render(reply, limit=limit)
    else:
        marks = [f"({index}/{len(parts)}) " for index in range(1, len(parts) + 1)]
        assert all(part.body.startswith(mark) for part, mark in zip(parts, marks, strict=True))
        shown = "".join(part.body.removeprefix(mark) for part, mark in zip(parts, marks, strict=True))
        assert "".join(shown.split()) == "".join(plain.split())


def test_counters_of_a_hundred_parts_have_room() -> None:
    parts = render("word " * 1000, limit=40, counters=True)
    assert len(parts) > 100
    assert parts[-1].body.startswith(f"({len(parts)}/{len(parts)}) ")
    assert max(part.units for part in parts) <= 40


@settings(max_examples=400)
@given(st.text(max_size=300), st.booleans(), st.booleans(), st.integers(2, 200))
def test_bodies_are_never_blank_and_within_the_limit(
    reply: str, markdown: bool, smart_encoding: bool, limit: int
) -> None:
    parts = render(reply, markdown=markdown, smart_encoding=smart_encoding, limit=limit)
    for part in parts:
        part.body.encode()
        cost = count_segments(part.body)
        assert part.body.strip()
        assert part.units == cost.units <= limit
        assert (part.encoding, part.segments) == (cost.encoding, cost.segments)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(parts), type=tuple[RenderedPart, ...]) == parts


@settings(max_examples=300)
@given(st.text("ab *_#-\n“’é👍.", max_size=300))
def test_the_bodies_joined_are_the_formatted_text(reply: str) -> None:
    assert "".join(part.body for part in render(reply, limit=400)) == tidy(smart_encode(to_plain(reply)))
