"""Group commit: calls that arrive while a round trip is under way travel together in the next one.

Alone, a call waits for nothing. Under load one pipeline, one reply and (with `appendfsync always`) one fsync serve
the whole group, which is what makes "on disk before the answer" nearly free.

One bad element fails only its own caller. A lost connection fails the whole group with TransientError, although
Redis may have executed it: every script that travels here must tolerate being sent again.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from shared.deadlines import Deadlines
from shared.errors import TransientError
from shared.metrics import GROUP_CALLS
from shared.redis_batch import Line
from shared.redis_client import AWAY, is_away
from shared.scripts import Call, all_scripts

LIMIT_S = 4.0
"""How long a call waits at most, reconnecting included: Twilio gives a webhook 15 s, and `#rt=4000` less."""

MAX_GROUP = 256
"""Calls in one pipeline; more only lengthens the wait of the first."""

MAX_WAITING = 4096
"""Calls that wait while a pipeline is under way: a second's worth at full load. A Redis that hangs must cost 503s, not
memory."""


class NotConfirmedError(TransientError):
    """Redis executed the call but could not confirm it at the configured durability."""


class GroupCommit:
    """Sends script calls over one Redis client, in groups. Use inside one event loop.

    `confirm` is the command that ends each group (`("WAITAOF", 1, 0, 1000)` or `("WAIT", 1, 1000)`) and the
    numbers that its reply must reach; None if the server's own settings are guarantee enough.
    """

    def __init__(self, redis: Redis, *, confirm: "Confirm | None" = None, limit_s: float = LIMIT_S) -> None:
        self._redis = redis
        self._line = Line(redis)
        self._confirm = confirm
        self._deadlines = Deadlines(limit_s)
        self._waiting: list[tuple[Call, asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None
        self.groups = 0
        self.calls = 0

    async def call(self, call: Call) -> Any:
        """The script's reply. Raises TransientError if Redis is away, hangs or cannot confirm, or too many wait for it
        already; ResponseError if the script itself fails.

        A call whose caller has given up before it was sent is not sent any more.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise TransientError("too many wait for Redis already", code="redis-away")
        deadlines = self._deadlines
        future: asyncio.Future[Any] = deadlines.loop.create_future()
        self._waiting.append((call, future))
        if self._sender is None:
            self._sender = deadlines.loop.create_task(self._send_all())
        deadlines.began(future)
        try:
            return await future
        except TimeoutError as error:
            raise TransientError("Redis does not answer in time", code="redis-away") from error
        finally:
            deadlines.ended(future)

    async def close(self) -> None:
        """Wait for what is under way, then close the client."""
        if self._sender is not None:
            await asyncio.wait([self._sender])
        await self._line.close()
        await self._redis.aclose()

    async def _send_all(self) -> None:
        try:
            while group := self._take():
                await self._send(group)
        finally:
            self._sender = None

    def _take(self) -> list[tuple[Call, asyncio.Future[Any]]]:
        wanted = [(call, future) for call, future in self._waiting if not future.done()]
        self._waiting = wanted[MAX_GROUP:]
        return wanted[:MAX_GROUP]

    async def _send(self, group: list[tuple[Call, asyncio.Future[Any]]]) -> None:
        self.groups += 1
        self.calls += len(group)
        GROUP_CALLS.observe(len(group))
        try:
            replies = await execute(self._line, [call for call, _ in group], confirm=self._confirm)
        except (*AWAY, RedisError, TransientError) as error:
            replies = [_as_transient(error)] * len(group)
        except ValueError as error:  # words that cannot be put on the wire: whose, shows when each goes alone
            if len(group) > 1:
                for alone in group:
                    await self._send([alone])
                return
            replies = [error]
        for (_, future), reply in zip(group, replies, strict=True):
            if future.done():  # its caller was cancelled
                continue
            if isinstance(reply, Exception):
                future.set_exception(_as_transient(reply) if is_away(reply) else reply)
            else:
                future.set_result(reply)


class Confirm:
    """The command that makes Redis confirm durability, and what its reply must reach."""

    def __init__(self, command: Sequence[str | int], at_least: Sequence[int]) -> None:
        self.command = tuple(command)
        self.at_least = tuple(at_least)

    def holds(self, reply: object) -> bool:
        numbers = reply if isinstance(reply, list) else [reply]
        return all(int(n) >= least for n, least in zip(numbers, self.at_least, strict=True))


async def execute(way: Redis | Line, calls: Sequence[Call], *, confirm: Confirm | None = None) -> list[Any]:
    """One round trip; a reply or an exception for each call. Loads the scripts and repeats those that a restarted
    Redis has forgotten. Raises one of `AWAY`, or NotConfirmedError."""
    if isinstance(way, Line):
        return await _execute(way, calls, confirm)
    line = Line(way)
    try:
        return await _execute(line, calls, confirm)
    finally:
        await line.close()


async def _execute(line: Line, calls: Sequence[Call], confirm: Confirm | None) -> list[Any]:
    replies = await _send(line, calls, confirm)
    missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if missing:
        await line.send([("SCRIPT", "LOAD", known.source) for known in all_scripts()])
        for i, reply in zip(missing, await _send(line, [calls[i] for i in missing], confirm), strict=True):
            replies[i] = reply
    return replies


async def _send(line: Line, calls: Sequence[Call], confirm: Confirm | None) -> list[Any]:
    commands = [call.command() for call in calls]
    if confirm is None:
        return await line.send(commands)
    *replies, confirmed = await line.send([*commands, confirm.command])
    if isinstance(confirmed, ResponseError) or not confirm.holds(confirmed):
        raise NotConfirmedError(f"{confirm.command[0]} was not reached: {confirmed}", code="not-durable")
    return replies


def _as_transient(error: Exception) -> TransientError:
    if isinstance(error, TransientError):
        return error
    wrapped = TransientError(f"Redis is away: {type(error).__name__}", code="redis-away")
    wrapped.__cause__ = error
    return wrapped
