"""A long text becomes parts, each one SMS body, cut where a reader would pause.

Cuts fall after a paragraph, else after a line, else after a sentence, else after a word, as late as the limit allows
or where they save segments; never inside a grapheme or a URL unless it alone is longer than the limit.
"""

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise

from workers.text.pauses import Pause, find_pauses
from workers.text.reach import Reach, reach, untorn
from workers.text.segments import count_segments
from workers.text.thrift import MAX_CHARS, MIN_LIMIT, cheapest_cuts
from workers.text.urls import Span, find_urls, span_around

MAX_BODY = 1600
"""Twilio refuses a longer body (error 21617)."""

_BLANKS = re.compile(r"\s+")


def split_parts(text: str, limit: int, *, reserved: int = 0) -> list[str]:
    """Parts of at most `limit` units (never above 1600) whose concatenation is the text.

    Counted as Twilio counts: septets for a GSM-7 part, UTF-16 units for another. Blanks stay at the end of the
    earlier part; Twilio may trim them there, so compare bodies trimmed. No part is blank: Twilio would refuse it. For
    that reason a run of blanks longer than half the limit is shortened to that, and blanks for which neither
    neighbour has room are dropped; these are the two cases in which the parts are less than the text.

    Greedy: every part is the longest one that its kind of cut allows; then cuts move where that saves segments, see
    `thrift`, but there are never more parts. Linear in the text.

    `reserved`: units of each part that the caller will fill.

    Raises:
        ValueError: the limit leaves no room for a character.
    """
    limit = min(limit, MAX_BODY) - reserved
    if limit < 1:
        raise ValueError(f"a part needs room for at least one character, not {limit}")
    if len(text) <= limit // 2:  # no character takes more than two units
        return [text] if text.strip() else []
    text = _shorten_blanks(text, max(1, limit // 2))
    parts = list(greedy_parts(text, limit)) if text.strip() else []
    return _thrifty(parts, limit, reserved) if len(parts) > 1 and limit + reserved >= MIN_LIMIT else parts


def _thrifty(greedy: list[str], limit: int, reserved: int) -> list[str]:
    """The parts with cuts that save segments, if there are such."""
    text = "".join(greedy)
    if len(text) > MAX_CHARS:
        return greedy
    cuts = cheapest_cuts(text, limit, list(accumulate(map(len, greedy))), reserved=reserved)
    parts = [text[start:end] for start, end in pairwise([0, *cuts])]
    return min(parts, greedy, key=lambda parts: sum(count_segments("-" * reserved + part).segments for part in parts))


def greedy_parts(text: str, limit: int) -> Iterator[str]:
    """The parts by the pauses alone: each as long as the best kind of pause within reach allows."""
    urls = find_urls(text)
    last_word = len(text.rstrip()) - 1
    start = 0
    while (window := reach(text, start, limit)).end < len(text):
        cut = _Cutter(text, window, urls, last_word).best()
        if cut is None:
            start = _skip_blanks(text, start)
        else:
            yield text[start:cut]
            start = cut
    if text[start:].strip():
        yield text[start:]


class _Cutter:
    """Chooses the end of one part."""

    def __init__(self, text: str, window: Reach, urls: list[Span], last_word: int) -> None:
        self.text = text
        self.window = window
        self.urls = urls
        self.first_word = _skip_blanks(text, window.start)
        self.end = min(window.end, last_word)
        self.whole = untorn(text, window.start, max(self.end, window.start))

    def best(self) -> int | None:
        """The cut; None when leading blanks leave no room for what follows them."""
        pauses = self._pauses()
        if pauses:
            return pauses[min(pauses)]
        cut = self._tearing()
        if cut is not None or self.first_word > self.window.start:
            return cut
        return self._torn_grapheme()

    def _allows(self, cut: int) -> bool:
        return (
            self.first_word < cut <= self.end
            and self.window.allows(cut)
            and (self.whole is None or cut in self.whole)
            and span_around(self.urls, cut) is None
        )

    def _pauses(self) -> dict[Pause, int]:
        """The last allowed cut of each kind."""
        pauses: dict[Pause, int] = {}
        for cut, pause in find_pauses(self.text, self.first_word, self.end + 1):
            if self._allows(cut):
                pauses[pause] = max(cut, pauses.get(pause, 0))
        return pauses

    def _tearing(self) -> int | None:
        """The last cut that tears no more than a word, before a URL rather than inside it; None without such a cut."""
        cut = self.end
        while cut > self.first_word:
            if self._allows(cut):
                return cut
            torn = span_around(self.urls, cut)
            if torn is None:
                cut -= 1
            elif torn[0] > self.first_word:
                cut = torn[0]
            else:
                return self._torn_url()
        return None

    def _torn_url(self) -> int | None:
        """The last cut inside a URL that fills the part; None behind leading blanks: without them it may fit."""
        if self.first_word > self.window.start:
            return None
        for cut in range(self.end, self.first_word, -1):
            if self.window.allows(cut) and (self.whole is None or cut in self.whole):
                return cut
        return None

    def _torn_grapheme(self) -> int:
        """The last cut inside a grapheme that fills the part: at least one code point, whatever the limit."""
        for cut in range(self.end, self.first_word, -1):
            if self.window.allows(cut):
                return cut
        return self.first_word + 1


def _skip_blanks(text: str, start: int) -> int:
    blanks = _BLANKS.match(text, start)
    return blanks.end() if blanks else start


def _shorten_blanks(text: str, longest: int) -> str:
    too_long = re.compile(rf"(?<!\s)\s{{{longest + 1},}}")
    return too_long.sub(lambda blanks: blanks.group()[:longest], text)
