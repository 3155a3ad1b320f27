"""What goes into a request and what comes out of an answer, as bytes and as values; pure."""

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import msgspec

from workers.http_connection import Answer
from workers.http_pool import Origin

_NOT_IN_TARGET = re.compile(r"[^!-~]")
_IN_FORM = str.maketrans({chr(code): quote_plus(chr(code)) for code in range(128)})
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s;"']+)""", re.IGNORECASE)


class Place(msgspec.Struct, frozen=True):
    """A URL as HTTP/1.1 needs it."""

    origin: Origin
    host: str
    """The `Host` header: with the port if the URL names one."""
    target: str
    """Path and query, quoted."""


@lru_cache(maxsize=1024)
def place_of(url: str) -> Place:
    """Raises ValueError for what is no http or https URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https URL")
    tls = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if _NOT_IN_TARGET.search(target):
        target = quote(target, safe="!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    host = parts.netloc.rpartition("@")[2]
    return Place(Origin(parts.hostname, parts.port or (443 if tls else 80), tls), host, target)


def with_query(target: str, params: Mapping[str, Any] | None) -> str:
    """The target with these parameters; a list repeats its name."""
    if not params:
        return target
    return f"{target}{'&' if '?' in target else '?'}{encode_pairs(params)}"


def encode_form(data: Mapping[str, Any] | None) -> bytes:
    """The body of a form; a list repeats its name."""
    return encode_pairs(data).encode() if data else b""


def encode_pairs(pairs: Mapping[str, Any]) -> str:
    """As `urllib.parse.urlencode(pairs, doseq=True)` for text, numbers and lists of them, in half of its time."""
    words: list[str] = []
    for name, found in pairs.items():
        values = found if isinstance(found, (list, tuple)) else (found,)
        words += [f"{_quoted(name)}={_quoted(str(value))}" for value in values]
    return "&".join(words)


def _quoted(text: str) -> str:
    return text.translate(_IN_FORM) if text.isascii() else quote_plus(text)


def encode_request(method: str, host: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """The whole request. Raises ValueError for a header that would be more than one line."""
    values = "".join(headers.values()).replace("\t", " ")
    if not (values.isascii() and values.isprintable()):
        raise ValueError("a header holds a character that it must not hold")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "\r\n"]).encode("ascii") + body


def basic_auth(user: str, secret: str) -> str:
    """The `Authorization` header. Source: RFC 7617."""
    return "Basic " + b64encode(f"{user}:{secret}".encode()).decode("ascii")


def text_of(answer: Answer) -> str:
    """The body in the encoding that the answer names, else UTF-8. Raises UnicodeError."""
    return answer.body.decode(_encoding_of(answer.headers.get("content-type", "")))


@lru_cache(maxsize=64)
def _encoding_of(content_type: str) -> str:
    """The encoding's name; UTF-8 for one that is unknown or not from bytes to text, such as `hex`."""
    named = _CHARSET.search(content_type)
    if named is None:
        return "utf-8"
    try:
        b"-".decode(named[1])
    except UnicodeError:  # it decodes, though not this
        return named[1]
    except (LookupError, ValueError):
        return "utf-8"
    return named[1]
