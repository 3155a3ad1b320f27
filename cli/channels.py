"""`textgate channels`: what the SMS channel can do, and how it stands."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AccountOption, ChannelOption, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json
from cli.plain_usage import PlainUsage
from cli.words import check_channel
from shared.errors import UsageError

if TYPE_CHECKING:
    from cli.channels_gateway import Gateway
    from cli.channels_live import LiveFacts
    from cli.channels_status import Status

channels = typer.Typer(
    name="channels",
    help=(
        "See what the SMS channel can do, and how it stands.\n\n"
        "\b\n"
        "textgate channels status          accounts, workers, queues\n"
        "textgate channels capabilities    what it can do\n"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Word = Annotated[str | None, typer.Argument(metavar="[sms]", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    channels.command(cls=PlainUsage, short_help="Show what the channel can do.")(capabilities)
    channels.command(cls=PlainUsage, short_help="Show how accounts, workers and queues stand.")(status)
    app.add_typer(channels, short_help="See what the SMS channel can do, and how it stands.")


def capabilities(word: _Word = None, channel: ChannelOption = None, as_json: JsonOption = False) -> None:
    """Show what the SMS channel can do, and what it cannot. Needs no configuration and asks nobody.

    \b
    Example:  textgate channels capabilities --channel sms
    Then:     textgate channels status
    --json:   {"channel", "provider", "chatTypes", "media", "text", "delivery",
              "pairing", "policies", "senders", "optOut", "accounts"}
    """
    from cli.channels_capabilities import CAPABILITIES, describe

    check_channel(word)
    check_channel(channel)
    if as_json:
        print_json(CAPABILITIES)
        return
    for line in describe(CAPABILITIES):
        typer.echo(line)


def status(
    context: typer.Context,
    word: _Word = None,
    channel: ChannelOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show how the SMS channel stands: the accounts as configured, and what runs, waits or is paused.

    Asks Redis and the local ingress, never Twilio, and changes nothing. Without Redis the configured part is shown
    all the same, with exit status 1. Phone numbers are masked; secrets show as *** and where they come from.

    \b
    Example:  textgate channels status --channel sms
    Then:     textgate message trace MESSAGE_SID   for one text
    --json:   {"channel", "source", "warnings", "accounts", "live",
              "trouble"}; all of it in docs/cli.md
    """
    from cli.channels_gateway import find_gateway
    from cli.channels_status import as_json as shown, describe

    check_channel(word)
    check_channel(channel)
    gateway = find_gateway(common(context, config, state_dir))
    found = asyncio.run(load_status(gateway, account))
    if as_json:
        print_json(shown(found))
    else:
        for line in describe(found):
            typer.echo(line)
    if found.trouble:
        typer.echo(f"textgate: {found.trouble}", err=True)
        raise typer.Exit(1)


async def load_status(gateway: "Gateway", account: str | None) -> "Status":
    """The configured part, and what can be learnt of the live one. Raises UsageError for an unknown account."""
    from cli.channels_status import Ingress, Status
    from cli.readiness import answers_200

    settings = gateway.settings
    if account is not None and account not in settings.accounts:
        known = ", ".join(settings.accounts) or "none is configured"
        raise UsageError(f"there is no account {account}: choose one of {known}")
    accounts = [each for each in settings.accounts.values() if account in (None, each.id)]
    live, trouble = await _load_live(gateway, [each.id for each in accounts])
    ingress = None
    if gateway.running is not None:
        url = gateway.running.ingress_url
        ingress = Ingress(url=url, ready=await answers_200(f"{url}/readyz"))
    return Status(settings=settings, accounts=accounts, live=live, ingress=ingress, trouble=trouble)


async def _load_live(gateway: "Gateway", account_ids: list[str]) -> "tuple[LiveFacts | None, str]":
    from cli.channels_live import load_live
    from cli.target import opened

    if gateway.target is None:
        return None, gateway.trouble
    try:
        async with opened(gateway.target) as (redis, keys):
            return await load_live(redis, keys, account_ids), ""
    except UsageError as error:
        return None, str(error)
