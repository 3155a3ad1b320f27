"""Many commands, one round trip: what carries nearly all traffic to Redis.

redis-py's pipeline packs each command in Python, looks for stray bytes first, and gives each write a task and each
reply a timer, a clock and a host name in case it fails: under load that was a third of what a webhook cost. A `Line`
sends the same bytes, packed by hiredis, over one connection of redis-py's own pool (which keeps TLS, Sentinel, logins
and reconnecting), puts one time limit around the whole batch, and takes the replies from the connection's own parser.
"""

import asyncio
import contextlib
import time
from typing import Any, cast

import hiredis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    ReadOnlyError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)

from shared.metrics import REDIS_FAILURES, REDIS_S
from shared.redis_client import READ_TIMEOUT_S

AGAIN_S = 0.02
"""Pause before a broken connection is tried a second time; longer waits belong to the callers."""

Command = tuple[str | bytes | int | float, ...]


class Line:
    """One connection, taken from the client's pool at the first batch and kept until `close`. It carries one batch at a
    time; those that come meanwhile wait."""

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._connection: AbstractConnection | None = None
        self._turn = asyncio.Lock()

    async def send(self, commands: list[Command], *, limit_s: float = READ_TIMEOUT_S) -> list[Any]:
        """A reply or a ResponseError for each command. Raises redis-py's ConnectionError or TimeoutError; ValueError,
        before anything is sent, for words that UTF-8 cannot say.

        A connection that breaks is tried once more, so each command must tolerate being sent twice.
        """
        started = time.perf_counter()
        try:
            async with asyncio.timeout(limit_s), self._turn:
                try:
                    replies = await self._exchange(commands)
                except RedisConnectionError:
                    await asyncio.sleep(AGAIN_S)
                    replies = await self._exchange(commands)
        except TimeoutError as error:
            REDIS_FAILURES.inc()
            raise RedisTimeoutError(f"no reply within {limit_s:g} s") from error
        except (RedisConnectionError, OSError):
            REDIS_FAILURES.inc()
            raise
        REDIS_S.observe(time.perf_counter() - started)
        return replies

    async def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.release(connection)

    async def _exchange(self, commands: list[Command]) -> list[Any]:
        packed = b"".join([hiredis.pack_command(cast("Any", command)) for command in commands])
        connection = self._connection
        if connection is None:
            connection = self._connection = await self._pool.get_connection()
        # While it is ours the limit around the batch stands in for a limit on each write and each read.
        usual, connection.socket_timeout = connection.socket_timeout, None
        try:
            await connection.send_packed_command(packed, check_health=False)
            return await _replies(connection, len(commands))
        except BaseException:
            # Half a batch may be on its way: nobody may read its replies as the next one's.
            with contextlib.suppress(RedisConnectionError, OSError):
                await connection.disconnect(nowait=True)
            raise
        finally:
            connection.socket_timeout = usual


async def _replies(connection: AbstractConnection, count: int) -> list[Any]:
    """The next replies; a ResponseError is one of them. Raises ConnectionError.

    A primary that was demoted counts as a broken connection, as redis-py has it: a new one asks Sentinel who it is now.
    """
    parser: Any = connection._parser  # there is no public way past what read_response adds; the tests hold what is used
    next_reply = parser._reader.gets
    replies: list[Any] = []
    try:
        while len(replies) < count:
            reply = next_reply()
            if reply is NOT_ENOUGH_DATA:
                await parser.read_from_socket()
            elif isinstance(reply, RedisConnectionError):
                raise reply
            elif _tells_of_demotion(reply):
                raise RedisConnectionError(f"this server is no primary any more: {reply}")
            else:
                replies.append(reply)
    except OSError as error:
        raise RedisConnectionError(f"the connection broke: {error}") from error
    return replies


def _tells_of_demotion(reply: object) -> bool:
    """Whether this server takes no writes any more. From inside a script Redis 6.2 tells it in the text only."""
    return isinstance(reply, ReadOnlyError) or (isinstance(reply, ResponseError) and "READONLY" in str(reply))
