"""`textgate person`: what is known of one person, and forgetting it, when somebody asks for either."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from cli.channels_words import plural
from cli.deadletter_change import agree
from cli.options import AccountOption, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json
from cli.person_words import lines_of, names_of, people_of
from cli.plain_usage import PlainUsage
from cli.target import Target, find_target, opened

if TYPE_CHECKING:
    from shared.person import Erased, PersonData

Number = Annotated[str, typer.Argument(metavar="NUMBER", show_default=False, help="The person's number.")]

person = typer.Typer(
    name="person",
    help=(
        "One person's data: write it out, or forget it.\n\n"
        "\b\n"
        "textgate person export +15551234567   all that is known, as JSON lines\n"
        "textgate person erase +15551234567    forget it\n"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    person.command(cls=PlainUsage, short_help="Write out all that is known of somebody.")(export)
    person.command(cls=PlainUsage, short_help="Forget somebody.")(erase)
    app.add_typer(person, short_help="One person's data: export, erase.")


def export(
    context: typer.Context,
    number: Number,
    account: AccountOption = None,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Write out all that is known of one person, as JSON lines, words and number included.

    Without --account: of every account. Nothing known: no lines, a word on stderr, exit status 0. Twilio keeps its own
    copies.

    \b
    Example:  textgate person export +15551234567 > person.jsonl
    Then:     textgate person erase +15551234567
    """
    names = names_of(number)
    target = find_target(common(context, config, state_dir))
    found = asyncio.run(load_all(target, account, names))
    for known in found:
        for line in lines_of(known):
            typer.echo(json.dumps(line, ensure_ascii=False))
    if not found:
        typer.echo(f"textgate: nothing is known of {names[0]}", err=True)


def erase(
    context: typer.Context,
    number: Number,
    account: AccountOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Forget one person: history, waiting texts and replies, states of sent texts, approval, dead letters.

    What waits is neither answered nor sent. Whether they opted out stays, or they might be texted again; and for up to
    7 days the SIDs of their texts, without number or words. Without --account: in every account.

    \b
    Example:  textgate person erase +15551234567
    Then:     delete the messages at Twilio, which keeps its own copies
    --json:   {"person", "accounts": [{"account", "waiting", "history",
              "deadLetters", "otherKeys", "approved", "optOutKept"}]}
    """
    names = names_of(number)
    target = find_target(common(context, config, state_dir))
    agree(f"Forget {names[0]} for good?", yes=yes)
    done = asyncio.run(erase_all(target, account, names))
    if as_json:
        print_json({"person": names[0], "accounts": [_as_json(known, erased) for known, erased in done]})
        return
    if not done:
        typer.echo(f"Nothing was known of {names[0]}.")
    for known, erased in done:
        typer.echo(
            f"account {known.account_id}: forgot {plural(erased.history, 'line')} of history, "
            f"{erased.waiting} waiting, {plural(erased.letters, 'dead letter')}, {plural(erased.keys, 'other key')}"
            f"{', and the approval' if erased.approved else ''}."
        )
        if known.opt_outs:
            typer.echo(f"account {known.account_id}: that they opted out is kept.")


async def load_all(target: Target, account: str | None, names: tuple[str, ...]) -> "list[PersonData]":
    """What each account knows of the person; those that know nothing are left out."""
    from shared.person import load_person

    async with opened(target) as (redis, keys):
        found = [await load_person(redis, keys, each, name) for each, name in people_of(target, account, names)]
    return [known for known in found if not known.is_empty or known.opt_outs]


async def erase_all(target: Target, account: str | None, names: tuple[str, ...]) -> "list[tuple[PersonData, Erased]]":
    """Forget them; what was known, and what is gone."""
    from shared.person import erase_person, load_person

    done = []
    async with opened(target) as (redis, keys):
        for account_id, name in people_of(target, account, names):
            known = await load_person(redis, keys, account_id, name)
            erased = await erase_person(redis, keys, account_id, name)
            if not known.is_empty or known.opt_outs:
                done.append((known, erased))
    return done


def _as_json(known: "PersonData", erased: "Erased") -> dict[str, object]:
    return {
        "account": known.account_id,
        "waiting": erased.waiting,
        "history": erased.history,
        "deadLetters": erased.letters,
        "otherKeys": erased.keys,
        "approved": erased.approved,
        "optOutKept": bool(known.opt_outs),
    }
