"""`--fix` and `--undo`: show the exact change, ask, remember what was there, write, read back."""

import time
from typing import TYPE_CHECKING, Any

import typer

from cli.probe import ProbeDesk
from cli.probe_saved import FixStore
from shared.errors import TextgateError, UsageError

if TYPE_CHECKING:
    from shared.settings import Account
    from workers.probe.repair import Change
    from workers.probe.result import ProbeResult


async def fix_account(desk: ProbeDesk, account: "Account", result: "ProbeResult", *, yes: bool) -> list[dict[str, Any]]:
    """Carry out what the probe proposes; what was changed, as JSON shows it. Empty: nothing to do, or nobody to ask."""
    from workers.probe.repair import with_true_values
    from workers.probe.saved import SavedFix

    if not result.changes:
        desk.say(f"\nNothing at Twilio is to be changed for account {account.id}.")
        return []
    changes = [await with_true_values(desk.twilio, account, change) for change in result.changes]
    if not _agreed(desk, account, changes, yes=yes, question="Write this to Twilio?"):
        return []
    store = _store(desk, account)
    await store.add(
        SavedFix(account_sid=account.account_sid, at_ms=time.time_ns() // 1_000_000, changes=tuple(changes))
    )
    applied = await _apply(desk, account, changes)
    desk.say(f"What was there before is kept in {store.file}; `textgate channels status --undo` takes this back.")
    return applied


async def undo_account(desk: ProbeDesk, account: "Account", *, yes: bool) -> list[dict[str, Any]]:
    """Take the last repair back; what was changed, as JSON shows it. Empty: there is none, or nobody to ask."""
    from workers.probe.repair import with_true_values

    store = _store(desk, account)
    fixes = await store.load()
    if not fixes:
        desk.say(f"No repair of account {account.id} is remembered, so there is nothing to take back.")
        return []
    fix = fixes[-1]
    if fix.account_sid != account.account_sid:
        raise UsageError(f"the last repair was made in account {fix.account_sid}: configure that one to take it back")
    changes = [await with_true_values(desk.twilio, account, change.undone()) for change in reversed(fix.changes)]
    if not _agreed(desk, account, changes, yes=yes, question="Write this back to Twilio?"):
        return []
    applied = await _apply(desk, account, changes)
    await store.remove(fix)
    return applied


async def _apply(desk: ProbeDesk, account: "Account", changes: "list[Change]") -> list[dict[str, Any]]:
    from cli.probe_show import change_as_json
    from workers.probe.repair import apply_change

    applied = []
    for change in changes:
        try:
            await apply_change(desk.twilio, account, change)
        except TextgateError as error:
            raise UsageError(f"the {change.label} could not be changed: {error}") from error
        desk.say(f"{desk.paint('done', 'green')}: {change.label}, read back as written")
        applied.append(change_as_json(change))
    return applied


def _agreed(desk: ProbeDesk, account: "Account", changes: "list[Change]", *, yes: bool, question: str) -> bool:
    """Show the change and ask. False: there is nobody to ask. Raises UsageError if the answer is no."""
    from cli.probe_show import describe_change

    lines = [f"\nTo be changed at Twilio for account {account.id}:"]
    lines += [f"  {line}" for change in changes for line in describe_change(change, desk.paint)]
    for line in lines:
        typer.echo(line, err=desk.as_json)
    if yes:
        return True
    if not desk.has_terminal:
        desk.is_unanswered = True
        return False
    try:
        agreed = typer.confirm(question, default=False, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise UsageError("nothing was changed at Twilio")
    return True


def _store(desk: ProbeDesk, account: "Account") -> FixStore:
    return FixStore(desk.gateway.settings.state_dir, account.id, desk.redis, desk.keys)
