"""Says once that Redis went away, and once that it is back: after how long, and how many webhooks got a 503.

A line per webhook would bury the log in an outage, and a quiet hour would not tell of it at all; so an idle ingress
asks Redis now and then by itself. Redis keys: none (`PING`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from shared.cancellation import pass_cancellation
from shared.logs import logger
from shared.redis_client import AWAY

ASK_EVERY_S = 5.0
"""How late an outage without any webhook is noticed, at most."""
ASK_LIMIT_S = 3.0

log = logger(__name__)


class RedisWatch:
    """One per ingress process. `ask` is a `PING`."""

    def __init__(self, ask: Callable[[], Awaitable[object]]) -> None:
        self._ask = ask
        self._since: float | None = None
        self._refused = 0

    def refused(self, reason: str) -> None:
        """A webhook was answered 503 for this reason."""
        self._refused += 1
        self._away(reason)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.look()
            pass_cancellation()
            await asyncio.sleep(ASK_EVERY_S)

    async def look(self) -> None:
        """Ask once."""
        try:
            async with asyncio.timeout(ASK_LIMIT_S):
                await self._ask()
        except (*AWAY, RedisError, TimeoutError) as error:
            self._away(f"{type(error).__name__}: {error}")
        else:
            self._back()

    def _away(self, reason: str) -> None:
        if self._since is None:
            self._since = time.monotonic()
            log.error("redis_away", reason=reason, answer="503 until it is back; Twilio tries again if its URL says so")

    def _back(self) -> None:
        if self._since is not None:
            log.warning("redis_back", away_s=round(time.monotonic() - self._since, 1), answered_503=self._refused)
            self._since, self._refused = None, 0
