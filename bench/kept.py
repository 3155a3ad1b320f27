"""What a text leaves behind in Redis when it is done, by kind of key: how many, how large, for how many days."""

from collections import defaultdict
from typing import Any

import msgspec
from redis import Redis

from shared.keys import Keys

SHORT_MS = 3_600_000
"""What expires sooner does not add up."""
DAY_MS = 86_400_000
ASIDE = "conversation"
"""These grow with conversations, not with texts, and are measured by themselves."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of key, for one text."""

    keys: float
    bytes: float
    """All of them together, in Redis' memory."""
    days: float
    """Until they expire."""


def kept(redis: Redis, keys: Keys, texts: int) -> dict[str, Kind]:
    """By kind: what is kept of a text. Counts all keys with a long time to live, so nothing else may have left any."""
    prefix = keys.prefix
    names = [name for name in redis.scan_iter(match=f"{prefix}*", count=1000) if _kind(name, prefix) != ASIDE]
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.pttl(name)
        pipe.memory_usage(name)
    answers: list[Any] = pipe.execute()
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for name, left_ms, size in zip(names, answers[::2], answers[1::2], strict=True):
        if left_ms > SHORT_MS and size:
            found[_kind(name, prefix)].append((left_ms, size))
    return {
        kind: Kind(
            keys=round(len(each) / texts, 2),
            bytes=round(sum(size for _, size in each) / texts, 1),
            days=round(max(left_ms for left_ms, _ in each) / DAY_MS, 1),
        )
        for kind, each in sorted(found.items())
        if len(each) >= texts / 2  # else it belongs to something else
    }


def byte_days(kinds: dict[str, Kind]) -> float:
    """Bytes times days of one text: what a steady stream of one text a day occupies, in bytes."""
    return round(sum(kind.bytes * kind.days for kind in kinds.values()), 1)


def _kind(name: bytes, prefix: str) -> str:
    return name.decode(errors="replace").removeprefix(prefix).partition(":")[0]
