"""One time limit for many short waits: a single timer, however many of them are open.

`asyncio.timeout` sets a timer for each wait and takes it back, which costs more than most of the waits that it guards.
Here all waits share one limit, so they end in the order in which they began, and the timer looks at the oldest only.
"""

import asyncio
from types import TracebackType
from typing import Any, Self


class Deadlines:
    """Waits that may take `limit_s` each. Use inside one event loop."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._open: dict[_Limit | asyncio.Future[Any], float] = {}
        """By age, since all have the same limit: a dict keeps the order in which they were added."""
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, asked for once: on Python 3.11 each question is a system call."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def limit(self) -> "_Limit":
        """`with deadlines.limit(): …` raises TimeoutError, in the task that runs it, after `limit_s`."""
        return _Limit(self)

    def began(self, wait: "_Limit | asyncio.Future[Any]") -> None:
        """Watch this wait until `ended`. A future fails with TimeoutError after `limit_s`."""
        due = self._open[wait] = self.loop.time() + self.limit_s
        if self._timer is None:
            self._timer = self.loop.call_at(due, self._look)

    def ended(self, wait: "_Limit | asyncio.Future[Any]") -> None:
        """It is over; the timer finds out when it rings."""
        self._open.pop(wait, None)

    def _look(self) -> None:
        self._timer = None
        for wait, due in list(self._open.items()):
            if due > self.loop.time():
                self._timer = self.loop.call_at(due, self._look)
                return
            del self._open[wait]
            if isinstance(wait, _Limit):
                wait.expire()
            elif not wait.done():
                wait.set_exception(TimeoutError())


class Limits:
    """Waits of whatever lengths; those of one length share a timer. Use inside one event loop."""

    def __init__(self) -> None:
        self._by_length: dict[float, Deadlines] = {}

    def limit(self, limit_s: float) -> "_Limit":
        """As `Deadlines.limit`, for so many seconds. The lengths that are asked for must be few: each stays."""
        deadlines = self._by_length.get(limit_s)
        if deadlines is None:
            deadlines = self._by_length[limit_s] = Deadlines(limit_s)
        return deadlines.limit()


class _Limit:
    """Cancels the task that entered it, and tells that from other cancellations, as `asyncio.timeout` does."""

    __slots__ = ("_cancelling", "_deadlines", "_task", "expired")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self.expired = False
        """Its time was over before it ended: a TimeoutError may be its own, and not one of the code within."""

    def __enter__(self) -> Self:
        task = self._task = asyncio.current_task(self._deadlines.loop)
        if task is None:
            raise RuntimeError("a limit needs a task that it can end")
        self._cancelling = task.cancelling()
        self._deadlines.began(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadlines.ended(self)
        if self.expired and self._task is not None:
            ours = self._task.uncancel() <= self._cancelling
            if ours and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def expire(self) -> None:
        """The time is over."""
        if self._task is not None:
            self.expired = True
            self._task.cancel()
