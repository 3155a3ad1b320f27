"""One line when Redis goes away, one each half minute while it stays away, one when it is back.

A line per attempt would bury the log, and silence looks like a process that has given up. Redis keys: none.
"""

import logging
import time
from collections.abc import Callable

from shared.logs import logger

TELL_EVERY_S = 30.0

log = logger(__name__)


class RedisOutage:
    """Keeps the log of one process' outages; `level` is that of the lines before the last."""

    def __init__(self, *, level: int = logging.WARNING, clock: Callable[[], float] = time.monotonic) -> None:
        self._level = level
        self._clock = clock
        self._since: float | None = None
        self._told = 0.0

    @property
    def lasts(self) -> bool:
        """It was away when last heard of."""
        return self._since is not None

    def away(self, reason: str, **facts: object) -> None:
        """It did not answer, or not yet again."""
        now = self._clock()
        if self._since is None:
            self._since = self._told = now
            log.log(self._level, "redis_away", reason=reason, **facts)
        elif now - self._told >= TELL_EVERY_S:
            self._told = now
            away_s = round(now - self._since, 1)
            log.log(self._level, "redis_still_away", away_s=away_s, reason=reason, trying="again", **facts)

    def back(self, **facts: object) -> None:
        """It answers (again)."""
        if self._since is not None:
            log.warning("redis_back", away_s=round(self._clock() - self._since, 1), **facts)
            self._since = None
