"""Twilio's webhook signature: the only place that computes or compares one.

Base64 of an HMAC over the URL as configured in Twilio and then, for each parameter name in sorted order, the name and
its value; a repeated parameter counts once per distinct value, in sorted order. The key is the auth token with SHA-1,
or a SharedKey with the algorithm that `X-Twilio-Webhooks-Signature-Settings` names. A JSON body is not part of it:
the URL's `bodySHA256` covers that.
Source: Twilio, "Webhooks Security", section "Validating Signatures from Twilio", and "Sign webhooks with shared keys";
repeats as the official SDK (9.13) does.

Pure functions, no I/O. The URL comes from the configuration, never from `Host` or a forwarded header: a proxy or
an attacker could set those.
"""

import base64
import hashlib
import hmac
from enum import Enum
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit, urlunsplit

import msgspec

from ingress.form import Form
from shared.status_callback import part_of_query, signed_callback_url

_DEFAULT_PORTS = {"https": 443, "http": 80}


class Algorithm(Enum):
    """The HMAC that made a signature."""

    HMAC_SHA1 = "sha1"
    HMAC_SHA256 = "sha256"


class SigningSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What `X-Twilio-Webhooks-Signature-Settings` says; without that header the auth token signed, with SHA-1."""

    key_id: str | None = None
    algorithm: Algorithm | None = Algorithm.HMAC_SHA1
    """None: one that we do not know."""


SIGNED_BY_TOKEN = SigningSettings()


def parse_settings(header: str) -> SigningSettings:
    """`key=webhooks_sharedkey_…,algorithm=HMAC_SHA256` as a value; unknown parts are ignored."""
    if not header:
        return SIGNED_BY_TOKEN
    said = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in header.split(","))}
    named = said.get("algorithm", "").upper()
    return SigningSettings(
        key_id=said.get("key") or None,
        algorithm=Algorithm.__members__.get(named) if named else Algorithm.HMAC_SHA1,
    )


def url_as_signed(signed_url: str, query: str) -> str:
    """The URL that Twilio signed for a request that arrived with `query`.

    `signed_url` is the configured one without its fragment. A query of its own is part of what is signed; if it has
    none, whatever query the request came with. Our own callbacks add the part id, which is ours to know, to either.
    """
    if "?" not in signed_url:
        return f"{signed_url}?{query}" if query else signed_url
    part = part_of_query(query)
    return signed_callback_url(signed_url, part) if part else signed_url


@lru_cache(maxsize=256)
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


def signed_parameters(form: Form, fields: dict[str, str] | None = None) -> bytes:
    """The part of the signed text that follows the URL. `fields`: the form's first values, if they are at hand."""
    if fields is None:
        fields = dict(form)
    if len(fields) == len(form):  # no name is repeated
        return "".join([name + fields[name] for name in sorted(fields)]).encode()
    return "".join([name + value for name, value in sorted(set(form))]).encode()


def signature(key: str, url: str, parameters: bytes, algorithm: Algorithm = Algorithm.HMAC_SHA1) -> str:
    """What Twilio puts into `X-Twilio-Signature`."""
    return base64.b64encode(hmac.digest(key.encode(), url.encode() + parameters, algorithm.value)).decode()


def is_genuine(
    *, given: str, keys: tuple[str, ...], url: str, parameters: bytes, algorithm: Algorithm = Algorithm.HMAC_SHA1
) -> bool:
    """Whether any of our keys (two tokens during a rotation) made this signature. Compares in constant time.

    `parameters`: as `signed_parameters` gives them.
    """
    offered = given.encode("utf-8", "surrogateescape")
    for key in keys:
        for variant in port_variants(url):
            if hmac.compare_digest(signature(key, variant, parameters, algorithm).encode(), offered):
                return True
    return False


def body_matches(query: str, body: bytes) -> bool:
    """Whether a JSON body is the one whose SHA-256 (hex) the signed query names. No `bodySHA256`: no."""
    named = parse_qs(query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), named.lower().encode())
