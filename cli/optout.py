"""`textgate optout`: who gets no more texts, since when and how; opting somebody out or in by hand."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.channels_words import iso
from cli.options import AccountOption, ChannelOption, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json, print_table
from cli.pairing_words import parse_sender
from cli.plain_usage import PlainUsage
from cli.target import Target, find_target, opened
from cli.words import check_channel, parse_number
from shared.errors import UsageError

if TYPE_CHECKING:
    from shared.optout import Change

Number = Annotated[list[str], typer.Argument(metavar="[sms] NUMBER", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever looks later.")]

optout = typer.Typer(
    name="optout",
    help=(
        "Who gets no more texts.\n\n"
        "Whoever texts STOP is opted out by themselves, and in again by START; Twilio keeps a list of its own and "
        "answers both.\n\n"
        "\b\n"
        "textgate optout list                 who, since when, how\n"
        "textgate optout show +15551234567    how it came about, change by change\n"
        "textgate optout add +15551234567     they asked by phone or letter\n"
        "textgate optout remove +15551234567  take an entry of yours back\n"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    optout.command("list", cls=PlainUsage, short_help="Show who is opted out.")(list_)
    optout.command(cls=PlainUsage, short_help="Show how it came about for one person.")(show)
    optout.command(cls=PlainUsage, short_help="Send somebody nothing more.")(add)
    optout.command(cls=PlainUsage, short_help="Let somebody be texted again.")(remove)
    app.add_typer(optout, short_help="Who gets no more texts: list, show, add, remove.")


def list_(
    context: typer.Context,
    word: Annotated[str | None, typer.Argument(metavar="[sms]", show_default=False)] = None,
    channel: ChannelOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show who is opted out, the latest last.

    \b
    Example:  textgate optout list
    Then:     textgate optout show +15551234567
    --json:   {"optOuts": [{"account", "person", "since", "cause", "said",
              "messageSid"}]}; cause: keyword, opt-out-type, twilio-21610,
              operator or unknown
    """
    check_channel(word)
    check_channel(channel)
    target = find_target(common(context, config, state_dir))
    found = asyncio.run(load_all(target, target.chosen(account)))
    rows = [(account_id, change) for account_id, changes in found.items() for change in changes]
    if as_json:
        print_json({"optOuts": [{"account": each, "person": c.person, **_as_json(c, "since")} for each, c in rows]})
    elif not rows:
        typer.echo("Nobody is opted out.")
    else:
        table = [(change.person, account_id, iso(change.at_ms), _how(change)) for account_id, change in rows]
        print_table(("PERSON", "ACCOUNT", "SINCE", "HOW"), table)


