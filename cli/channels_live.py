"""What a running gateway says of itself, read from Redis; writes nothing.

Redis keys: the stages' queues and the workers' health keys, busy, dead, and per account paused, approved, optout,
pairing:*, probed.
"""

from collections.abc import Iterable

import msgspec
from arq.constants import health_check_key_suffix
from redis.asyncio import Redis

from shared.keys import Keys, Stage
from shared.live_workers import load_live_workers
from shared.pairing import list_requests
from shared.records import Pause, decode_pause
from workers.probe.result import ProbeResult
from workers.probing.stored import load_result


class StageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the pipeline, now."""

    workers: int
    """Processes that have shown a sign of life."""
    jobs: int
    """Conversations with work at this stage, whether it waits, runs, or was put off."""
    due: int
    """Of these, how many should run now but do not yet."""
    oldest_ms: int
    """For how long the first of them has been due; 0 if none is."""

    @property
    def is_stuck(self) -> bool:
        """Work waits and nobody does it."""
        return self.jobs > 0 and self.workers == 0


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One account, now."""

    pause: Pause | None
    pairing_pending: int
    approved: int
    opted_out: int
    probed: ProbeResult | None = None
    """What the probe worker found last; None: nothing yet."""


class LiveFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The whole gateway, now."""

    stages: dict[Stage, StageFacts]
    accounts: dict[str, AccountFacts]
    lanes: int
    """Lanes with work, of all stages together."""
    dead_letters: int


async def load_live(redis: Redis, keys: Keys, account_ids: Iterable[str]) -> LiveFacts:
    """Ask once. Raises one of `AWAY` if Redis is."""
    workers = await count_workers(redis, keys)
    return LiveFacts(
        stages={stage: await _load_stage(redis, keys, stage, workers[stage]) for stage in Stage},
        accounts={account_id: await _load_account(redis, keys, account_id) for account_id in account_ids},
        lanes=await redis.zcard(keys.busy),
        dead_letters=await redis.zcard(keys.dead),
    )


async def count_workers(redis: Redis, keys: Keys) -> dict[Stage, int]:
    """Workers alive per stage. Those of stock arq share one key per stage, so they count as one."""
    counted = dict.fromkeys(Stage, 0)
    for stage in Stage:
        counted[stage] = len(await load_live_workers(redis, keys, stage.value))
        if counted[stage] == 0:
            said = await redis.get(keys.queue(stage.value) + health_check_key_suffix)
            ours = keys.health(stage.value, "").encode()  # our workers leave their own key's name in it
            counted[stage] = int(said is not None and not said.startswith(ours))
    return counted


async def _load_stage(redis: Redis, keys: Keys, stage: Stage, workers: int) -> StageFacts:
    queue = keys.queue(stage.value)
    seconds, micros = await redis.time()
    now_ms = seconds * 1000 + micros // 1000
    first = await redis.zrange(queue, 0, 0, withscores=True)
    return StageFacts(
        workers=workers,
        jobs=await redis.zcard(queue),
        due=await redis.zcount(queue, "-inf", now_ms),
        oldest_ms=max(0, now_ms - int(first[0][1])) if first else 0,
    )


async def _load_account(redis: Redis, keys: Keys, account_id: str) -> AccountFacts:
    pause = await redis.get(keys.paused(account_id))
    return AccountFacts(
        pause=None if pause is None else decode_pause(pause),
        pairing_pending=len(await list_requests(redis, keys, account_id)),
        approved=await _hash_size(redis, keys.approved(account_id)),
        opted_out=await _hash_size(redis, keys.opted_out(account_id)),
        probed=await load_result(redis, keys, account_id),
    )


async def _hash_size(redis: Redis, key: str) -> int:
    size: int = await redis.hlen(key)  # type: ignore[misc]  # typed as possibly synchronous
    return size
