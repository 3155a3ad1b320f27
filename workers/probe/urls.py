"""In which parts two webhook URLs differ, said so precisely that repairing those parts makes them equal. Pure.

Twilio signs its own URL byte for byte, without the fragment, so nearly every difference makes our signature check
refuse the text. Exceptions: the default port, and a query that only Twilio's has (`ingress/signature.py` accepts both).
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from urllib.parse import unquote

import msgspec

_DEFAULT_PORTS = {"https": "443", "http": "80"}
_SHAPE = re.compile(
    r"(?P<scheme>[^:/?#]*)://(?:(?P<user>[^/?#]*)@)?(?P<host>\[[^\]]*\]|[^:/?#]*)(?::(?P<port>[^/?#]*))?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)


class Part(StrEnum):
    """Where URLs differ. The finer names of path and host tell how."""

    WHOLE = "whole"
    """One of them is no URL at all, or is empty."""
    BLANKS = "blanks"
    SCHEME = "scheme"
    USER = "user-info"
    HOST = "host"
    HOST_CASE = "host-case"
    PORT = "port"
    DEFAULT_PORT = "default-port"
    PATH = "path"
    PATH_CASE = "path-case"
    TRAILING_SLASH = "trailing-slash"
    PERCENT_ENCODING = "percent-encoding"
    QUERY = "query"
    EXTRA_QUERY = "extra-query"
    FRAGMENT = "fragment"


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """A URL in pieces that put together again give exactly the same text; None: the piece and its mark are absent."""

    scheme: str
    user: str | None
    host: str
    port: str | None
    path: str
    query: str | None
    fragment: str | None

    def join(self) -> str:
        """The URL."""
        user = "" if self.user is None else f"{self.user}@"
        port = "" if self.port is None else f":{self.port}"
        query = "" if self.query is None else f"?{self.query}"
        fragment = "" if self.fragment is None else f"#{self.fragment}"
        return f"{self.scheme}://{user}{self.host}{port}{self.path}{query}{fragment}"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One part that differs, as it stands in either URL; empty where it is absent."""

    part: Part
    theirs: str
    ours: str


def split(url: str) -> Split | None:
    """Take a URL apart; None if it is none."""
    match = _SHAPE.fullmatch(url)
    return Split(**match.groupdict()) if match else None


def differences(theirs: str, ours: str) -> tuple[Difference, ...]:
    """Every part in which Twilio's URL differs from the configured one; empty if they are the same text."""
    if theirs == ours:
        return ()
    their, our = split(theirs), split(ours)
    if their is None or our is None:
        is_blank = theirs.strip() == ours.strip()
        return (Difference(part=Part.BLANKS if is_blank else Part.WHOLE, theirs=theirs, ours=ours),)
    if theirs.strip() != theirs and theirs.strip() == ours:
        return (Difference(part=Part.BLANKS, theirs=theirs, ours=ours),)
    return tuple(_compare(their, our))


def repair(theirs: str, ours: str, part: Part) -> str:
    """Twilio's URL with that part as we have it."""
    their, our = split(theirs), split(ours)
    if part in (Part.WHOLE, Part.BLANKS) or their is None or our is None:
        return ours
    attribute = _ATTRIBUTES[part]
    return msgspec.structs.replace(their, **{attribute: getattr(our, attribute)}).join()


_ATTRIBUTES = {
    Part.SCHEME: "scheme",
    Part.USER: "user",
    Part.HOST: "host",
    Part.HOST_CASE: "host",
    Part.PORT: "port",
    Part.DEFAULT_PORT: "port",
    Part.PATH: "path",
    Part.PATH_CASE: "path",
    Part.TRAILING_SLASH: "path",
    Part.PERCENT_ENCODING: "path",
    Part.QUERY: "query",
    Part.EXTRA_QUERY: "query",
    Part.FRAGMENT: "fragment",
}


def _compare(their: Split, our: Split) -> Iterator[Difference]:
    parts = {
        "scheme": Part.SCHEME,
        "user": Part.USER,
        "host": Part.HOST_CASE if their.host.lower() == our.host.lower() else Part.HOST,
        "port": _port_part(their, our),
        "path": _path_part(their.path, our.path),
        "query": Part.EXTRA_QUERY if our.query is None and their.query else Part.QUERY,
        "fragment": Part.FRAGMENT,
    }
    for attribute, part in parts.items():
        one, other = getattr(their, attribute), getattr(our, attribute)
        if one != other:
            yield Difference(part=part, theirs=one or "", ours=other or "")


def _port_part(their: Split, our: Split) -> Part:
    default = _DEFAULT_PORTS.get(our.scheme.lower())
    return Part.DEFAULT_PORT if {their.port, our.port} == {None, default} else Part.PORT


def _path_part(theirs: str, ours: str) -> Part:
    if theirs.rstrip("/") == ours.rstrip("/"):
        return Part.TRAILING_SLASH
    if _decoded(theirs) == _decoded(ours):
        return Part.PERCENT_ENCODING
    return Part.PATH_CASE if theirs.lower() == ours.lower() else Part.PATH


def _decoded(path: str) -> str:
    return unquote(path, errors="surrogateescape")


HARMLESS = frozenset({Part.DEFAULT_PORT, Part.EXTRA_QUERY, Part.FRAGMENT})
"""Parts in which Twilio's URL may differ and a text still arrives."""


def is_same_place(theirs: str, ours: str) -> bool:
    """Whether a text that is posted to Twilio's URL arrives here with a signature that fits."""
    return all(difference.part in HARMLESS for difference in differences(theirs, ours))


def name_differences(theirs: str, ours: str) -> str:
    """`scheme, path-case`: the parts that differ, in words."""
    return ", ".join(difference.part.value for difference in differences(theirs, ours))


def hide_user(url: str) -> str:
    """The URL without what stands before an `@` in its host: it may be a password."""
    parts = split(url)
    return url if parts is None or parts.user is None else msgspec.structs.replace(parts, user="***").join()