def show(
    context: typer.Context,
    words: Number,
    channel: ChannelOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show whether one person is opted out, and each change that led there: the latest 50 within five years.

    A number over RCS (`rcs:+1…`) is the same person as the number: Twilio holds it so, too.

    \b
    Example:  textgate optout show +15551234567
    --json:   {"person", "accounts": [{"account", "optedOut", "trail": [{"out",
              "at", "cause", "said", "messageSid"}]}]}
    """
    check_channel(channel)
    target = find_target(common(context, config, state_dir))
    person = _person(words, verb="show")
    trails = asyncio.run(load_person(target, person, target.chosen(account)))
    if as_json:
        accounts = [
            {"account": each, "optedOut": out, "trail": [{"out": c.out, **_as_json(c, "at")} for c in trail]}
            for each, (out, trail) in trails.items()
        ]
        print_json({"person": person, "accounts": accounts})
        return
    for each, (out, trail) in trails.items():
        typer.echo(f"account {each}: {person} {'is opted out' if out else 'may be texted'}")
        for change in trail:
            typer.echo(f"  {iso(change.at_ms)}  {'out' if change.out else 'in '}  {_how(change)}")


def add(
    context: typer.Context,
    words: Number,
    reason: Reason = "",
    channel: ChannelOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Send somebody nothing more, from now on and on every worker; without --account, for every account.

    What waits for them becomes dead letters. They are not told. START lifts it, like an opt-out of their own.

    \b
    Example:  textgate optout add +15551234567 --reason "asked by phone"
    Then:     textgate optout show +15551234567
    --json:   {"person", "changed", "unchanged"}: account ids; unchanged: was
              opted out before
    """
    check_channel(channel)
    target = find_target(common(context, config, state_dir))
    person = _number(words)
    changed, unchanged = asyncio.run(change(target, person, target.chosen(account), out=True, reason=reason))
    if as_json:
        print_json({"person": person, "changed": changed, "unchanged": unchanged})
        return
    if changed:
        typer.echo(f"{person} gets nothing more from account {', '.join(changed)}.")
    if unchanged:
        typer.echo(f"{person} was opted out already of account {', '.join(unchanged)}.")


def remove(
    context: typer.Context,
    words: Number,
    reason: Reason = "",
    channel: ChannelOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Let somebody be texted again; without --account, by every account. Not opted out: exit status 1.

    Only right if they asked for it, or if the entry was a mistake. Who texted STOP is on Twilio's own list as well, and
    only their START takes them off it: until then Twilio refuses, and the refusal opts them out here again.

    \b
    Example:  textgate optout remove +15551234567 --reason "wrong number"
    Then:     textgate deadletter retry --code opted-out
    --json:   {"person", "changed", "unchanged"}: account ids
    """
    check_channel(channel)
    target = find_target(common(context, config, state_dir))
    person = _person(words, verb="remove")
    changed, unchanged = asyncio.run(change(target, person, target.chosen(account), out=False, reason=reason))
    if not changed:
        raise UsageError(f"{person} is not opted out, so there is nothing to remove; see `textgate optout list`")
    if as_json:
        print_json({"person": person, "changed": changed, "unchanged": unchanged})
    else:
        typer.echo(f"{person} may be texted again by account {', '.join(changed)}, unless Twilio has a STOP of theirs.")


async def load_all(target: Target, accounts: list[str]) -> "dict[str, list[Change]]":
    """Account id -> who is opted out there."""
    from shared.optout import list_opt_outs

    async with opened(target) as (redis, keys):
        return {each: await list_opt_outs(redis, keys, each) for each in accounts}


async def load_person(target: Target, person: str, accounts: list[str]) -> "dict[str, tuple[bool, list[Change]]]":
    """Account id -> whether the person is opted out there, and the trail."""
    from shared.optout import is_opted_out, load_trail

    async with opened(target) as (redis, keys):
        return {
            each: (await is_opted_out(redis, keys, each, person), await load_trail(redis, keys, each, person))
            for each in accounts
        }


async def change(
    target: Target, person: str, accounts: list[str], *, out: bool, reason: str
) -> tuple[list[str], list[str]]:
    """The accounts for which that changed something, and the others."""
    from shared.optout import Cause, change_opt_out, new_change
    from shared.round_trip import execute

    made = new_change(person, out=out, cause=Cause.OPERATOR, said=reason)
    async with opened(target) as (redis, keys):
        calls = [change_opt_out(keys=keys, account_id=each, change=made) for each in accounts]
        replies = await execute(redis, calls)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
    changed = [each for each, reply in zip(accounts, replies, strict=True) if reply]
    return changed, [each for each in accounts if each not in changed]


def _person(words: list[str], *, verb: str) -> str:
    from shared.phone import person_of

    return person_of(parse_sender(words, command=f"optout {verb}")[0])


def _number(words: list[str]) -> str:
    """Whom to text no more: a number, since a name would opt nobody out. Raises UsageError."""
    from shared.phone import person_of

    written = parse_sender(words, command="optout add")[-1]
    try:
        return person_of(parse_number(written))
    except ValueError as error:
        raise UsageError(f"nobody was opted out: {error}") from None


def _how(change: "Change") -> str:
    said = f': "{change.said}"' if change.said else ""
    return f"{_CAUSES[change.cause.value]}{said}"


_CAUSES = {
    "keyword": "they texted",
    "opt-out-type": "Twilio's opt-out type",
    "twilio-21610": "Twilio refused (21610)",
    "operator": "by hand",
    "unknown": "an older version",
}


def _as_json(change: "Change", when: str) -> dict[str, Any]:
    return {
        when: iso(change.at_ms),
        "cause": change.cause.value,
        "said": change.said or None,
        "messageSid": change.message_sid,
    }
