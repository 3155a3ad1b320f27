"""The entrance: one reply in, the SMS bodies to send out."""

import msgspec

from workers.text.counters import counted_parts
from workers.text.parts import split_parts
from workers.text.plain import to_plain
from workers.text.scrub import scrub, tidy, trim
from workers.text.segments import Encoding, count_segments
from workers.text.smart_encoding import smart_encode


class RenderedPart(msgspec.Struct, frozen=True, kw_only=True):
    """One SMS body and what it costs. `units`: septets for GSM-7, UTF-16 code units for UCS-2."""

    body: str
    encoding: Encoding
    segments: int
    units: int


def render(
    reply: str, *, markdown: bool = True, limit: int = 1500, smart_encoding: bool = True, counters: bool = False
) -> tuple[RenderedPart, ...]:
    """The parts of a reply, in order; none for a reply that shows nothing (empty, blank, an HTML comment).

    `markdown=False` keeps the text as it is, apart from outer blank lines and characters that no SMS can carry.
    `limit` is in septets for a GSM-7 part, in UTF-16 units for another; never above Twilio's 1600. `counters` puts
    `(1/3) ` before each of several parts, within the limit.
    """
    text = to_plain(reply) if markdown else trim(scrub(reply))
    if smart_encoding and (encoded := smart_encode(text)) != text:
        text = tidy(encoded) if markdown else trim(encoded)
    cut = counted_parts if counters else split_parts
    return tuple(_rendered(body) for body in cut(text, limit))


def _rendered(body: str) -> RenderedPart:
    cost = count_segments(body)
    return RenderedPart(body=body, encoding=cost.encoding, segments=cost.segments, units=cost.units)
