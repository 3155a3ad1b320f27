"""Many commands, one round trip: what carries nearly all traffic to Redis.

redis-py's pipeline packs each command in Python, looks for stray bytes first, and gives each write a task and each
reply a timer, a clock and a host name in case it fails: under load that was a third of what a webhook cost. A `Line`
sends the same bytes, packed by hiredis, over one connection of redis-py's own pool (which keeps TLS, Sentinel, logins
and reconnecting), puts one time limit around the whole batch, and takes the replies from the connection's own parser.
A batch does not wait for the replies of the one before: while Redis works at the one, the next is on its way.
"""

import asyncio
import contextlib
import time
from collections import deque
from functools import partial
from typing import Any, cast

import hiredis
import msgspec
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    ReadOnlyError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)

from shared.deadlines import Deadlines
from shared.metrics import REDIS_FAILURES, REDIS_S
from shared.redis_client import READ_TIMEOUT_S

AGAIN_S = 0.02
"""Pause before a broken connection is tried a second time; longer waits belong to the callers."""

Command = tuple[str | bytes | int | float, ...]


class Line:
    """One connection, taken from the client's pool at the first batch and kept until `close`. Batches that come
    together follow each other on it without waiting for each other's replies, which come in the same order."""

    def __init__(self, redis: Redis, *, limit_s: float = READ_TIMEOUT_S) -> None:
        self._pool = redis.connection_pool
        self._deadlines = Deadlines(limit_s)
        self._connection: AbstractConnection | None = None
        self._usual_timeout: float | None = None
        self._connecting = asyncio.Lock()
        self._sent: deque[_Batch] = deque()
        """Batches whose replies are still to come, the oldest first."""
        self._reader: asyncio.Task[None] | None = None
        self._broken: set[asyncio.Task[None]] = set()

    async def send(self, commands: list[Command]) -> list[Any]:
        """A reply or a ResponseError for each command. Raises redis-py's ConnectionError or TimeoutError; ValueError,
        before anything is sent, for words that UTF-8 cannot say.

        A connection that breaks is tried once more, so each command must tolerate being sent twice.
        """
        packed, started = _pack(commands), time.perf_counter()
        try:
            with self._deadlines.limit():
                try:
                    replies = await self._exchange(packed, len(commands))
                except RedisConnectionError:
                    await asyncio.sleep(AGAIN_S)
                    replies = await self._exchange(packed, len(commands))
        except TimeoutError as error:
            self._leave_if_it_hangs()
            REDIS_FAILURES.inc()
            raise self._too_late() from error
        except asyncio.CancelledError:
            self._leave_if_it_hangs()  # or what nobody waits for any more would pile up behind it
            raise
        except (RedisConnectionError, OSError):
            REDIS_FAILURES.inc()
            raise
        REDIS_S.observe(time.perf_counter() - started)
        return replies

    def post(self, commands: list[Command]) -> asyncio.Future[list[Any]] | None:
        """The same without a task: written now, and the future brings the replies. Nothing is tried twice; past the
        limit it fails with the builtin TimeoutError. None if there is no connection yet: `send` makes one."""
        if self._connection is None:
            return None
        replies = self._write(self._connection, _pack(commands), len(commands))
        started = time.perf_counter()
        self._deadlines.began(replies)
        replies.add_done_callback(partial(self._posted, started))
        return replies

    async def close(self) -> None:
        """Give the connection back. Batches that are under way fail."""
        if self._sent:
            self._break(RedisConnectionError("the line was closed"))
        if self._broken:
            await asyncio.wait(self._broken)
        async with self._connecting:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.socket_timeout = self._usual_timeout
                await self._pool.release(connection)

    async def _exchange(self, packed: bytes, count: int) -> list[Any]:
        connection = self._connection or await self._connect()
        return await self._write(connection, packed, count)

    async def _connect(self) -> AbstractConnection:
        async with self._connecting:
            if self._connection is None:
                connection = await self._pool.get_connection()
                # While it is ours the limit of each batch stands in for a limit on each write and each read.
                self._usual_timeout, connection.socket_timeout = connection.socket_timeout, None
                self._connection = connection
            return self._connection

    def _write(self, connection: AbstractConnection, packed: bytes, count: int) -> asyncio.Future[list[Any]]:
        loop = self._deadlines.loop
        batch = _Batch(count, loop.create_future(), loop.time())
        self._sent.append(batch)
        if self._reader is None:
            self._reader = loop.create_task(self._read(connection))
        # There is no public way to write without waiting. What waits here is bounded by what waits for replies.
        writer = connection._writer
        try:
            if writer is None or writer.is_closing():
                raise OSError("it is closed")
            writer.write(packed)
        except (OSError, RuntimeError) as error:  # the second is uvloop's for a transport that was just closed
            self._break(RedisConnectionError(f"it broke: {error}"))
        return batch.replies

    async def _read(self, connection: AbstractConnection) -> None:
        """Give the replies to those who wait for them, until nobody does."""
        try:
            await _deal_out(connection, self._sent)
        except Exception as error:  # noqa: BLE001 - whatever ends the reading, nobody may wait for it
            self._reader = None
            self._break(
                error if isinstance(error, RedisConnectionError) else RedisConnectionError(f"it broke: {error}")
            )
        else:
            self._reader = None

    def _posted(self, started: float, replies: asyncio.Future[list[Any]]) -> None:
        self._deadlines.ended(replies)
        error = replies.exception()
        if error is None:
            REDIS_S.observe(time.perf_counter() - started)
            return
        REDIS_FAILURES.inc()
        if isinstance(error, TimeoutError):
            self._leave_if_it_hangs()

    def _too_late(self) -> RedisTimeoutError:
        return RedisTimeoutError(f"no reply within {self._deadlines.limit_s:g} s")

    def _leave_if_it_hangs(self) -> None:
        """Break a connection that has left a batch without a reply for half the limit. One that answers others is well:
        replies that nobody waits for any more are dropped as they come."""
        half_s = self._deadlines.limit_s / 2
        if self._sent and self._deadlines.loop.time() - self._sent[0].sent_at >= half_s:
            self._break(self._too_late())

    def _break(self, error: Exception) -> None:
        """Fail whatever is under way: nobody may read the replies to another's commands."""
        sent, self._sent = self._sent, deque()
        connection, self._connection = self._connection, None
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
        for batch in sent:
            if not batch.replies.done():
                batch.replies.set_exception(error)
        if connection is not None:
            task = self._deadlines.loop.create_task(self._give_up(connection))
            self._broken.add(task)
            task.add_done_callback(self._broken.discard)

    async def _give_up(self, connection: AbstractConnection) -> None:
        connection.socket_timeout = self._usual_timeout
        with contextlib.suppress(RedisConnectionError, OSError):
            await connection.disconnect(nowait=True)
        await self._pool.release(connection)


