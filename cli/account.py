"""`textgate account`: which accounts are paused and why, pausing one by hand, letting one go on."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.account_completion import complete_account
from cli.channels_words import iso, mask_numbers
from cli.options import ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json
from cli.plain_usage import PlainUsage
from cli.target import Target, find_target, opened

if TYPE_CHECKING:
    from shared.records import Pause

BY_HAND = "paused-by-hand"
"""The code of a pause that an operator ordered."""

AccountArgument = Annotated[str, typer.Argument(metavar="ID", show_default=False, autocompletion=complete_account)]

account = typer.Typer(
    name="account",
    help=(
        "See which accounts are paused, and let them go on.\n\n"
        "An account is paused by itself when Twilio refuses everything it sends: wrong credentials, a suspended "
        "account, an unregistered number. Texts are still received and answered; the answers wait in order, and "
        "nothing is lost.\n\n"
        "\b\n"
        "textgate account list            which are paused, why, since when\n"
        "textgate account resume default  once the cause is gone\n"
        "textgate account pause default   by hand\n"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    account.command("list", short_help="Show which are paused, and why.")(list_)
    account.command(cls=PlainUsage, short_help="Send nothing more for an account.")(pause)
    account.command(cls=PlainUsage, short_help="Let a paused account go on.")(resume)
    app.add_typer(account, short_help="Accounts that are paused: list, pause, resume.")


def list_(
    context: typer.Context,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show every configured account: whether it sends, and if not, why, since when, and what to do.

    \b
    Example:  textgate account list
    Then:     textgate account resume ID
    --json:   {"accounts": [{"id", "default", "enabled", "paused": {"code",
              "message", "hint", "since"}}]}; paused is null if it is not
    """
    target = find_target(common(context, config, state_dir))
    pauses = asyncio.run(load(target))
    if as_json:
        print_json({"accounts": [_as_json(target, each, pauses[each]) for each in target.accounts]})
        return
    if not target.accounts:
        typer.echo("No account is configured: try `textgate init`, or `textgate up --sandbox` without an account.")
    for each in target.accounts:
        typer.echo(f"{each}: {_words(each, target.accounts[each], pauses[each])}")


def pause(
    context: typer.Context,
    account_id: AccountArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever looks later.")] = "",
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Send nothing more for an account, from now on and on every worker. Texts are still received and answered.

    An account that is paused already keeps its first reason. A text that is being posted at this moment still goes.

    \b
    Example:  textgate account pause default --reason "number is being ported"
    Then:     textgate account resume default
    --json:   {"account", "changed", "paused": {"code", "message", "hint",
              "since"}}; changed: it was not paused before
    """
    target = find_target(common(context, config, state_dir))
    account_id = target.account(account_id)
    changed, cause = asyncio.run(pause_by_hand(target, account_id, reason.strip() or "paused by hand"))
    if as_json:
        print_json({"account": account_id, "changed": changed, "paused": _pause_as_json(cause)})
    elif changed:
        typer.echo(
            f"Account {account_id} is paused: what it has to send waits until `textgate account resume {account_id}`"
        )
    else:
        typer.echo(f"Account {account_id} was paused already: {_words(account_id, True, cause)}")


def resume(
    context: typer.Context,
    account_id: AccountArgument,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Let a paused account go on. What waits goes out in order within half a minute.

    If the cause is still there, the first text finds out and the account is paused again; nothing is lost by trying.

    \b
    Example:  textgate account resume default
    Then:     textgate account list
    --json:   {"account", "changed"}; changed: it was paused before
    """
    target = find_target(common(context, config, state_dir))
    account_id = target.account(account_id)
    changed = asyncio.run(let_go_on(target, account_id))
    if as_json:
        print_json({"account": account_id, "changed": changed})
    elif changed:
        typer.echo(f"Account {account_id} goes on: what waits is sent in order, within half a minute.")
    else:
        typer.echo(f"Account {account_id} was not paused.")


async def load(target: Target) -> "dict[str, Pause | None]":
    """Account id -> why it is paused, None if it is not."""
    from shared.accounts import load_pause

    async with opened(target) as (redis, keys):
        return {each: await load_pause(redis, keys, each) for each in target.accounts}


async def pause_by_hand(target: Target, account_id: str, reason: str) -> "tuple[bool, Pause | None]":
    """Whether it was not paused before, and the reason that stands."""
    from shared import accounts
    from shared.round_trip import execute

    async with opened(target) as (redis, keys):
        hint = f"`textgate account resume {account_id}`"
        call = accounts.pause(keys=keys, account_id=account_id, code=BY_HAND, message=reason, hint=hint)
        (changed,) = await execute(redis, [call])
        if isinstance(changed, Exception):
            raise changed
        return bool(changed), await accounts.load_pause(redis, keys, account_id)


async def let_go_on(target: Target, account_id: str) -> bool:
    """Whether it was paused."""
    from shared import accounts

    async with opened(target) as (redis, keys):
        return await accounts.resume(redis, keys, account_id)


def _words(account_id: str, enabled: bool, cause: "Pause | None") -> str:
    off = "" if enabled else "switched off (enabled: false), its waiting work is kept"
    if cause is None:
        return off or "sends"
    said = f"PAUSED since {iso(cause.since_ms)}: {mask_numbers(cause.message)} ({cause.code})"
    hint = "" if cause.code == BY_HAND else f"{mask_numbers(cause.hint)}, then "
    return f"{off}{'; ' if off else ''}{said}; {hint}`textgate account resume {account_id}`"


def _as_json(target: Target, account_id: str, cause: "Pause | None") -> dict[str, Any]:
    return {
        "id": account_id,
        "default": account_id == target.default_account,
        "enabled": target.accounts[account_id],
        "paused": _pause_as_json(cause),
    }


def _pause_as_json(cause: "Pause | None") -> dict[str, str] | None:
    if cause is None:
        return None
    message, hint = mask_numbers(cause.message), mask_numbers(cause.hint)
    return {"code": cause.code, "message": message, "hint": hint, "since": iso(cause.since_ms)}
