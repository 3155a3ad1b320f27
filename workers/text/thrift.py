"""Cuts are moved to where they cost fewer segments: the same text, never more parts, pauses as good as that allows.

A part of 310 septets is billed like one of 459, and one emoji makes all of its part UCS-2. So where a text falls apart
decides what it costs. Among the pauses that a reader would make, this picks those that save segments.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec

from workers.text.graphemes import grapheme_starts
from workers.text.pauses import Pause, find_pauses
from workers.text.segments import NON_GSM, TWO_SEPTETS, TWO_UNITS, least_segments

MAX_CHARS = 20_000
"""A longer text (over 130 segments) keeps its cuts: planning costs up to 1 µs a character."""

MIN_LIMIT = 160
"""Below it nearly every part is one segment: fewer segments would be fewer parts, and the pauses decide."""

_SEGMENT, _LEVEL = 20, 18
"""What counts against a plan, in twentieths of a segment: one segment saved is worth a cut one level poorer, such as
after a line instead of after a paragraph."""
_PART = (1, 640)
"""Weights of a part: the second is tried if the first makes more parts than there were."""

_LONGEST_HEADING = 60
_ENDS = (".", "!", "?", "\u2026", "\u3002", "\uff01", "\uff1f")
_UNREACHABLE = 1_000_000_000


class _Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where the text may be cut, in order, and how much stands before each place: columns of equal length."""

    positions: list[int]
    penalties: list[int]
    septets: list[int]
    units: list[int]
    odd: list[int]
    """Pieces that hold a character beyond GSM-7."""


def cheapest_cuts(text: str, limit: int, cuts: Sequence[int], *, reserved: int = 0) -> list[int]:
    """Ends of parts, the last one the end of the text: those given, or others that cost less by the weights above.

    `cuts` are a way to cut the text into parts within `limit`, its end included. The result has at most as many, and
    each of its parts is within the limit too. `reserved`: units that each part will have on top of that.
    """
    places = _places(text, limit, cuts)
    for weight in _PART:
        plan = _plan(places, limit, weight, reserved)
        if len(plan) <= len(cuts):
            return plan
    return list(cuts)


def _places(text: str, limit: int, cuts: Sequence[int]) -> _Places:
    """The start of the text, the given cuts, the end, and every better pause that leaves no more parts than those."""
    given = {0, *cuts}
    found = dict.fromkeys(given, Pause.WORD)
    whole = None if text.isascii() and "\r" not in text else grapheme_starts(text)
    first_word, last_word = len(text) - len(text.lstrip()), len(text.rstrip()) - 1
    within = _within(len(text), limit, len(cuts))
    line_start, first_line = 0, True
    for position, pause in find_pauses(text, first_word, last_word):
        leads = first_line and _leads(text[line_start:position], pause)
        if pause <= Pause.LINE:
            line_start, first_line = position, pause is Pause.PARAGRAPH
        if leads or pause is Pause.WORD or not (position in given or within(position)):
            continue
        if whole is None or position in whole:
            found[position] = min(pause, found.get(position, pause))
    places = _Places(positions=[], penalties=[], septets=[], units=[], odd=[])
    before = septets = units = odd = 0
    for position in sorted(found):
        piece = text[before:position]
        if position not in given and not piece.strip():
            continue  # a given cut lies within these blanks: a part between the two would be blank
        septets += len(piece) + len(TWO_SEPTETS.findall(piece))
        units += len(piece) + len(TWO_UNITS.findall(piece))
        odd += NON_GSM.search(piece) is not None
        places.positions.append(position)
        places.penalties.append(found[position] * _LEVEL)
        places.septets.append(septets)
        places.units.append(units)
        places.odd.append(odd)
        before = position
    places.penalties[-1] = 0
    return places


def _leads(line: str, pause: Pause) -> bool:
    """Whether the first line of a block leads to what follows, as a heading does: then no part ends with it."""
    if pause is Pause.PARAGRAPH:
        line = line.rstrip()
        return len(line) <= _LONGEST_HEADING and not line.startswith("- ") and not line.endswith(_ENDS)
    return pause is Pause.LINE


def _within(length: int, limit: int, parts: int) -> Callable[[int], bool]:
    """Whether a place can end a part when there are so many: after `n` parts at most `n` limits lie behind it, and
    no more lies before it than the rest of the parts can hold."""
    return lambda position: -(-position // limit) + -(-(length - position) // limit) <= parts


def _plan(places: _Places, limit: int, weight: int, reserved: int) -> list[int]:
    """The ends of parts with the least cost; of two equal plans the one whose first part is longer."""
    septets, units, odd, penalties = places.septets, places.units, places.odd, places.penalties
    gsm_costs, ucs_costs = (_costs(limit, reserved, gsm=gsm) for gsm in (True, False))
    last = len(units) - 1
    costs = [0] * (last + 1)
    nexts = [last] * (last + 1)
    for start in range(last - 1, -1, -1):
        costs[start] = _UNREACHABLE
        for end in range(start + 1, last + 1):
            size = units[end] - units[start]
            if size > limit:
                break  # not even as UCS-2 does it fit: neither will anything longer
            cost = weight + penalties[end] + costs[end]
            if odd[end] != odd[start]:
                cost += ucs_costs[size]
            elif (size := septets[end] - septets[start]) <= limit:
                cost += gsm_costs[size]
            else:
                continue
            if cost <= costs[start]:
                costs[start], nexts[start] = cost, end
    plan, at = [], 0
    while at < last:
        at = nexts[at]
        plan.append(places.positions[at])
    return plan


@lru_cache(maxsize=32)
def _costs(limit: int, reserved: int, *, gsm: bool) -> list[int]:
    """What a part of so many units costs, up to the limit."""
    return [least_segments(units + reserved, gsm=gsm) * _SEGMENT for units in range(limit + 1)]
