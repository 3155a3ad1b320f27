"""How far one part may reach: the positions at which a cut keeps the part within its limit.

The limit counts septets while a part is GSM-7 and UTF-16 units from its first other character on. So a part full of
braces (two septets each) can be too long to end before an emoji, and short enough to end after it: the positions
allowed are two ranges, not one.
"""

import re

import msgspec

from workers.text.graphemes import grapheme_starts
from workers.text.segments import NON_GSM, TWO_SEPTETS, TWO_UNITS


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """The ends that a part starting at `start` may have: up to `gsm_end`, or from `ucs_start` to `ucs_end`.

    The second range is empty (`ucs_end < ucs_start`) where no character beyond GSM-7 comes within reach.
    """

    start: int
    gsm_end: int
    ucs_start: int
    ucs_end: int

    @property
    def end(self) -> int:
        """The longest part."""
        return self.ucs_end if self.ucs_end >= self.ucs_start else self.gsm_end

    def allows(self, cut: int) -> bool:
        """Whether a part that ends here is within the limit."""
        return cut <= self.gsm_end or self.ucs_start <= cut <= self.ucs_end


def reach(text: str, start: int, limit: int) -> Reach:
    """Where a part that starts here may end. Looks at no more than `limit` characters."""
    stop = min(start + limit, len(text))
    odd = NON_GSM.search(text, start, stop)
    gsm_stop = odd.start() if odd else stop
    return Reach(
        start=start,
        gsm_end=_filled(text, start, gsm_stop, limit, TWO_SEPTETS),
        ucs_start=gsm_stop + 1,
        ucs_end=_filled(text, start, stop, limit, TWO_UNITS) if odd else start,
    )


def untorn(text: str, start: int, end: int) -> set[int] | None:
    """The positions in `start..end` that tear no grapheme; None when all of them are such (plain ASCII).

    `start` must be such a position itself: the rules of Unicode (UAX 29) never look behind one.
    """
    window = text[start : end + 1]
    if window.isascii() and "\r" not in window:
        return None
    return {start + offset for offset in grapheme_starts(window)}


def _filled(text: str, start: int, stop: int, limit: int, double: re.Pattern[str]) -> int:
    """The last position up to which the units fit, when each match of `double` counts two."""
    extra = 0
    for match in double.finditer(text, start, stop):
        if match.end() - start + extra + 1 > limit:
            return min(match.start(), start + limit - extra)
        extra += 1
    return min(stop, start + limit - extra)
