"""How a Redis that cannot be had is told: where it was looked for, and why it does not serve. No password shows."""

from urllib.parse import unquote, urlsplit

from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError
from redis.sentinel import MasterNotFoundError

from shared.redis_sentinel import SENTINEL, parse_sentinel
from shared.unreached import why_unreached

_PORT = 6379


def describe_away(error: BaseException, url: str) -> str:
    """`Redis does not answer at 127.0.0.1:6379 (nothing listens there)`, or what it answered instead of serving."""
    if isinstance(error, ResponseError | AuthenticationError | BusyLoadingError):
        return f"Redis at {place(url)} answers: {str(error).rstrip('.')}"
    why = "no Sentinel names its primary" if isinstance(error, MasterNotFoundError) else why_unreached(error)
    return f"Redis does not answer at {place(url)} ({why})"


def place(url: str) -> str:
    """Where a Redis URL points, without user, password and database."""
    if url.startswith(SENTINEL):
        target = parse_sentinel(url)
        return f"{target.service} of {', '.join(_with_port(host, port) for host, port in target.hosts)}"
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return unquote(parts.path)
    return _with_port(parts.hostname or "localhost", parts.port or _PORT)


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
