"""Raises an alarm when an account turns bad, and ends it when it is good again: once each, in the log and by webhook.

A probe that could not tell changes nothing, so a minute without Twilio's API is no alarm. HTTP: one POST to
`workers.probe.alarmUrl`, without redirects; if it fails, the next probe sends it again.

Redis keys: probed:<account>:alarm.
"""

from typing import Any

import aiohttp
import msgspec
from redis.asyncio import Redis

from shared.keys import Keys
from shared.logs import logger
from shared.moments import moment
from shared.phone import mask_numbers
from shared.secrets import Secret
from workers.probe.finding import Severity, Verdict
from workers.probe.result import ProbeResult

LIMIT_S = 10.0
KEEP_S = 30 * 24 * 3600

log = logger(__name__)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(frozenset[str]).decode


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told; `bad` is empty when all is good again."""

    result: ProbeResult
    bad: frozenset[str]

    def as_json(self) -> dict[str, Any]:
        """The documented body; see docs/operations.md."""
        found = [finding for finding in self.result.findings if finding.severity is Severity.BAD]
        return {
            "event": "probe.bad" if self.bad else "probe.good",
            "account": self.result.account_id,
            "verdict": self.result.verdict.value,
            "at": moment(self.result.probed_ms).isoformat(timespec="seconds"),
            "findings": [
                {"code": each.code, "sentence": mask_numbers(each.sentence), "hint": mask_numbers(each.hint)}
                for each in found
            ],
        }


def decide_alarm(result: ProbeResult, raised: frozenset[str]) -> Alarm | None:
    """`raised` are the codes of the alarm that stands. A new bad code raises another; fewer of them do not."""
    bad = frozenset(finding.code for finding in result.findings if finding.severity is Severity.BAD)
    is_over = bool(raised) and result.verdict is Verdict.GOOD
    return Alarm(result=result, bad=bad) if bad - raised or is_over else None


def _raised_before(raw: bytes | None) -> frozenset[str]:
    try:
        return frozenset() if raw is None else _decode(raw)
    except msgspec.DecodeError:  # written by another version: rather tell it twice than never
        return frozenset()


async def raise_alarm(redis: Redis, keys: Keys, result: ProbeResult, url: Secret | None) -> None:
    """Tell it if there is something to tell. Raises RedisError."""
    key = keys.probe_alarm(result.account_id)
    raw = await redis.get(key)
    raised = _raised_before(raw)
    alarm = decide_alarm(result, raised)
    if alarm is None:
        return
    if url is not None:
        trouble = await post_alarm(alarm, url)
        if trouble:
            log.warning("alarm_not_delivered", account=result.account_id, reason=trouble, origin=url.origin)
            return
    if alarm.bad:
        await redis.set(key, _encode(sorted(alarm.bad | raised)), ex=KEEP_S)
    else:
        await redis.delete(key)


async def post_alarm(alarm: Alarm, url: Secret) -> str:
    """What went wrong, in words without the URL; nothing if it was taken."""
    timeout = aiohttp.ClientTimeout(total=LIMIT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url.reveal(), json=alarm.as_json(), allow_redirects=False) as answer,
        ):
            return "" if answer.status < 300 else f"it answered {answer.status}"
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return type(error).__name__
