"""`textgate channels status --probe`: ask Twilio and the public address, show the findings; `--fix` and `--undo`.

Exit status: 0 all good, 1 something is bad, 2 it could not be told, or `--fix` had nobody to ask. Then it shows what it
would change all the same.
"""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import typer

from cli.channels_gateway import Gateway
from cli.terminal import Paint

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from shared.keys import Keys
    from shared.settings import Account
    from workers.probe.result import ProbeResult
    from workers.probe.run import ProbeContext
    from workers.twilio_client import TwilioApi

UNANSWERED = 2
"""Exit status when a change was shown and there was nobody to agree to it."""


class ProbeDesk(msgspec.Struct, kw_only=True):
    """What the probe, the repair and its undoing share."""

    gateway: Gateway
    accounts: "list[Account]"
    """Those that are switched on."""
    twilio: "TwilioApi"
    redis: "Redis | None"
    keys: "Keys"
    context: "ProbeContext"
    paint: Paint
    as_json: bool
    has_terminal: bool
    """Whether there is somebody to ask."""
    is_unanswered: bool = False
    """A change was shown, and nobody was there to agree to it."""

    def say(self, line: str = "") -> None:
        """A line for people; none with `--json`."""
        if not self.as_json:
            typer.echo(line)

    async def probe(self, account: "Account") -> "ProbeResult":
        """Probe one account."""
        from workers.probe.run import probe_account

        return await probe_account(self.twilio, account, self.context)


def probe(
    gateway: Gateway,
    accounts: "list[Account]",
    *,
    fix: bool,
    undo: bool,
    yes: bool,
    timeout_s: float | None,
    as_json: bool,
) -> tuple[dict[str, Any], bool]:
    """Do it and show it; what JSON says of it, and whether a change waits since there was nobody to ask."""
    return asyncio.run(_probe(gateway, accounts, fix=fix, undo=undo, yes=yes, timeout_s=timeout_s, as_json=as_json))


async def _probe(
    gateway: Gateway,
    accounts: "list[Account]",
    *,
    fix: bool,
    undo: bool,
    yes: bool,
    timeout_s: float | None,
    as_json: bool,
) -> tuple[dict[str, Any], bool]:
    from cli.probe_fix import fix_account, undo_account
    from cli.probe_show import as_json as shown, describe, total

    documents, results = [], {}
    async with _desk(gateway, accounts, timeout_s=timeout_s, as_json=as_json) as desk:
        if not desk.accounts:
            typer.echo("textgate: there is no account to probe: none is switched on", err=True)
        probed = await asyncio.gather(*(desk.probe(account) for account in ([] if undo else desk.accounts)))
        before = {result.account_id: result for result in probed}
        for account in desk.accounts:
            result, changed = before.get(account.id), []
            if result is not None:
                _show(desk, describe(result, desk.paint, width=_width()))
            if undo:
                changed = await undo_account(desk, account, yes=yes)
            elif fix and result is not None:
                changed = await fix_account(desk, account, result, yes=yes)
            if changed or result is None:
                result = await desk.probe(account)
                desk.say()
                _show(desk, describe(result, desk.paint, width=_width()))
            results[account.id] = result
            documents.append(shown(result) | {"applied": changed})
    if desk.is_unanswered:
        typer.echo(
            "textgate: nothing was changed, since there is no terminal to ask at: add --yes to write this", err=True
        )
    return {"verdict": total(results).value, "accounts": documents}, desk.is_unanswered


@contextlib.asynccontextmanager
async def _desk(
    gateway: Gateway, accounts: "list[Account]", *, timeout_s: float | None, as_json: bool
) -> AsyncIterator[ProbeDesk]:
    from shared.keys import Keys
    from shared.redis_client import connect
    from workers.probe.run import ProbeContext, opened_twilio

    settings, target = gateway.settings, gateway.target
    redis = connect(target.redis_url.reveal()) if target is not None else None
    port = urlsplit(gateway.running.ingress_url).port if gateway.running is not None else None
    try:
        async with opened_twilio(settings) as twilio:
            yield ProbeDesk(
                gateway=gateway,
                accounts=[account for account in accounts if account.enabled],
                twilio=twilio,
                redis=redis,
                keys=Keys(settings.redis.prefix),
                context=ProbeContext(settings=settings, redis=redis, timeout_s=timeout_s, ingress_port=port),
                paint=Paint.for_stdout(),
                as_json=as_json,
                has_terminal=sys.stdin.isatty(),
            )
    finally:
        if redis is not None:
            await redis.aclose()


def _show(desk: ProbeDesk, lines: Any) -> None:
    for line in lines:
        desk.say(line)


def _width() -> int:
    """Columns of the terminal; 100 where there is none."""
    columns = shutil.get_terminal_size((100, 24)).columns if "COLUMNS" in os.environ or sys.stdout.isatty() else 100
    return min(max(columns, 60), 120)
