"""What is looked up in Redis when somebody asks for the metrics: queues, lanes, accounts. The same from every process.

Three round trips of commands whose cost does not grow with the traffic, at most one look per `KEEP_S` however many
ask. Runs in the threads of the metrics server, over a connection of its own, so a busy event loop neither delays nor
feels it.

Redis keys (all only read): the queues and their indexes of workers, busy, dead, paused, optout, probed.
"""

import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from shared import metrics
from shared.keys import Keys, Stage
from shared.metric_kinds import MOST_VALUES
from shared.redis_client import AWAY, connect_blocking
from shared.version import version

KEEP_S = 2.0
LIMIT_S = 1.0
"""A scrape may take 10 s by default: Redis that is away must leave time to say so."""

ALIVE_S = 30
"""A worker says every 10 s that it lives."""

VERDICTS = ("good", "bad", "unknown")


class AtScrape(Collector):
    """Looks at Redis for one process. `accounts` gives the ids that are configured now."""

    def __init__(self, url: str, keys: Keys, *, role: str, accounts: Callable[[], Iterable[str]]) -> None:
        self._redis: Any = connect_blocking(url, limit_s=LIMIT_S)  # redis-py types its pipeline loosely
        self._keys = keys
        self._role = role
        self._accounts = accounts
        self._lock = threading.Lock()
        self._found: list[GaugeMetricFamily] = []
        self._looked_at = float("-inf")

    def collect(self) -> Iterable[Metric]:
        """The metrics, as of now or of `KEEP_S` ago."""
        with self._lock:
            if time.monotonic() - self._looked_at > KEEP_S:
                self._found = list(self._look())
                self._looked_at = time.monotonic()
            return [metrics.BUILD.family([((version(), platform.python_version(), self._role), 1)]), *self._found]

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask Redis."""
        return ()

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def _look(self) -> Iterator[GaugeMetricFamily]:
        try:
            found = [*self._queues(), *self._account_states()]
        except (*AWAY, RedisError):
            yield metrics.REDIS_UP.family([((), 0)])
            return
        yield metrics.REDIS_UP.family([((), 1)])
        yield from found

    def _queues(self) -> Iterator[GaugeMetricFamily]:
        seconds, micros = self._redis.time()
        now_ms = seconds * 1000 + micros // 1000
        keys, pipe = self._keys, self._redis.pipeline(transaction=False)
        pipe.zcard(keys.busy)
        pipe.zcard(keys.dead)
        for stage in Stage:
            pipe.zcard(keys.queue(stage))
            pipe.zcount(keys.queue(stage), "-inf", now_ms)
            pipe.zrange(keys.queue(stage), 0, 0, withscores=True)
            pipe.zcount(keys.workers(stage.value), now_ms - ALIVE_S * 1000, "+inf")
        busy, dead, *rest = pipe.execute()
        by_stage = [(stage, *rest[4 * i : 4 * i + 4]) for i, stage in enumerate(Stage)]
        yield metrics.BUSY_LANES.family([((), busy)])
        yield metrics.DEAD_WAITING.family([((), dead)])
        yield metrics.QUEUE_JOBS.family(
            ((stage.value, state), count)
            for stage, jobs, due, _, _ in by_stage
            for state, count in (("due", due), ("later", jobs - due))
        )
        yield metrics.QUEUE_AGE_S.family(
            ((stage.value,), max(now_ms - head[0][1], 0) / 1000 if head else 0) for stage, _, _, head, _ in by_stage
        )
        yield metrics.WORKERS.family(((stage.value,), alive) for stage, _, _, _, alive in by_stage)

    def _account_states(self) -> Iterator[GaugeMetricFamily]:
        accounts = list(islice(self._accounts(), MOST_VALUES))
        keys, pipe = self._keys, self._redis.pipeline(transaction=False)
        for account in accounts:
            pipe.exists(keys.paused(account))
            pipe.hlen(keys.opted_out(account))
            pipe.get(keys.probe_result(account))
        replies = pipe.execute()
        probed = {a: _decode_probed(raw) for a, raw in zip(accounts, replies[2::3], strict=True) if raw is not None}
        yield metrics.PAUSED.family(((a,), n) for a, n in zip(accounts, replies[0::3], strict=True))
        yield metrics.OPTED_OUT.family(((a,), n) for a, n in zip(accounts, replies[1::3], strict=True))
        yield metrics.PROBE_VERDICT.family(
            ((a, verdict), verdict == result.verdict) for a, result in probed.items() for verdict in VERDICTS
        )
        yield metrics.PROBE_AGE_S.family(
            ((a,), max(time.time() - result.probed_ms / 1000, 0)) for a, result in probed.items()
        )


class _Probed(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured of a stored probe result."""

    verdict: str = "unknown"
    probed_ms: int = 0


_DECODER = msgspec.json.Decoder(_Probed)


def _decode_probed(raw: bytes) -> _Probed:
    try:
        return _DECODER.decode(raw)
    except msgspec.DecodeError:  # a newer version wrote it
        return _Probed()
