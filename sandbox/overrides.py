"""Reads the connection overrides in a webhook URL's fragment and decides whether a failed post is tried again.

`https://example.com/sms#rc=3&rp=ct,rt,5xx&rt=4000`: the fragment changes how Twilio connects and is sent to nobody.
Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides. Unknown keys (`sni`, `e`) and values that cannot
be read are ignored, numbers are cut to the documented range. Pure: `sandbox/poster.py` does the posting.
"""

from msgspec import Struct

from sandbox.posts import Failure

_NAMED = frozenset(Failure) - {Failure.OTHER_STATUS}


class Overrides(Struct, frozen=True, kw_only=True):
    """How one webhook URL is called. The defaults are Twilio's."""

    retries: int = 1
    """`rc`, 0 to 5: tries after the first."""
    retry_on: frozenset[Failure] = frozenset({Failure.CONNECT})
    """`rp`: a 5xx or a slow answer is not tried again unless the URL says so."""
    connect_timeout_ms: int = 5_000
    """`ct`, 100 to 10,000."""
    read_timeout_ms: int = 15_000
    """`rt`, 100 to 15,000: until the first byte of the answer, and between bytes."""
    total_time_ms: int = 15_000
    """`tt`, 100 to 15,000: all tries together."""


def parse_overrides(url: str) -> tuple[str, Overrides]:
    """Split a configured URL into the URL that is called and signed, and what its fragment asks for."""
    called, _, fragment = url.partition("#")
    pairs = dict(pair.split("=", 1) for pair in fragment.split("&") if "=" in pair)
    usual = Overrides()
    return called, Overrides(
        retries=_number(pairs, "rc", usual.retries, least=0, most=5),
        retry_on=_policy(pairs.get("rp", ""), usual.retry_on),
        connect_timeout_ms=_number(pairs, "ct", usual.connect_timeout_ms, least=100, most=10_000),
        read_timeout_ms=_number(pairs, "rt", usual.read_timeout_ms, least=100, most=15_000),
        total_time_ms=_number(pairs, "tt", usual.total_time_ms, least=100, most=15_000),
    )


def decide_retry(failure: Failure | None, overrides: Overrides, *, tries: int, left_ms: float) -> bool:
    """True if Twilio would try again after `tries` tries with `left_ms` of the total time left."""
    return failure in overrides.retry_on and tries <= overrides.retries and left_ms > 0


def parse_failure(http_status: int) -> Failure | None:
    """What an answer's status counts as; None for a good answer."""
    match http_status // 100:
        case 2:
            return None
        case 4:
            return Failure.CLIENT_ERROR
        case 5:
            return Failure.SERVER_ERROR
        case _:
            return Failure.OTHER_STATUS


def _number(pairs: dict[str, str], key: str, default: int, *, least: int, most: int) -> int:
    text = pairs.get(key, "")
    return min(max(int(text), least), most) if text.isascii() and text.isdigit() else default


def _policy(text: str, default: frozenset[Failure]) -> frozenset[Failure]:
    words = text.split(",")
    if "all" in words:
        return _NAMED
    return frozenset(failure for failure in _NAMED if failure.value in words) or default