class _Batch(msgspec.Struct, eq=False):
    """Commands that were sent, and who waits for their replies (nobody, if the future is done)."""

    count: int
    replies: asyncio.Future[list[Any]]
    sent_at: float
    """By the loop's clock."""


def _pack(commands: list[Command]) -> bytes:
    return b"".join([hiredis.pack_command(cast("Any", command)) for command in commands])


async def _deal_out(connection: AbstractConnection, sent: deque[_Batch]) -> None:
    """Read until every batch has its replies, those too that are sent meanwhile. Raises ConnectionError.

    A primary that was demoted counts as a broken connection, as redis-py has it: a new one asks Sentinel who it is now.
    """
    parser: Any = connection._parser  # there is no public way past what read_response adds; the tests hold what is used
    next_reply = parser._reader.gets
    while sent:
        replies: list[Any] = []
        batch = sent[0]
        while len(replies) < batch.count:
            reply = next_reply()
            if reply is NOT_ENOUGH_DATA:
                await parser.read_from_socket()
            elif isinstance(reply, RedisConnectionError):
                raise reply
            elif _tells_of_demotion(reply):
                raise RedisConnectionError(f"this server is no primary any more: {reply}")
            else:
                replies.append(reply)
        sent.popleft()
        if not batch.replies.done():
            batch.replies.set_result(replies)


def _tells_of_demotion(reply: object) -> bool:
    """Whether this server takes no writes any more. From inside a script Redis 6.2 tells it in the text only."""
    return isinstance(reply, ReadOnlyError) or (isinstance(reply, ResponseError) and "READONLY" in str(reply))
