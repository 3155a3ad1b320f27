"""Connecting to Redis so that a bad minute is only a bad minute.

redis-py's defaults wait forever on a dead peer. Every connection of ours has a connect and a read timeout, TCP
keep-alive and a health check, and retries a broken connection once with a short wait: longer waits belong to the
loops above, which know whether they may wait (a worker) or must answer now (the ingress).
"""

import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import redis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError as RedisConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError as RedisTimeoutError,
)
from redis.retry import Retry as BlockingRetry
from redis.sentinel import Sentinel as BlockingSentinel

from shared.redis_sentinel import SENTINEL, SentinelTarget, parse_sentinel

AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    OSError,
)
"""What a Redis that is away, starting, failing over or full raises: wait and try again, never die."""

Greet = Callable[[AbstractConnection], Awaitable[None]]

_LATER = re.compile(r"(?:^|-)(?:MISCONF|NOREPLICAS|MASTERDOWN|READONLY|LOADING|BUSY) |OOM command not allowed")
"""Replies that redis-py has no class for. Redis 6.2 tells what goes wrong inside a script in the text only."""

KEEP_ALIVE: dict[str, Any] = {
    "socket_keepalive": True,
    "socket_keepalive_options": {
        getattr(socket, name): value
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    },
}
"""A silent connection is asked after half a minute whether it lives (by default after two hours): a firewall that
forgot it, or a server that vanished, is noticed before the next text needs it."""

READ_TIMEOUT_S = 5.0
BLOCK_S = 3.0
"""How long a blocking read waits: shorter than its connection's read timeout, or every wait would break it."""


def is_away(error: object) -> bool:
    """Whether this reply means "later": the server is full, starting, failing over, or cannot write its disk."""
    return isinstance(error, AWAY) or (isinstance(error, RedisError) and _LATER.search(str(error)) is not None)


def connection_options() -> dict[str, Any]:
    """What every connection of ours is made with."""
    return {
        "socket_timeout": READ_TIMEOUT_S,
        "socket_connect_timeout": 2.0,
        "health_check_interval": 15,
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.02), 1),
        "retry_on_error": [RedisConnectionError],
    }


def connect(url: str, *, greet: Greet | None = None) -> Redis:
    """A client for `redis://`, `rediss://`, `unix://` or `redis+sentinel://`; connects at the first command.

    Replies are bytes. With Sentinel every new connection asks who the primary is now. `greet`: what is done on every
    new connection instead of its own `on_connect`.
    """
    options = connection_options()
    if greet is not None:
        options["redis_connect_func"] = greet
    if not url.startswith("unix://"):
        options |= KEEP_ALIVE
    if url.startswith(SENTINEL):
        target = parse_sentinel(url)
        make: Any = AsyncSentinel  # redis-py leaves it untyped
        sentinel = make(target.hosts, sentinel_kwargs=_sentinel_options(target, READ_TIMEOUT_S), **options)
        return cast("Redis", sentinel.master_for(target.service, **target.login))
    return cast("Redis", Redis.from_url(url, **options))


def connect_blocking(url: str, *, limit_s: float) -> redis.Redis:
    """The same for a thread: synchronous, one time limit for connecting and reading, no pause between tries."""
    options: dict[str, Any] = {
        "socket_timeout": limit_s,
        "socket_connect_timeout": limit_s,
        "retry": BlockingRetry(NoBackoff(), 1),
    }
    if not url.startswith("unix://"):
        options |= KEEP_ALIVE
    if url.startswith(SENTINEL):
        target = parse_sentinel(url)
        make: Any = BlockingSentinel
        sentinel = make(target.hosts, sentinel_kwargs=_sentinel_options(target, limit_s), **options)
        return cast("redis.Redis", sentinel.master_for(target.service, **target.login))
    return redis.Redis.from_url(url, **options)


def _sentinel_options(target: SentinelTarget, limit_s: float) -> dict[str, Any]:
    options: dict[str, Any] = {"socket_timeout": limit_s, "socket_connect_timeout": min(limit_s, 2.0)}
    return {**options, "password": target.sentinel_password} if target.sentinel_password else options


async def load_list(redis: Redis, key: str, first: int, last: int) -> list[bytes]:
    """Elements `first` to `last` of a list, both inclusive. (redis-py types this reply as possibly synchronous.)"""
    return cast("list[bytes]", await cast("Awaitable[object]", redis.lrange(key, first, last)))


async def load_hash(redis: Redis, key: str) -> dict[bytes, bytes]:
    """All fields of a hash, an empty dict if there is none. (redis-py types this reply as possibly synchronous.)"""
    return cast("dict[bytes, bytes]", await cast("Awaitable[object]", redis.hgetall(key)))
