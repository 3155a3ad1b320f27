"""Twilio's webhook signature: the only place that computes or compares one.

Base64 of HMAC-SHA1 under the auth token, over the URL as configured in Twilio and then, for each parameter name in
sorted order, the name and its value; a repeated parameter counts once per distinct value, in sorted order.
Source: Twilio, "Webhooks Security", section "Validating Signatures from Twilio"; repeats as the official SDK does.

Pure functions, no I/O. The URL comes from the configuration, never from `Host` or a forwarded header: a proxy or
an attacker could set those.
"""

import base64
import hashlib
import hmac
from urllib.parse import urlsplit, urlunsplit

from ingress.form import Form
from shared.status_callback import callback_url, part_of_query

_DEFAULT_PORTS = {"https": 443, "http": 80}


def url_as_signed(signed_url: str, query: str) -> str:
    """The URL that Twilio signed for a request that arrived with `query`.

    `signed_url` is the configured one without its fragment. A query of its own is part of what is signed; if it has
    none, whatever query the request came with. Our own callbacks add the part id, which is ours to know, to either.
    """
    if "?" not in signed_url:
        return f"{signed_url}?{query}" if query else signed_url
    part = part_of_query(query)
    return callback_url(signed_url, part) if part else signed_url


def port_variants(url: str) -> tuple[str, ...]:
    """The URL as it stands, and its twin with (or without) the default port: Twilio signs either."""
    parts = urlsplit(url)
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None:
        return (url,)
    host, has_port, port = parts.netloc.rpartition(":")
    if not has_port or port.endswith("]"):
        twin = f"{parts.netloc}:{default}"
    elif port == str(default):
        twin = host
    else:
        return (url,)
    return (url, urlunsplit(parts._replace(netloc=twin)))


def signed_parameters(form: Form) -> bytes:
    """The part of the signed text that follows the URL."""
    return "".join(name + value for name, value in sorted(set(form))).encode()


def signature(token: str, url: str, parameters: bytes) -> str:
    """What Twilio puts into `X-Twilio-Signature`."""
    mac = hmac.new(token.encode(), url.encode() + parameters, hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()


def is_genuine(*, given: str, tokens: tuple[str, ...], url: str, form: Form) -> bool:
    """Whether any of our tokens (two during a rotation) made this signature. Compares in constant time."""
    parameters = signed_parameters(form)
    offered = given.encode("utf-8", "surrogateescape")
    return any(
        hmac.compare_digest(signature(token, variant, parameters).encode(), offered)
        for token in tokens
        for variant in port_variants(url)
    )
