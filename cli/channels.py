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
    from shared.settings import Account

channels = typer.Typer(
    name="channels",
    help=(
        "See what the SMS channel can do, and how it stands.\n\n"
        "\b\n"
        "textgate channels status          accounts, workers, queues\n"
        "textgate channels status --probe  is Twilio set up right?\n"
        "textgate channels capabilities    what it can do\n"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Probe = Annotated[bool, typer.Option("--probe", help="Ask Twilio and the public address too: will texts arrive?")]
_Fix = Annotated[bool, typer.Option("--fix", help="Probe, then write the right webhook to Twilio, after asking.")]
_Undo = Annotated[bool, typer.Option("--undo", help="Take the last --fix back, after asking.")]
_Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, max=300, help="Longest probe. Else: 20 or as configured."),
]
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
    probe: _Probe = False,
    fix: _Fix = False,
    undo: _Undo = False,
    yes: Annotated[bool, typer.Option("--yes", help="Change without asking.")] = False,
    timeout: _Timeout = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show how the SMS channel stands: the accounts as configured, and what runs, waits or is paused.

    Asks Redis and the local ingress, never Twilio, and changes nothing. Without Redis the configured part is shown
    all the same, with exit status 1. Phone numbers are masked; secrets show as *** and where they come from.

    --probe asks Twilio and the public address whether texts will arrive, and says what to do if not: 0 good, 1 bad,
    2 could not tell. --fix shows what it would write to Twilio, asks, writes, reads back; --undo takes that back.
    Without a terminal both only show it, unless --yes agrees: 2.

    \b
    Example:  textgate channels status --channel sms --probe
    Then:     textgate channels status --fix
    One text: textgate message trace MESSAGE_SID
    --json:   {"channel", "source", "warnings", "accounts", "live",
              "notAtHand", "trouble", "probe"}; all of it in docs/cli.md
    """
    from cli.channels_gateway import find_gateway

    check_channel(word)
    check_channel(channel)
    if fix and undo:
        raise UsageError("--fix and --undo contradict each other: choose one")
    gateway = find_gateway(common(context, config, state_dir))
    if probe or fix or undo:
        gateway.need_secrets()
        _probe(gateway, account, fix=fix, undo=undo, yes=yes, timeout_s=timeout, as_json=as_json)
    else:
        _show_status(gateway, account, as_json=as_json)


def _show_status(gateway: "Gateway", account: str | None, *, as_json: bool) -> None:
    from cli.channels_status import as_json as shown, describe

    found = asyncio.run(load_status(gateway, account))
    if as_json:
        print_json(shown(found) | {"probe": None})
    else:
        for line in describe(found):
            typer.echo(line)
    if found.trouble:
        typer.echo(f"textgate: {found.trouble}", err=True)
        raise typer.Exit(1)


def _probe(
    gateway: "Gateway",
    account: str | None,
    *,
    fix: bool,
    undo: bool,
    yes: bool,
    timeout_s: float | None,
    as_json: bool,
) -> None:
    from cli.channels_status import as_json as shown
    from cli.probe import UNANSWERED, probe
    from cli.probe_show import EXIT_STATUS
    from workers.probe.finding import Verdict

    accounts = choose_accounts(gateway, account)
    done, is_unanswered = probe(gateway, accounts, fix=fix, undo=undo, yes=yes, timeout_s=timeout_s, as_json=as_json)
    if as_json:
        print_json(shown(asyncio.run(load_status(gateway, account))) | {"probe": done})
    status = UNANSWERED if is_unanswered else EXIT_STATUS[Verdict(done["verdict"])]
    if status:
        raise typer.Exit(status)


def choose_accounts(gateway: "Gateway", account: str | None) -> "list[Account]":
    """All accounts, or the one that is named. Raises UsageError for an unknown one."""
    known = gateway.settings.accounts
    if account is not None and account not in known:
        raise UsageError(f"there is no account {account}: choose one of {', '.join(known) or 'none is configured'}")
    return [each for each in known.values() if account in (None, each.id)]


async def load_status(gateway: "Gateway", account: str | None) -> "Status":
    """The configured part, and what can be learnt of the live one. Raises UsageError for an unknown account."""
    from cli.channels_status import Ingress, Status
    from cli.readiness import answers_200

    settings, accounts = gateway.settings, choose_accounts(gateway, account)
    live, trouble = await _load_live(gateway, [each.id for each in accounts])
    ingress = None
    if gateway.running is not None:
        url = gateway.running.ingress_url
        ingress = Ingress(url=url, ready=await answers_200(f"{url}/readyz"))
    blind = str(gateway.blind) if gateway.blind else ""
    return Status(settings=settings, accounts=accounts, live=live, ingress=ingress, trouble=trouble, blind=blind)


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
