"""Every example of the CommonMark and GFM specifications: what their HTML shows a reader, our text holds as well.

The specifications' HTML is the judge: its words and addresses are looked for in our text. `specs/README.md` says where
the examples come from and under which licence; `text` in them is our text, recorded to make every change visible.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest

from tools.shown_html import ShownHtml
from tools.spec_examples import Example
from workers.text.plain import to_plain
from workers.text.render import render

SPECS = {name: Path(__file__).parent / f"specs/{name}.json" for name in ("commonmark-0.31.2", "gfm-0.29")}
EXAMPLES = {name: msgspec.json.decode(path.read_bytes(), type=list[Example]) for name, path in SPECS.items()}
SECTIONS = [
    pytest.param(tuple(examples), id=f"{name} {section}")
    for name, found in EXAMPLES.items()
    for section, examples in groupby(found, key=lambda example: example.section)
]
KEPT_ON_PURPOSE = {
    "5*6*78\n": "a product, not emphasis",
    "[foo][bar][baz]\n\n[baz]: /url1\n[bar]: /url2\n": "an address stands between the two labels",
    '__<a href="__">\n': "an anchor without a label shows its address",
    "<textarea>\n\n*foo*\n\n_bar_\n\n</textarea>\n": "Markdown between HTML tags is read",
    # GFM 0.29 is older than these two: by CommonMark 0.31.2 they are comments, which nobody sees.
    "foo <!-- not a comment -- two hyphens -->\n": "a comment",
    "foo <!--> foo -->\n\nfoo <!-- foo--->\n": "comments",
    "<strong> <title> <style> <em>\n\n<blockquote>\n  <xmp> is disallowed.  <XMP> is also disallowed.\n"
    "</blockquote>\n": "tags that GitHub shows because it must not obey them",
}
"""The examples in which a word of the HTML is missing, and why."""


@pytest.mark.parametrize("examples", SECTIONS)
def test_every_visible_word_survives(examples: tuple[Example, ...]) -> None:
    for example in examples:
        shown = ShownHtml(example.html)
        missing = Counter(_words(shown.text)) - Counter(_words(to_plain(example.markdown)))
        assert bool(missing) == (example.markdown in KEPT_ON_PURPOSE), example


@pytest.mark.parametrize("examples", SECTIONS)
def test_every_url_survives(examples: tuple[Example, ...]) -> None:
    for example in examples:
        plain = to_plain(example.markdown)
        for url in ShownHtml(example.html).urls:
            if url in example.markdown:
                assert url in plain, example
            else:  # an escape, a character reference, or one that HTML has to percent-encode
                assert unquote(url.removeprefix("mailto:")) in unquote(plain), example


@pytest.mark.parametrize("examples", SECTIONS)
def test_no_example_breaks_the_layout_or_the_limit(examples: tuple[Example, ...]) -> None:
    for example in examples:
        plain = to_plain(example.markdown)
        assert re.search(r"\n\s*\n\s*\n", plain) is None, example
        assert plain == plain.rstrip(), example
        parts = render(example.markdown, limit=40)
        assert all(part.units <= 40 for part in parts), example


@pytest.mark.parametrize("examples", SECTIONS)
def test_every_example_reads_as_recorded(examples: tuple[Example, ...]) -> None:
    for example in examples:
        assert to_plain(example.markdown) == example.text, "to accept it: python -m tools.spec_examples FILE"


def test_all_examples_are_here() -> None:
    assert {name: len(examples) for name, examples in EXAMPLES.items()} == {"commonmark-0.31.2": 652, "gfm-0.29": 673}


def _words(text: str) -> Iterator[str]:
    return (match[0] for match in re.finditer(r"\w+", text))
