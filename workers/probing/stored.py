"""What the last probes found, for those who did not ask themselves: `channels status`, `doctor`, consoles.

Redis keys: probed:<account>, probed:<account>:history.
"""

import msgspec
from redis.asyncio import Redis

from shared.keys import Keys
from shared.redis_client import load_list
from workers.probe.finding import Verdict
from workers.probe.result import ProbeResult, decode_result, encode_result

RESULT_TTL_S = 7 * 24 * 3600
HISTORY_TTL_S = 30 * 24 * 3600
MOST_NOTES = 288
"""A day, at the default interval."""


class ProbeNote(msgspec.Struct, frozen=True, kw_only=True):
    """One probe in the history."""

    probed_ms: int
    verdict: Verdict
    codes: tuple[str, ...]
    duration_ms: int


_encode_note = msgspec.json.Encoder().encode
_decode_note = msgspec.json.Decoder(ProbeNote).decode


async def load_result(redis: Redis, keys: Keys, account_id: str) -> ProbeResult | None:
    """The last result; None if there is none, or none that this version can read."""
    raw = await redis.get(keys.probe_result(account_id))
    try:
        return None if raw is None else decode_result(raw)
    except msgspec.DecodeError:
        return None


async def load_history(redis: Redis, keys: Keys, account_id: str) -> list[ProbeNote]:
    """The newest first."""
    return [_decode_note(raw) for raw in await load_list(redis, keys.probe_history(account_id), 0, -1)]


async def save_result(redis: Redis, keys: Keys, result: ProbeResult) -> None:
    """Make it the last one."""
    note = ProbeNote(
        probed_ms=result.probed_ms,
        verdict=result.verdict,
        codes=tuple(sorted(result.codes)),
        duration_ms=result.duration_ms,
    )
    history = keys.probe_history(result.account_id)
    async with redis.pipeline(transaction=True) as pipe:
        pipe.set(keys.probe_result(result.account_id), encode_result(result), ex=RESULT_TTL_S)
        pipe.lpush(history, _encode_note(note))
        pipe.ltrim(history, 0, MOST_NOTES - 1)
        pipe.expire(history, HISTORY_TTL_S)
        await pipe.execute()
