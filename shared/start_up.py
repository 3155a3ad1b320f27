"""What every long-running process does first: set up its logs, say what it is and what it was told.

Whoever looks at the log of a deployment finds here which version runs, where its configuration came from, what it
listens to, who may text, and what deserves a look. No secret and no phone number stands in it. Touches no Redis, so it
says nothing of how well Redis keeps what it is given: `redis.durability` is only what we ask of it; `doctor` asks it.
"""

import gc

from shared.logs import logger, set_up_logs
from shared.settings import Account, Settings
from shared.settings_logs import LogFormat
from shared.version import version

log = logger(__name__)


def start_up(settings: Settings, *, role: str) -> None:
    """Set up the logs of this process as configured, and write its first lines."""
    collect_seldom()
    logs = settings.logs
    set_up_logs(role, level=logs.level.value, as_json=None if logs.format is None else logs.format is LogFormat.JSON)
    log.info(
        "starting",
        version=version(),
        configuration=str(settings.source) if settings.source else "environment only",
        redis_prefix=settings.redis.prefix,
        accounts=list(settings.enabled_accounts),
        metrics_port=settings.metrics.port,
    )
    for account in settings.enabled_accounts.values():
        log.info("account", **_described(account))
    for warning in settings.warnings:
        log.warning(warning)


def collect_seldom() -> None:
    """Look for garbage in cycles seldom, and never in what was there from the start (modules, settings).

    Python looks after every 700 new objects, which under load is several times per text; ours are freed without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _described(account: Account) -> dict[str, object]:
    return {
        "account": account.id,
        "route": account.webhook_path if account.receives else None,
        "policy": account.dm_policy.value,
        "allowed": "everybody" if account.allow_all else len(account.allow_from),
    }
