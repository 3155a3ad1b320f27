"""One round for one account: probe it, store and tell what is new, end a pause, catch up on inbound texts.

Texts are caught up on only while Twilio's webhook leads here (`webhook-good`): a copy of a configuration on another
machine, or a number that has moved away, must not answer texts that are somebody else's. The cursor waits meanwhile.

Redis keys: see `stored.py`, `alarm.py`, `pardon.py` and `workers/catching_up/`.
"""

from shared.logs import logger
from shared.phone import mask_numbers
from shared.settings import Account
from workers.catching_up.run import CatchUp, catch_up
from workers.probe.check_webhook import WEBHOOK_GOOD
from workers.probe.finding import Severity, Verdict
from workers.probe.result import ProbeResult
from workers.probe.run import ProbeContext, probe_account
from workers.probing.alarm import raise_alarm
from workers.probing.pardon import pardon
from workers.probing.stored import load_result, save_result

log = logger(__name__)

Desk = CatchUp
"""What a round needs besides the account."""


async def run_round(desk: Desk, account: Account) -> ProbeResult:
    """All of it. Raises TransientError or RedisError if Redis is away."""
    redis, keys = desk.redis, desk.keys
    result = await probe_account(desk.twilio, account, ProbeContext(settings=desk.settings, redis=redis))
    tell_change(await load_result(redis, keys, account.id), result)
    await save_result(redis, keys, result)
    await pardon(redis, keys, result)
    await raise_alarm(redis, keys, result, desk.settings.alarm_url)
    await _catch_up(desk, account, result)
    return result


def tell_change(before: ProbeResult | None, now: ProbeResult) -> None:
    """One line if anything is different from the last time."""
    old = frozenset() if before is None else before.codes
    if before is not None and before.verdict is now.verdict and old == now.codes:
        return
    worst = next((finding for finding in now.findings if finding.severity is not Severity.OK), None)
    tell = {Verdict.GOOD: log.info, Verdict.UNKNOWN: log.warning, Verdict.BAD: log.error}[now.verdict]
    tell(
        "probe_changed",
        account=now.account_id,
        verdict=now.verdict.value,
        new=sorted(now.codes - old),
        gone=sorted(old - now.codes),
        reason=mask_numbers(worst.sentence) if worst else "",
        hint=mask_numbers(worst.hint) if worst else "",
    )


async def _catch_up(desk: Desk, account: Account, result: ProbeResult) -> None:
    if not account.receives or not desk.settings.workers.probe.catch_up_hours or not result.has(WEBHOOK_GOOD.code):
        return
    while True:
        caught = await catch_up(desk, account)
        if caught.admitted:
            log.warning("texts_caught_up", account=account.id, count=caught.admitted)
        if caught.trouble:
            log.warning("catching_up_failed", account=account.id, reason=caught.trouble)
        if not caught.more:
            return
