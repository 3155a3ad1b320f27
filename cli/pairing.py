"""`textgate pairing`: who waits to be let in, and letting them in."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AccountOption, ChannelOption, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json, print_table
from cli.target import Target, find_target, opened
from cli.words import check_channel, parse_code

if TYPE_CHECKING:
    from shared.records import PairingRequest

pairing = typer.Typer(
    name="pairing",
    help=(
        "Let people talk to the agent.\n\n"
        "Under dmPolicy `pairing` an unknown sender gets a code by SMS, valid for one hour. You decide:\n\n"
        "\b\n"
        "textgate pairing list                      who waits\n"
        "textgate pairing approve ABCD2345 --notify  let them in, and tell them\n"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    pairing.command("list")(list_)
    pairing.command()(approve)
    app.add_typer(pairing, short_help="Let people talk to the agent: list, approve.")


def list_(
    context: typer.Context,
    word: Annotated[str | None, typer.Argument(metavar="[sms]", show_default=False)] = None,
    channel: ChannelOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show who waits to be let in, the oldest request first.

    \b
    Example:  textgate pairing list
    Then:     textgate pairing approve CODE --notify
    --json:   {"requests": [{"code", "account", "sender", "requestedAt",
              "expiresAt"}]}, times in ISO 8601, UTC
    """
    check_channel(word)
    check_channel(channel)
    requests = asyncio.run(load_requests(find_target(common(context, config, state_dir)), account))
    if as_json:
        print_json({"requests": [_as_json(request) for request in requests]})
    elif not requests:
        typer.echo("Nobody waits. An unknown sender appears here after texting the number.")
    else:
        print_table(
            ("CODE", "SENDER", "ACCOUNT", "REQUESTED", "EXPIRES (UTC)"),
            [(r.code, r.sender, r.account_id, _clock(r.created_ms), _clock(r.expires_ms)) for r in requests],
        )
        typer.echo("Let one in: textgate pairing approve CODE --notify")


def approve(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="[sms] CODE", show_default=False)],
    channel: ChannelOption = None,
    account: AccountOption = None,
    notify: Annotated[bool, typer.Option("--notify", help="Text them that they are in.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Let the person with this code talk to the agent, from now on and on every replica.

    Without --account the code counts for whichever account gave it. An unknown, expired or used code: exit status 1.

    \b
    Example:  textgate pairing approve ABCD2345 --notify
    Then:     ask them to text again; what they texted before was not kept
    --json:   {"code", "account", "sender", "notified"}
    """
    check_channel(channel)
    code = parse_code(words)
    target = find_target(common(context, config, state_dir))
    request = asyncio.run(approve_code(target, code, account=account, notify=notify))
    if as_json:
        print_json({"code": request.code, "account": request.account_id, "sender": request.sender, "notified": notify})
    else:
        told = "They will be told by SMS." if notify else "Nobody told them: --notify does."
        typer.echo(f"{request.sender} may talk to the agent of account {request.account_id} now. {told}")


async def load_requests(target: Target, account: str | None) -> "list[PairingRequest]":
    """The valid requests of one account, or of all, the oldest first."""
    from shared.pairing import list_requests

    accounts = [target.account(account)] if account else list(target.accounts)
    async with opened(target) as (redis, keys):
        found = [request for each in accounts for request in await list_requests(redis, keys, each)]
    return sorted(found, key=lambda request: request.created_ms)


async def approve_code(target: Target, code: str, *, account: str | None, notify: bool) -> "PairingRequest":
    """Approve one request. Raises UsageError for a code that does not (or no longer) stand for a request."""
    from shared import pairing, texts

    account_id = target.account(account) if account else None
    async with opened(target) as (redis, keys):
        return await pairing.approve(
            redis, keys, code, account_id=account_id, notice=texts.APPROVED if notify else None
        )


def _as_json(request: "PairingRequest") -> dict[str, str]:
    return {
        "code": request.code,
        "account": request.account_id,
        "sender": request.sender,
        "requestedAt": _iso(request.created_ms),
        "expiresAt": _iso(request.expires_ms),
    }


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _clock(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M")
