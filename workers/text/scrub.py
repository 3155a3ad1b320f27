"""What no SMS can carry is taken out, and blank lines are put in order.

Everything else in this package may rely on it: after `scrub` a text encodes to UTF-8 and holds no NUL.
"""

import re

_SURROGATE = re.compile("[\ud800-\udfff]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_PAGE_BREAK = re.compile(r"[\x0b\x0c]")
_MANY_BLANK_LINES = re.compile(r"\n{3,}")


def scrub(text: str) -> str:
    """Text without control characters and lone surrogates; tabs and line ends stay.

    A lone surrogate becomes `?` and not U+FFFD, which would cost the whole part its GSM-7 encoding.
    """
    if _SURROGATE.search(text):
        # Two halves that an agent's JSON left apart are one character again.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        text = _SURROGATE.sub("?", text)
    return _INVISIBLE.sub("", _PAGE_BREAK.sub("\n", text))


def tidy(text: str) -> str:
    """Text with at most one blank line in a row, no blanks at the end of a line, no outer blank lines."""
    lines = (line.rstrip() for line in text.split("\n"))
    return trim(_MANY_BLANK_LINES.sub("\n\n", "\n".join(lines)))


def trim(text: str) -> str:
    """Text without its outer blank lines; the first line keeps its indentation."""
    first_word = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, first_word) + 1 :].rstrip()
