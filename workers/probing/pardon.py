"""Lets a paused account go on when the cause of its pause is seen to be gone. `decide_pardon` is pure.

Only for causes that the probe can vouch for: it reads with the same credentials, but it sends nothing, so it knows
nothing about registrations, filters and limits.

Redis keys: paused:<account>.
"""

from redis.asyncio import Redis

from shared.accounts import load_pause, resume_after
from shared.keys import Keys
from shared.logs import logger
from shared.records import Pause
from workers.probe.check_account import ACCOUNT_NOT_FOUND, ACCOUNT_SUSPENDED, CREDENTIALS_GOOD, NO_BALANCE
from workers.probe.check_number import NUMBER_FOUND
from workers.probe.check_service import SERVICE_FOUND
from workers.probe.result import ProbeResult

_WITNESS = {
    **dict.fromkeys(
        ("no-credentials", "twilio-20003", "twilio-20005", "twilio-20404", "twilio-30002"), CREDENTIALS_GOOD
    ),
    **dict.fromkeys(("twilio-21212", "twilio-21601", "twilio-21603", "twilio-21606", "twilio-21660"), NUMBER_FOUND),
    **dict.fromkeys((f"twilio-{code}" for code in range(21701, 21706)), SERVICE_FOUND),
}
"""Code of a pause -> what must have been found for it to end."""

_HINDRANCES = (ACCOUNT_SUSPENDED, ACCOUNT_NOT_FOUND, NO_BALANCE)

log = logger(__name__)


def decide_pardon(pause: Pause, result: ProbeResult) -> bool:
    """Whether what paused the account is gone. A pause that is younger than the probe's facts stays."""
    witness = _WITNESS.get(pause.code)
    if witness is None or pause.since_ms >= result.probed_ms:
        return False
    return result.has(witness.code) and not any(result.has(kind.code) for kind in _HINDRANCES)


async def pardon(redis: Redis, keys: Keys, result: ProbeResult) -> bool:
    """Let the account go on if it may; whether it was let. Raises RedisError."""
    pause = await load_pause(redis, keys, result.account_id)
    if pause is None or not decide_pardon(pause, result):
        return False
    resumed = await resume_after(redis, keys, result.account_id, pause)
    if resumed:
        log.warning("account_resumed", account=result.account_id, code=pause.code, reason="the probe found it repaired")
    return resumed
