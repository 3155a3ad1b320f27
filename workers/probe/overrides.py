"""Reads Twilio's connection overrides in a webhook URL's fragment, as far as they decide whether a text is lost. Pure.

`#rc=3&rp=ct,rt,5xx`: up to three more tries after a failed connection, a slow answer or a 5xx. Without a fragment
Twilio tries again once, and only if it could not connect.
Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
"""

import msgspec

_RANGES = {"rc": (0, 5), "ct": (100, 10_000), "rt": (100, 15_000), "tt": (100, 15_000)}
_POLICIES = frozenset({"4xx", "5xx", "ct", "rt", "all"})
_OTHERS = frozenset({"e", "sni"})

EXAMPLE = "#rc=3&rp=ct,rt,5xx"


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What a fragment asks for."""

    retries: int
    retry_on: frozenset[str]
    unreadable: tuple[str, ...]
    """Pieces that Twilio ignores: unknown keys, values out of range."""

    @property
    def survives_5xx(self) -> bool:
        """Whether a text is tried again after a 5xx, which is what a short outage of ours looks like."""
        return self.retries > 0 and bool(self.retry_on & {"5xx", "all"})


def parse_overrides(url: str) -> Overrides:
    """The overrides of a URL; Twilio's defaults where it has none."""
    fragment = url.partition("#")[2]
    retries, retry_on, unreadable = 1, frozenset({"ct"}), []
    for piece in filter(None, fragment.split("&")):
        key, _, value = piece.partition("=")
        if key in _RANGES:
            least, most = _RANGES[key]
            if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
                unreadable.append(piece)
            elif key == "rc":
                retries = int(value)
        elif key == "rp":
            words = frozenset(value.split(","))
            if words <= _POLICIES:
                retry_on = words
            else:
                unreadable.append(piece)
        elif key not in _OTHERS:
            unreadable.append(piece)
    return Overrides(retries=retries, retry_on=retry_on, unreadable=tuple(unreadable))
