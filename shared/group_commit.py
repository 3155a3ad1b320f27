"""Group commit: calls that come together travel together, and no group waits for the answer to the one before.

Alone, a call leaves at once. Under load one write, one read and (with `appendfsync always`) one fsync serve a whole
group, which is what makes "on disk before the answer" nearly free. A group leaves when the event loop has run whatever
was ready, or when it is large enough: so Redis works at the first texts of a burst while the others are still parsed.
Were everything kept until Redis has answered, the two would take turns, each idle while the other works.

One bad element fails only its own caller. What was under way on a connection that breaks is sent again on a new one,
oldest first, although Redis may have executed it: every script that travels here must tolerate that. While Redis stays
away, each caller gets a TransientError.
"""

import asyncio
from collections import deque
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from shared.deadlines import Deadlines
from shared.errors import TransientError
from shared.metrics import GROUP_CALLS
from shared.redis_batch import Line
from shared.redis_client import AWAY, is_away
from shared.round_trip import Confirm, commands_of, confirmed_replies, execute, load_scripts
from shared.scripts import Call

LIMIT_S = 4.0
"""How long a call waits at most, reconnecting included: Twilio gives a webhook 15 s, and `#rt=4000` less."""

GROUP = 8
"""Calls that leave at once, whatever else is ready. Measured: with 4 each call costs more, with 16 the ingress waits
for Redis now and then; with all that was ready, a quarter of the time."""

MAX_GROUP = 256
"""Calls under way; more only lengthens the wait of the first."""

MAX_WAITING = 4096
"""Calls that wait while that many are under way: a second's worth at full load. A Redis that hangs must cost 503s, not
memory."""

Waiting = tuple[Call, asyncio.Future[Any]]
"""A call, and who waits for its reply."""


class GroupCommit:
    """Sends script calls over one Redis client, in groups. Use inside one event loop.

    `confirm` is the command that ends each group (`("WAITAOF", 1, 0, 1000)` or `("WAIT", 1, 1000)`) and the
    numbers that its reply must reach; None if the server's own settings are guarantee enough.
    """

    def __init__(self, redis: Redis, *, confirm: Confirm | None = None, limit_s: float = LIMIT_S) -> None:
        self._redis = redis
        self._line = Line(redis)
        self._confirm = confirm
        self._deadlines = Deadlines(limit_s)
        self._waiting: deque[Waiting] = deque()
        self._will_flush = False
        self._under_way = 0
        self._behind: deque[Waiting] = deque()
        """Calls that have to be sent again, or whose connection has to be made first: older than those that wait, which
        stay until these are through. Texts of one person keep their order, whatever breaks."""
        self._mending: asyncio.Handle | asyncio.Task[None] | None = None
        """What sends those behind, or will begin to."""
        self._idle: asyncio.Future[None] | None = None
        """Done when nothing is under way any more, if somebody waits for that."""
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
        if not self._under_way or len(self._waiting) >= GROUP:
            self._flush()
        else:
            self._flush_soon()
        deadlines.began(future)
        try:
            return await future
        except TimeoutError as error:
            raise TransientError("Redis does not answer in time", code="redis-away") from error
        finally:
            deadlines.ended(future)

    async def close(self) -> None:
        """Wait for what is under way, then close the client."""
        if self._under_way or self._waiting:
            if self._idle is None:
                self._idle = self._deadlines.loop.create_future()
            await self._idle
        await self._line.close()
        await self._redis.aclose()

    def _flush_soon(self) -> None:
        if not self._will_flush:
            self._will_flush = True
            self._deadlines.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._will_flush = False
        if self._mending is not None:
            return
        group = self._take()
        if not group:
            self._tell_if_idle()
            return
        self._under_way += len(group)
        self.groups += 1
        self.calls += len(group)
        GROUP_CALLS.observe(len(group))
        try:
            replies = self._line.post(commands_of([call for call, _ in group], self._confirm))
        except (ValueError, TypeError):  # words that cannot be put on the wire
            replies = None
        if replies is not None:
            replies.add_done_callback(partial(self._answered, group))
        else:
            # A tick later: groups of a connection that broke in this one are older, and about to be told so.
            self._mending = self._deadlines.loop.call_soon(self._mend, group)

    def _take(self) -> list[Waiting]:
        group: list[Waiting] = []
        while self._waiting and self._under_way + len(group) < MAX_GROUP:
            waiting = self._waiting.popleft()
            if not waiting[1].done():
                group.append(waiting)
        return group

    def _answered(self, group: list[Waiting], posted: asyncio.Future[list[Any]]) -> None:
        """The way of nearly all groups; what needs more than one round trip is mended."""
        if posted.exception() is not None:
            self._mend(group)
            return
        replies = confirmed_replies(posted.result(), self._confirm)
        unknown = [waiting for waiting, reply in zip(group, replies, strict=True) if isinstance(reply, NoScriptError)]
        if unknown:
            known = [pair for pair in zip(group, replies, strict=True) if not isinstance(pair[1], NoScriptError)]
            self._mend(unknown)
            group, replies = [waiting for waiting, _ in known], [reply for _, reply in known]
        self._settle(group, replies)

    def _mend(self, group: list[Waiting]) -> None:
        """Send these again, behind the others that have to be: one group at a time, and nothing younger meanwhile."""
        self._behind.extend(group)
        if not isinstance(self._mending, asyncio.Task):
            self._mending = self._deadlines.loop.create_task(self._send_behind())

    async def _send_behind(self) -> None:
        try:
            while self._behind:
                trouble = await self._prepare()
                behind, self._behind = self._behind, deque()
                group = [(call, future) for call, future in behind if not future.done()]
                self._under_way -= len(behind) - len(group)
                if trouble is not None:
                    self._settle(group, [trouble] * len(group))
                elif group:
                    await self._send(group)
        finally:
            self._mending = None
            self._go_on()

    async def _prepare(self) -> TransientError | None:
        """Make the connection, and give the scripts to a Redis that may have started anew; what stood in the way. Were
        another process to give them between two calls of a group, the second would go before the first."""
        try:
            await load_scripts(self._line)
        except (*AWAY, RedisError) as error:
            return _as_transient(error)
        return None

    async def _send(self, group: list[Waiting]) -> None:
        try:
            replies = await execute(self._line, [call for call, _ in group], confirm=self._confirm)
        except (*AWAY, RedisError, TransientError) as error:
            replies = [_as_transient(error)] * len(group)
        except Exception as error:  # noqa: BLE001 - words that cannot be put on the wire, or a bug: its caller tells
            if len(group) > 1:  # whose, shows when each goes alone
                for alone in group:
                    await self._send([alone])
                return
            replies = [error]
        self._settle(group, replies)

    def _settle(self, group: list[Waiting], replies: list[Any]) -> None:
        self._under_way -= len(group)
        for (_, future), reply in zip(group, replies, strict=True):
            if future.done():  # its caller was cancelled
                continue
            if isinstance(reply, Exception):
                future.set_exception(_as_transient(reply) if is_away(reply) else reply)
            else:
                future.set_result(reply)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting:
            self._flush_soon()
        else:
            self._tell_if_idle()

    def _tell_if_idle(self) -> None:
        if self._idle is not None and not self._under_way and not self._idle.done():
            self._idle.set_result(None)


def _as_transient(error: Exception) -> TransientError:
    if isinstance(error, TransientError):
        return error
    wrapped = TransientError(f"Redis is away: {type(error).__name__}", code="redis-away")
    wrapped.__cause__ = error
    return wrapped
