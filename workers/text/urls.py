"""Where a URL starts and ends in running text.

One definition for all who must leave URLs alone: the formatter, smart encoding, and the cutting into parts.
"""

import re
from bisect import bisect_right

Span = tuple[int, int]

# A URL ends at a blank, at an angle bracket, at a quote or a backtick, and at the punctuation of scripts that
# write without blanks. Anything else may be part of it.
_NOT_IN_URLS = r"\s<>\"`" + (
    "\u00ab\u00bb\u2018\u2019\u201c\u201d\u2026"  # angle and curly quotes, ellipsis
    "\u3001\u3002\u300c-\u300f\u3010\u3011\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f"  # CJK, fullwidth
)
_START = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]{0,30}://|[Ww][Ww][Ww]\.)")
_STOP = re.compile(rf"[{_NOT_IN_URLS}]|[()\[\]{{}}]")
_CLOSER = {"(": ")", "[": "]", "{": "}"}
_SENTENCE_MARKS = ".,:;!?'*_~\\"


def find_urls(text: str, *, pipe_ends: bool = False) -> list[Span]:
    """The spans of all URLs (`scheme://…` and `www.…`), in order. Linear in the text.

    A closing bracket that the URL did not open ends it, and marks at its end belong to the sentence around it:
    `(see https://ex.com/a_(b).)` holds `https://ex.com/a_(b)`. `pipe_ends`: in a table's row a pipe ends it too.
    """
    spans: list[Span] = []
    position = 0
    while match := _START.search(text, position):
        position = match.end()
        stop = _stop(text, position)
        if pipe_ends and (pipe := text.find("|", position, stop)) >= 0:
            stop = pipe
        end = position + len(text[position:stop].rstrip(_SENTENCE_MARKS))
        if end > position:
            spans.append((match.start(), end))
            position = end
    return spans


def span_around(spans: list[Span], position: int) -> Span | None:
    """The span that a cut at this position would tear."""
    index = bisect_right(spans, (position, -1)) - 1
    if index >= 0 and spans[index][0] < position < spans[index][1]:
        return spans[index]
    return None


def _stop(text: str, start: int) -> int:
    """The first character that no URL holds, or the first closing bracket that this one did not open."""
    awaited: list[str] = []
    for match in _STOP.finditer(text, start):
        char = match.group()
        if char in _CLOSER:
            awaited.append(_CLOSER[char])
        elif char not in _CLOSER.values() or not awaited or awaited.pop() != char:
            return match.start()
    return len(text)
