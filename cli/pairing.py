"""`textgate pairing`: who waits to be let in, letting them in, turning them down. Who is in: `pairing_senders.py`."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli import pairing_senders
from cli.channels_gateway import find_gateway
from cli.channels_words import iso
from cli.options import AccountOption, ChannelOption, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json, print_table
from cli.plain_usage import PlainUsage
from cli.target import Target, find_target, opened
from cli.words import check_channel, parse_code
from shared.moments import moment

if TYPE_CHECKING:
    from shared.pairing import Approved, Notice
    from shared.records import PairingRequest
    from shared.settings import Settings

_TOLD = {
    "queued": "They will be told by SMS.",
    "not-asked": "Nobody told them: --notify does.",
    "no-words": "No notice goes out: the account's texts.approved is null.",
    "opted-out": "But they have texted STOP: no notice goes out, and no answer, until they text START.",
    "unreachable": "No notice goes out: Twilio texts no short codes and no names.",
}

pairing = typer.Typer(
    name="pairing",
    help=(
        "Let people talk to the agent.\n\n"
        "Under dmPolicy `pairing` an unknown sender gets a code by SMS, valid for one hour. You decide:\n\n"
        "\b\n"
        "textgate pairing list                       who waits\n"
        "textgate pairing approve ABCD2345 --notify  let them in, and tell them\n"
        "textgate pairing deny ABCD2345              turn them down, silently\n"
        "textgate pairing allowed                    who is in\n"
        "textgate pairing revoke +15551234567        put them out again\n"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    pairing.command("list", cls=PlainUsage, short_help="Show who waits to be let in.")(list_)
    pairing.command(cls=PlainUsage, short_help="Let a waiting person in.")(approve)
    pairing.command(cls=PlainUsage, short_help="Turn a waiting person down.")(deny)
    pairing_senders.add_to(pairing)
    app.add_typer(pairing, short_help="Let people talk to the agent: list, approve, deny, revoke.")


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
        typer.echo("Let one in: `textgate pairing approve CODE --notify`")


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
    --json:   {"code", "account", "sender", "notified", "notice"}; notice:
              queued, not-asked, no-words, opted-out or unreachable
    """
    check_channel(channel)
    code = parse_code(words, verb="approve")
    where = common(context, config, state_dir)
    target = find_target(where)
    notice = notices(find_gateway(where).settings) if notify else None
    approved = asyncio.run(approve_code(target, code, account=account, notice=notice))
    request, told = approved.request, approved.told.value
    if as_json:
        shown = {"code": request.code, "account": request.account_id, "sender": request.sender}
        print_json({**shown, "notified": told == "queued", "notice": told})
    else:
        typer.echo(f"{request.sender} may talk to the agent of account {request.account_id} now. {_TOLD[told]}")


def deny(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="[sms] CODE", show_default=False)],
    channel: ChannelOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Turn the person with this code down: the code is void at once, and they are not told.

    For the rest of the code's hour their texts bring no new code and cost no SMS; after it they may ask again. An
    unknown, expired or used code: exit status 1.

    \b
    Example:  textgate pairing deny ABCD2345
    Then:     textgate pairing list
    --json:   {"code", "account", "sender", "mayAskAgainAt"}
    """
    check_channel(channel)
    code = parse_code(words, verb="deny")
    target = find_target(common(context, config, state_dir))
    request = asyncio.run(deny_code(target, code, account=account))
    if as_json:
        shown = {"code": request.code, "account": request.account_id, "sender": request.sender}
        print_json({**shown, "mayAskAgainAt": iso(request.expires_ms)})
    else:
        until = _clock(request.expires_ms)
        typer.echo(f"{request.sender} was turned down and is not told. They may ask again from {until} UTC.")


async def load_requests(target: Target, account: str | None) -> "list[PairingRequest]":
    """The valid requests of one account, or of all, the oldest first."""
    from shared.pairing import list_requests

    accounts = [target.account(account)] if account else list(target.accounts)
    async with opened(target) as (redis, keys):
        found = [request for each in accounts for request in await list_requests(redis, keys, each)]
    return sorted(found, key=lambda request: request.created_ms)


def notices(settings: "Settings") -> "Notice":
    """What `--notify` says, in the words of the account that let them in."""
    from shared.texts import TextKey, Texts

    def notice(request: "PairingRequest") -> str | None:
        account = settings.accounts.get(request.account_id)
        texts = account.texts if account is not None else Texts()
        return texts.say(TextKey.APPROVED, number=request.sender)

    return notice


async def approve_code(target: Target, code: str, *, account: str | None, notice: "Notice | None" = None) -> "Approved":
    """Approve one request. Raises UsageError for a code that does not (or no longer) stand for a request."""
    from shared import pairing

    account_id = target.account(account) if account else None
    async with opened(target) as (redis, keys):
        return await pairing.approve(redis, keys, code, account_id=account_id, notice=notice)


async def deny_code(target: Target, code: str, *, account: str | None) -> "PairingRequest":
    """Turn one request down. Raises UsageError as `approve_code` does."""
    from shared import pairing

    account_id = target.account(account) if account else None
    async with opened(target) as (redis, keys):
        return await pairing.deny(redis, keys, code, account_id=account_id)


def _as_json(request: "PairingRequest") -> dict[str, str]:
    return {
        "code": request.code,
        "account": request.account_id,
        "sender": request.sender,
        "requestedAt": iso(request.created_ms),
        "expiresAt": iso(request.expires_ms),
    }


def _clock(ms: int) -> str:
    return moment(ms).strftime("%H:%M")
