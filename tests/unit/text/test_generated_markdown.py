"""Markdown as a generator nests it: lists in quotes in lists, tables, code and links at every depth.

Each document carries its words and addresses along, so that the text can be asked for each of them.
"""

import re
from textwrap import indent

import msgspec
from hypothesis import given, settings, strategies as st

from workers.text.plain import to_plain

WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=8)
URLS = st.builds(
    "https://{}.example/{}".format,
    WORDS,
    st.sampled_from(["", "a_b_c", "x*y*z", "wiki/A_(b)", "?q=1&r=2#top", "~u/%20", "a_b_c*d*", "p/[1]", "t=$5&u=$6"]),
)


class Piece(msgspec.Struct, frozen=True):
    """Some Markdown, and what a reader of it must find in the text."""

    markdown: str
    words: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


def joined(pieces: list[Piece], separator: str) -> Piece:
    return Piece(
        separator.join(piece.markdown for piece in pieces),
        tuple(word for piece in pieces for word in piece.words),
        tuple(url for piece in pieces for url in piece.urls),
    )


def around(piece: Piece, markdown: str) -> Piece:
    return Piece(markdown, piece.words, piece.urls)


def _link(words: tuple[str, str], url: str, shape: str) -> Piece:
    return Piece(shape.format(*words, url=url), words, (url,))


def _table(cells: list[Piece], columns: int) -> Piece:
    rows = [cells[index : index + columns] for index in range(0, len(cells), columns)]
    lines = ["| " + " | ".join(cell.markdown for cell in row) + " |" for row in rows]
    everything = joined(cells, "")
    return around(everything, "\n".join([lines[0], "|" + "---|" * columns, *lines[1:]]))


def _list(items: list[Piece], mark: str) -> Piece:
    width = " " * len(mark)
    return around(joined(items, ""), "\n".join(mark + indent(item.markdown, width).lstrip() for item in items))


WORD = WORDS.map(lambda word: Piece(word, (word,)))
LINK = st.builds(
    _link, st.tuples(WORDS, WORDS), URLS, st.sampled_from(["[{} {}]({url})", "[**{}** *{}*](<{url}>)", "{} {} <{url}>"])
)
MARKED = st.builds(
    lambda piece, mark: around(piece, f"{mark}{piece.markdown}{mark}"), WORD, st.sampled_from(["*", "**", "~~", "`"])
)
INLINE = st.lists(st.one_of(WORD, WORD, LINK, MARKED), min_size=1, max_size=5).map(lambda found: joined(found, " "))
LEAVES = st.one_of(
    INLINE,
    st.builds(lambda piece, level: around(piece, f"{'#' * level} {piece.markdown}"), INLINE, st.integers(1, 6)),
    INLINE.map(lambda piece: around(piece, f"```sh\n{piece.markdown}\n```")),
    st.builds(
        lambda cells, columns: _table(cells[: columns * (len(cells) // columns)], columns),
        st.lists(INLINE, min_size=4, max_size=9),
        st.integers(1, 4),
    ),
)


def _nested(children: st.SearchStrategy[Piece]) -> st.SearchStrategy[Piece]:
    blocks = st.lists(children, min_size=1, max_size=3).map(lambda found: joined(found, "\n\n"))
    return st.one_of(
        st.builds(
            _list, st.lists(blocks, min_size=1, max_size=3), st.sampled_from(["- ", "* ", "1. ", "- [ ] ", "7) "])
        ),
        blocks.map(lambda piece: around(piece, indent(piece.markdown, "> ", lambda _: True))),
    )


DOCUMENTS = st.lists(st.recursive(LEAVES, _nested, max_leaves=6), min_size=1, max_size=3).map(
    lambda found: joined(found, "\n\n")
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=6).map(lambda words: " ".join(words).capitalize() + ".")
PLAIN_LINES = st.one_of(
    SENTENCES,
    SENTENCES.map("- {}".format),
    SENTENCES.map("  - {}".format),
    st.builds("{} ({})".format, WORDS, URLS),
    st.sampled_from(
        ["It costs $5, not 10$.", "Call +1 555 0100 & ask.", "a < b > c", "snake_case_name 2*3*4", "👍 yes"]
    ),
)
PLAIN = st.lists(st.lists(PLAIN_LINES, min_size=1, max_size=4).map("\n".join), min_size=1, max_size=4).map("\n\n".join)


@settings(max_examples=250)
@given(DOCUMENTS)
def test_every_word_and_url_survives_at_every_depth(document: Piece) -> None:
    plain = to_plain(document.markdown)
    for expected in (*document.words, *document.urls):
        assert expected in plain, expected
    assert re.search(r"\n\s*\n\s*\n", plain) is None


@settings(max_examples=150)
@given(SENTENCES, PLAIN)
def test_plain_text_stays_as_it_is(first: str, rest: str) -> None:
    text = f"{first}\n\n{rest}"
    once = to_plain(text)
    assert once.split() == text.split()
    assert to_plain(once) == once


@settings(max_examples=100)
@given(st.lists(st.lists(SENTENCES, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=5).map("\n\n".join))
def test_paragraphs_stay_to_the_letter(text: str) -> None:
    assert to_plain(text) == text
