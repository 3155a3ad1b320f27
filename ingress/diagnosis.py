"""Why a signature did not fit, for the operator's log: which part of the URL differs, if it is only that.

The signature itself is the oracle: the parts that the request shows (its host, path, query) are put in place of the
configured ones, one at a time and together, until the signature fits. What then differs is what Twilio has
configured differently. Nothing here decides anything: the request stays refused. Pure functions.
"""

from collections.abc import Iterator
from itertools import product
from urllib.parse import urlsplit, urlunsplit

import msgspec

from ingress.signature import Algorithm, is_genuine

MAX_TRIES = 64


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a request shows of the URL that it was sent to; proxies may have changed it, attackers chose it."""

    hosts: tuple[str, ...]
    """`Host` and `X-Forwarded-Host`, as far as they are host names or addresses: they may hold anything."""
    path: str
    query: str


def explain(
    *,
    given: str,
    keys: tuple[str, ...],
    url: str,
    parameters: bytes,
    seen: Seen,
    algorithm: Algorithm = Algorithm.HMAC_SHA1,
) -> str:
    """One sentence: which part of `url` (as configured) differs from the one that Twilio signed."""
    if not given:
        return "no X-Twilio-Signature: this was not sent by Twilio, or a proxy removed the header"
    for tries, (candidate, changed) in enumerate(_candidates(url, seen)):
        if tries >= MAX_TRIES:
            break
        if is_genuine(given=given, keys=keys, url=candidate, parameters=parameters, algorithm=algorithm):
            return f"{' and '.join(changed)} of publicWebhookUrl differ from what Twilio has: it signed {candidate}"
    return (
        "neither host, path, port, query nor scheme explains it: the auth token differs (rotated? another account's?), "
        "or the request was changed on its way or forged"
    )


def _candidates(url: str, seen: Seen) -> Iterator[tuple[str, list[str]]]:
    ours = urlsplit(url)
    hosts = dict.fromkeys([ours.netloc, *seen.hosts, *(host.partition(":")[0] for host in seen.hosts)])
    paths = dict.fromkeys([ours.path, seen.path, ours.path.rstrip("/"), f"{ours.path.rstrip('/')}/"])
    queries = dict.fromkeys([ours.query, seen.query, ""])
    for scheme, host, path, query in product(("https", "http"), hosts, paths, queries):
        changed = [
            name
            for name, one, other in (
                ("scheme", scheme, ours.scheme),
                ("host", host.partition(":")[0], ours.netloc.partition(":")[0]),
                ("port", host.partition(":")[2], ours.netloc.partition(":")[2]),
                ("path", path, ours.path),
                ("query", query, ours.query),
            )
            if one != other
        ]
        if changed:
            yield urlunsplit((scheme, host, path, query, "")), changed
