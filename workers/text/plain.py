"""Markdown becomes the plain text that a phone shows well.

Every word that a reader of the rendered Markdown would see is kept, and every URL, byte for byte.
"""

from workers.text.blocks import document_text
from workers.text.grammar import parse
from workers.text.literals import take_literals
from workers.text.scrub import scrub, tidy

MAX_MARKDOWN_CHARS = 100_000
"""A longer reply (over 600 segments) is not read as Markdown but sent as written: parsing costs up to 10 µs a char."""


def to_plain(markdown: str) -> str:
    """The text without Markdown's marks: `label (https://…)`, `- item`, one record per table row.

    Never raises, whatever the text. Linear in it.
    """
    source = scrub(markdown)
    if len(source) > MAX_MARKDOWN_CHARS:
        return tidy(source)
    source, literals = take_literals(source)
    text = document_text(parse(source), literals)
    return tidy(scrub(literals.restore(text)))
