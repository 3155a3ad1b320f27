"""`textgate deadletter retry` and `drop`: putting dead letters back to work, and forgetting them. Both ask first.

What a retry moves, and why it cannot double anything: `shared/lua/retry_letter.lua`.
"""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from cli.channels_words import plural
from cli.deadletter_select import (
    Account,
    All,
    Code,
    Filter,
    OlderThan,
    StageOption,
    Yes,
    account_note,
    check_choice,
    unknown,
)
from cli.options import ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json
from cli.plain_usage import PlainUsage
from cli.target import Target, find_target, opened
from shared.errors import UsageError

if TYPE_CHECKING:
    from shared.dead_letters import Kept
    from shared.scripts import Call

AT_ONCE = 100
"""Letters in one round trip."""

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", show_default=False)]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the letters that were chosen."""

    changed: list[str]
    gone: list[str]
    """Somebody else retried or dropped these at the same moment."""
    paused: list[str]
    """Accounts of these letters for which nothing is sent now."""


def add_to(group: typer.Typer) -> None:
    """Register both commands."""
    group.command(cls=PlainUsage, short_help="Put them back to work.")(retry)
    group.command(cls=PlainUsage, short_help="Forget them for good.")(drop)


def retry(
    context: typer.Context,
    ids: Ids = None,
    everything: All = False,
    account: Account = None,
    stage: StageOption = None,
    code: Code = None,
    yes: Yes = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Put dead letters back at the end of their lanes, the first buried first. Asks before more than one.

    Nothing goes out twice: a part that may have been sent is looked for at Twilio first, and of two operators who
    retry one letter only one does. What was given up at the agent stage goes to the agent again; the person may have
    had the apology already. A letter whose cause is still there dies again, with a new id.

    \b
    Example:  textgate deadletter retry --code 21408 --account default
    Then:     textgate deadletter list
    --json:   {"retried", "gone", "paused"}; gone: somebody else was faster;
              paused: accounts that must be resumed first
    """
    wanted = Filter.of(account=account, stage=stage, code=code)
    check_choice(ids or [], wanted, everything=everything, command="retry")
    target = find_target(common(context, config, state_dir))
    chosen = asyncio.run(choose(target, ids or [], wanted))
    if len(chosen) > 1:
        agree(f"Retry {_count(chosen)}?", yes=yes)
    done = asyncio.run(retry_all(target, chosen))
    if as_json:
        print_json({"retried": done.changed, "gone": done.gone, "paused": done.paused})
        return
    note = "" if chosen else account_note(account, target.accounts)
    typer.echo(f"Retried {plural(len(done.changed), 'dead letter')}.{_gone(done)}{note}")
    for each in done.paused:
        typer.echo(f"account {each} is paused, so they wait: `textgate account resume {each}`", err=True)


def drop(
    context: typer.Context,
    ids: Ids = None,
    everything: All = False,
    account: Account = None,
    stage: StageOption = None,
    code: Code = None,
    older_than: OlderThan = None,
    yes: Yes = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Forget dead letters for good. Asks first: what they hold is in no other place, and cannot be brought back.

    \b
    Example:  textgate deadletter drop --older-than 30d
    Before:   textgate deadletter export --reveal --out dead.jsonl keeps a copy
    Then:     textgate deadletter list
    --json:   {"dropped", "gone"}; gone: somebody else was faster
    """
    wanted = Filter.of(account=account, stage=stage, code=code, older_than=older_than)
    check_choice(ids or [], wanted, everything=everything, command="drop")
    target = find_target(common(context, config, state_dir))
    chosen = asyncio.run(choose(target, ids or [], wanted))
    if chosen:
        agree(f"Drop {_count(chosen)} for good?", yes=yes)
    done = asyncio.run(drop_all(target, chosen))
    if as_json:
        print_json({"dropped": done.changed, "gone": done.gone})
    else:
        note = "" if chosen else account_note(account, target.accounts)
        typer.echo(f"Dropped {plural(len(done.changed), 'dead letter')}.{_gone(done)}{note}")


async def choose(target: Target, ids: list[str], wanted: Filter) -> "list[Kept]":
    """The letters that are meant, the first buried first. Raises UsageError for an id that there is not."""
    from shared.dead_letters import load_letters, load_named

    async with opened(target) as (redis, keys):
        if not ids:
            return [kept async for kept in load_letters(redis, keys) if wanted.matches(kept.letter)]
        names = list(dict.fromkeys(each.strip() for each in ids))
        found = [kept for kept in await load_named(redis, keys, names) if kept is not None]
        ranks = {kept.letter.letter_id: await redis.zrank(keys.dead, kept.letter.letter_id) or 0 for kept in found}
    missing = [name for name in names if name not in ranks]
    if missing:
        raise unknown(missing[0])
    return sorted(found, key=lambda kept: ranks[kept.letter.letter_id])


async def retry_all(target: Target, chosen: "list[Kept]") -> Done:
    """Retry them in this order. Raises UsageError, before anything is done, for one of an unknown stage."""
    from shared.accounts import load_pause
    from shared.dead_letters import retry as retrying

    async with opened(target) as (redis, keys):
        try:
            calls = [retrying(keys=keys, kept=kept) for kept in chosen]
        except ValueError as error:
            raise UsageError(f"a newer version buried this ({error}): retry it with that version") from error
        changed, gone = await _carry_out(redis, chosen, calls)
        accounts = dict.fromkeys(kept.letter.account_id for kept in chosen if kept.letter.letter_id in set(changed))
        paused = [each for each in accounts if await load_pause(redis, keys, each) is not None]
    return Done(changed=changed, gone=gone, paused=paused)


async def drop_all(target: Target, chosen: "list[Kept]") -> Done:
    """Forget them."""
    from shared.dead_letters import drop as dropping

    async with opened(target) as (redis, keys):
        calls = [dropping(keys=keys, letter_id=kept.letter.letter_id) for kept in chosen]
        changed, gone = await _carry_out(redis, chosen, calls)
    return Done(changed=changed, gone=gone, paused=[])


def agree(question: str, *, yes: bool) -> None:
    """Ask on stderr. Raises UsageError if the answer is no, or if there is nobody to ask."""
    if yes:
        return
    try:
        agreed = typer.confirm(question, default=False, err=True)
    except typer.Abort:
        raise UsageError("nobody answered, so nothing was done: add --yes to do it without being asked") from None
    if not agreed:
        raise UsageError("nothing was done; `textgate deadletter show ID` tells the story of each")


async def _carry_out(redis: Any, chosen: "list[Kept]", calls: "list[Call]") -> tuple[list[str], list[str]]:
    """Ids of the letters whose call did something, and of those that were gone."""
    from shared.round_trip import execute

    changed: list[str] = []
    gone: list[str] = []
    for start in range(0, len(calls), AT_ONCE):
        replies = await execute(redis, calls[start : start + AT_ONCE])
        for kept, reply in zip(chosen[start:], replies, strict=False):
            if isinstance(reply, Exception):
                raise reply
            (changed if reply else gone).append(kept.letter.letter_id)
    return changed, gone


def _count(chosen: "list[Kept]") -> str:
    causes = Counter(kept.letter.code for kept in chosen).most_common()
    return f"{plural(len(chosen), 'dead letter')} ({', '.join(f'{count} {code}' for code, count in causes)})"


def _gone(done: Done) -> str:
    return f" {len(done.gone)} more had been retried or dropped by somebody else." if done.gone else ""
