"""Tells of an outage of Redis as every process does (`shared/redis_outage.py`), with how many webhooks got a 503.

A quiet hour would not tell of it at all; so an idle ingress asks Redis now and then by itself. Redis keys: none
(`PING`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from shared.cancellation import pass_cancellation
from shared.redis_client import AWAY
from shared.redis_outage import RedisOutage

ASK_EVERY_S = 5.0
"""How late an outage without any webhook is noticed, at most."""
ASK_LIMIT_S = 3.0


class RedisWatch:
    """One per ingress process. `ask` is a `PING`."""

    def __init__(self, ask: Callable[[], Awaitable[object]]) -> None:
        self._ask = ask
        self._outage = RedisOutage(level=logging.ERROR)
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
        answer = "503 until it is back; Twilio tries again if its URL says so"
        self._outage.away(reason, answer=answer, answered_503=self._refused)

    def _back(self) -> None:
        self._outage.back(answered_503=self._refused)
        self._refused = 0
