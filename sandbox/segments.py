"""What Twilio makes of a body before it is stored and counted: trimmed, smart-encoded, prefixed, cut into segments.

Pure, and written apart from the product's own counting so that the two can be compared. Smart encoding replaces the
quotes, dashes, blanks and dots of Twilio's list, which is enough to make a stored body differ from the posted one.
Sources: twilio.com/docs/glossary/what-is-gsm-7-character-encoding,
twilio.com/docs/messaging/services/smart-encoding-char-list.
"""

TRIAL_PREFIX = "Sent from your Twilio trial account - "

_GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = "\f^{}\\[~]|€"
_SEPTETS = dict.fromkeys(_GSM, 1) | dict.fromkeys(_GSM_TWICE, 2)

_SMART = str.maketrans(
    {
        **dict.fromkeys("«»“”„‟ʺˮ″〝〞", '"'),
        **dict.fromkeys("‘’‚‛ʻʼʽʹˈ′‵`´", "'"),  # noqa: RUF001 look-alikes are the point of this table
        **dict.fromkeys("‐‑‒–—―−⁃", "-"),  # noqa: RUF001
        **dict.fromkeys(
            "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
        ),
        **dict.fromkeys("\u200b\u2060\ufeff", ""),
        "…": "...",
        "‹": "<",  # noqa: RUF001
        "›": ">",  # noqa: RUF001
        "⁄": "/",  # noqa: RUF001
    }
)


def decide_stored_body(body: str, *, smart_encoded: bool, trial: bool) -> str:
    """The body as Twilio's message log shows it: not always the one that was posted."""
    trimmed = body.strip()
    encoded = trimmed.translate(_SMART) if smart_encoded else trimmed
    return TRIAL_PREFIX + encoded if trial else encoded


def count_segments(body: str) -> int:
    """Segments that Twilio bills: GSM-7 160, or 153 each when more than one; else 70 / 67 UTF-16 units."""
    costs = [_SEPTETS.get(character, 0) for character in body]
    if all(costs):
        return _pack(costs, whole=160, part=153)
    return _pack([count_units(character) for character in body], whole=70, part=67)


def count_units(text: str) -> int:
    """Length in UTF-16 code units, which is how Twilio counts characters: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _pack(costs: list[int], *, whole: int, part: int) -> int:
    if sum(costs) <= whole:
        return 1
    segments, used = 1, 0
    for cost in costs:  # an escape pair or a surrogate pair is never split between two segments
        if used + cost > part:
            segments, used = segments + 1, 0
        used += cost
    return segments
