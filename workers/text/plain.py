"""Markdown becomes the plain text that a phone shows well.

Every word that a reader of the rendered Markdown would see is kept, and every URL, byte for byte.
"""

import re

from workers.text.blocks import document_text
from workers.text.grammar import parse
from workers.text.literals import take_literals
from workers.text.scrub import scrub, tidy

MAX_MARKDOWN_CHARS = 100_000
"""A longer reply (over 600 segments) is not read as Markdown but sent as written: parsing costs up to 10 µs a char."""

_PERHAPS_MARKDOWN = re.compile(r"""[\\`*_~\[\]<>|&]|[^\S \n]|^(?:[^\w\n"'(]|\d)""", re.MULTILINE)
"""What a text must hold to be more than paragraphs: a character that marks something, a blank that some rules take for
another, or a line that begins with neither a letter nor a quote or bracket (lists, headings, quotes, rules, code)."""


def to_plain(markdown: str) -> str:
    """The text without Markdown's marks: `label (https://…)`, `- item`, one record per table row.

    Never raises, whatever the text. Linear in it. Plain paragraphs are not parsed: reading them changes nothing.
    """
    source = scrub(markdown)
    if len(source) > MAX_MARKDOWN_CHARS or _PERHAPS_MARKDOWN.search(source) is None:
        return tidy(source)
    return read_markdown(source)


def read_markdown(source: str) -> str:
    """The same by reading the text as Markdown, whatever it holds; `source` is scrubbed."""
    source, literals = take_literals(source)
    text = document_text(parse(source), literals)
    return tidy(scrub(literals.restore(text)))
