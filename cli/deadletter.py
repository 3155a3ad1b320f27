"""`textgate deadletter`: what was given up. Seeing it is here; doing something about it: `deadletter_change.py`."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import deadletter_change, deadletter_export
from cli.deadletter_select import Account, Code, Filter, Reveal, StageOption, account_note
from cli.options import ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json, print_table
from cli.plain_usage import PlainUsage
from cli.target import Target, find_target, opened

if TYPE_CHECKING:
    from cli.deadletter_story import Story
    from shared.records import DeadLetter

deadletter = typer.Typer(
    name="deadletter",
    help=(
        "Look at what was given up, and retry or drop it.\n\n"
        "A text, a reply or the rest of a reply becomes a dead letter when trying again by itself cannot help. It is "
        "kept, whole and with its cause, until you decide; nothing is thrown away unseen.\n\n"
        "\b\n"
        "textgate deadletter list                what was given up, and why\n"
        "textgate deadletter show ID             the whole story of one\n"
        "textgate deadletter retry ID            once the cause is gone\n"
        "textgate deadletter retry --code 21408  all with that cause\n"
        "textgate deadletter drop --older-than 30d\n"
        "textgate deadletter export --out dead.jsonl\n"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    deadletter.command("list", short_help="Show what was given up, and why.")(list_)
    deadletter.command(cls=PlainUsage, short_help="Show the whole story of one.")(show)
    deadletter_change.add_to(deadletter)
    deadletter_export.add_to(deadletter)
    app.add_typer(deadletter, short_help="What was given up: list, show, retry, drop, export.")


def list_(
    context: typer.Context,
    account: Account = None,
    stage: StageOption = None,
    code: Code = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show what was given up and why, the oldest first, and how many there are in all.

    \b
    Example:  textgate deadletter list --code 21211
    Then:     textgate deadletter show ID
    --json:   {"total", "expired", "deadLetters": [{"id", "stage", "account",
              "conversation", "peer", "code", "message", "hint", "attempts",
              "records", "buriedAt"}]}; peer is masked
    """
    from cli.deadletter_words import age, summary_as_json

    wanted = Filter.of(account=account, stage=stage, code=code)
    target = find_target(common(context, config, state_dir))
    letters, total, expired = asyncio.run(load(target, wanted))
    if as_json:
        shown = [summary_as_json(letter) for letter in letters]
        print_json({"total": total, "expired": expired, "deadLetters": shown})
        return
    if letters:
        print_table(
            ("ID", "AGE", "ACCOUNT", "CODE"),
            [(letter.letter_id, age(letter), letter.account_id, letter.code) for letter in letters],
        )
    typer.echo(closing_line(letters, total) + ("" if letters else account_note(account, target.accounts)))
    if expired:
        typer.echo(f"{expired} more were dropped so far, after deadLetters.retentionDays.")


def show(
    context: typer.Context,
    letter_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    reveal: Reveal = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show one dead letter: what and to whom, why, how often it was tried, what of the reply went out before it.

    The number is masked and the words are left out, unless you say --reveal. Unknown id: exit status 1.

    \b
    Example:  textgate deadletter show ID --reveal
    Then:     textgate deadletter retry ID, or textgate deadletter drop ID
    --json:   {"id", "stage", "account", "conversation", "peer", "code",
              "meaning", "message", "hint", "attempts", "failures", "history",
              "buriedAt", "records", "sentBefore"}; all of it in docs/cli.md
    """
    from cli.deadletter_words import describe, story_as_json

    story = asyncio.run(load_one(find_target(common(context, config, state_dir)), letter_id.strip()))
    if as_json:
        print_json(story_as_json(story, reveal=reveal))
        return
    for line in describe(story, reveal=reveal):
        typer.echo(line)


async def load(target: Target, wanted: Filter) -> "tuple[list[DeadLetter], int, int]":
    """The letters that are wanted, the first buried first; how many there are in all, and how many had their time. What
    is listed counts as seen."""
    from shared.dead_letters import count_expired, load_letters, see

    async with opened(target) as (redis, keys):
        every = [kept.letter async for kept in load_letters(redis, keys)]
        letters = [letter for letter in every if wanted.matches(letter)]
        await see(redis, keys, [letter.letter_id for letter in letters])
        return letters, len(every), await count_expired(redis, keys)


async def load_one(target: Target, letter_id: str) -> "Story":
    """The whole story; from now on it counts as seen. Raises UsageError if there is no such letter."""
    from cli.deadletter_select import unknown
    from cli.deadletter_story import load_story
    from shared.dead_letters import load_named, see

    async with opened(target) as (redis, keys):
        (kept,) = await load_named(redis, keys, [letter_id])
        if kept is None:
            raise unknown(letter_id)
        await see(redis, keys, [letter_id])
        return await load_story(redis, keys, kept.letter)


def closing_line(letters: "list[DeadLetter]", total: int) -> str:
    """How many, why, and what to do next."""
    if not total:
        return "No dead letters: nothing was given up."
    if not letters:
        return f"None of the {total} dead letters is like that; see them all: `textgate deadletter list`"
    causes: Any = Counter(letter.code for letter in letters).most_common()
    of_all = "" if len(letters) == total else f" of {total}"
    said = ", ".join(f"{count} {code}" for code, count in causes)
    return f"{len(letters)}{of_all} in all: {said}. The story of one: `textgate deadletter show ID`"
