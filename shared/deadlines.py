"""One time limit for many short waits: a single timer, however many of them are open.

`asyncio.timeout` sets a timer for each wait and takes it back, which costs more than most of the waits that it guards.
Here all waits share one limit, so they end in the order in which they began, and the timer looks at the oldest only.
"""

import asyncio
from types import TracebackType


class Deadlines:
    """`async with deadlines.limit(): …` raises TimeoutError after `limit_s`. Use inside one event loop."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._open: dict[asyncio.Timeout, float] = {}
        """By age, since all have the same limit: a dict keeps the order in which they were added."""
        self._timer: asyncio.TimerHandle | None = None

    def limit(self) -> "_Limit":
        """One wait."""
        return _Limit(self)

    def began(self, wait: asyncio.Timeout) -> None:
        """Watch this wait."""
        loop = asyncio.get_running_loop()
        due = self._open[wait] = loop.time() + self.limit_s
        if self._timer is None:
            self._timer = loop.call_at(due, self._look)

    def ended(self, wait: asyncio.Timeout) -> None:
        """It is over; the timer finds out when it rings."""
        self._open.pop(wait, None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        for wait, due in list(self._open.items()):
            if due > loop.time():
                self._timer = loop.call_at(due, self._look)
                return
            del self._open[wait]
            wait.reschedule(loop.time())


class _Limit:
    """asyncio's own timeout, which knows how to cancel and whom; only its timer is ours."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._wait = asyncio.Timeout(None)

    async def __aenter__(self) -> None:
        await self._wait.__aenter__()
        self._deadlines.began(self._wait)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadlines.ended(self._wait)
        await self._wait.__aexit__(kind, error, trace)
