"""Where a reader pauses: after a paragraph, a line, a sentence, a word."""

import re
from collections.abc import Iterator
from enum import IntEnum

_BLANKS = re.compile(r"\s+")
_NO_BREAK = "\u00a0\u2007\u202f"
_SENTENCE_END = re.compile(r"[.!?\u2026][)\]}\"'\u201d\u2019\u00bb*_]*\Z")
_LONGEST_SENTENCE_END = 8
_CJK_SENTENCE_END = re.compile(r"[\u3002\uff01\uff1f][\u300d\u300f\uff09\u201d\u2019]*(?!\s)")


class Pause(IntEnum):
    """What ends there; the lower, the better to cut."""

    PARAGRAPH = 0
    LINE = 1
    SENTENCE = 2
    WORD = 3


def find_pauses(text: str, start: int, end: int) -> Iterator[tuple[int, Pause]]:
    """The pauses between two positions, in order within each kind of mark. Blanks belong to what stands before them."""
    for blanks in _BLANKS.finditer(text, start, end):
        if blanks.group().strip(_NO_BREAK):
            yield blanks.end(), _pause(text, start, blanks)
    for mark in _CJK_SENTENCE_END.finditer(text, start, end):
        yield mark.end(), Pause.SENTENCE


def _pause(text: str, start: int, blanks: re.Match[str]) -> Pause:
    newlines = blanks.group().count("\n")
    if newlines:
        return Pause.PARAGRAPH if newlines > 1 else Pause.LINE
    before = text[max(start, blanks.start() - _LONGEST_SENTENCE_END) : blanks.start()]
    return Pause.SENTENCE if _SENTENCE_END.search(before) else Pause.WORD
