"""What a `redis+sentinel://` URL means. Pure: the configuration checks it without importing a Redis client."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

SENTINEL = "redis+sentinel://"
SENTINEL_PORT = 26379


class SentinelTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What a `redis+sentinel://` URL names."""

    hosts: list[tuple[str, int]]
    service: str
    login: dict[str, Any]
    """Database, user name and password of the Redis servers."""
    sentinel_password: str | None


def parse_sentinel(url: str) -> SentinelTarget:
    """`redis+sentinel://[user:password@]host[:port][,host[:port]…]/service[/db][?sentinelPassword=…]`.

    Raises ValueError, which quotes nothing, for anything else.
    """
    expected = "expected redis+sentinel://host:26379,host:26379/service/0"
    parts = urlsplit(url)
    user_info, _, hosts = parts.netloc.rpartition("@")
    user, _, password = user_info.partition(":")
    service, _, database = parts.path.strip("/").partition("/")
    if not hosts or not service or not (database or "0").isdigit():
        raise ValueError(expected)
    login: dict[str, Any] = {"db": int(database or "0")}
    if user:
        login["username"] = unquote(user)
    if password:
        login["password"] = unquote(password)
    return SentinelTarget(
        hosts=[_host_and_port(host, expected) for host in hosts.split(",")],
        service=unquote(service),
        login=login,
        sentinel_password=parse_qs(parts.query).get("sentinelPassword", [None])[0],
    )


def _host_and_port(text: str, expected: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(SENTINEL_PORT)
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(expected)
    return host.strip("[]"), int(port)
