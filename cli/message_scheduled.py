"""`textgate message scheduled` and `cancel`: what waits for its time, and taking it back."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.channels_words import duration, iso, plural
from cli.options import AccountOption, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json, print_table
from cli.plain_usage import PlainUsage
from cli.target import Target, find_target, opened
from shared.errors import UsageError
from shared.keys import Stage
from shared.phone import mask

if TYPE_CHECKING:
    from shared.holds import Held

_WHY = {Stage.FORMAT: "scheduled", Stage.OUTBOUND: "quiet hours"}


def add_to(group: typer.Typer) -> None:
    """Register both commands."""
    group.command(short_help="Show what waits for its time.")(scheduled)
    group.command(cls=PlainUsage, short_help="Take back what waits for its time.")(cancel)


def scheduled(
    context: typer.Context,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show the messages that wait for their time or for the end of quiet hours, the first due first.

    \b
    Example:  textgate message scheduled
    Then:     textgate message cancel ID
    --json:   {"scheduled": [{"id", "account", "conversation", "peer", "origin",
              "why", "dueAt", "hasBegun"}]}; peer is masked
    """
    target = find_target(common(context, config, state_dir))
    held = asyncio.run(load(target, target.account(account) if account else None))
    if as_json:
        print_json({"scheduled": [_as_json(each) for each in held]})
    elif not held:
        typer.echo("Nothing waits for its time.")
    else:
        now_ms = time.time_ns() // 1_000_000
        print_table(
            ("DUE (UTC)", "IN", "TO", "WHY", "ID"),
            [
                (
                    iso(each.due_ms),
                    duration(max(0, each.due_ms - now_ms)),
                    mask(each.to),
                    _WHY[each.stage],
                    each.message_id,
                )
                for each in held
            ],
        )
        typer.echo(f"{plural(len(held), 'message')}. Take one back: `textgate message cancel ID`")


def cancel(
    context: typer.Context,
    message_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Take back a message that still waits for its time. What was handed on to be sent stays: exit status 1.

    \b
    Example:  textgate message cancel ID
    Before:   textgate message scheduled
    --json:   {"id", "account", "state": "canceled"}
    """
    held = asyncio.run(cancel_one(find_target(common(context, config, state_dir)), message_id.strip()))
    if as_json:
        print_json({"id": held.message_id, "account": held.account_id, "state": "canceled"})
    else:
        typer.echo(f"Canceled: {held.message_id} to {mask(held.to)} will not be sent.")


async def load(target: Target, account_id: str | None) -> "list[Held]":
    """What is held, of one account or of all."""
    from shared.holds import load_all_held

    async with opened(target) as (redis, keys):
        found = await load_all_held(redis, keys)
    return [held for held in found if account_id in (None, held.account_id)]


async def cancel_one(target: Target, message_id: str) -> "Held":
    """Cancel it. Raises UsageError if it is not held, or if parts of it may be with Twilio."""
    from shared.holds import Canceled, cancel as canceling, load_held_message
    from shared.round_trip import execute

    async with opened(target) as (redis, keys):
        held = await load_held_message(redis, keys, message_id)
        if held is None:
            raise UsageError(
                f"{message_id[:100]} does not wait for a time: it was handed on to be sent, was canceled, or is "
                "mistyped; see `textgate message scheduled` and `textgate message trace ID`"
            )
        reply: Any = b"sent"
        if held.may_be_canceled:
            (reply,) = await execute(redis, [canceling(keys=keys, held=held)])
        if isinstance(reply, Exception):
            raise reply
    if Canceled(reply.decode()) is not Canceled.CANCELED:
        raise UsageError(
            f"too late: parts of it were sent or are just leaving; see `textgate message trace {message_id}`"
        )
    return held


def _as_json(held: "Held") -> dict[str, Any]:
    return {
        "id": held.message_id,
        "account": held.account_id,
        "conversation": held.conversation,
        "peer": mask(held.to),
        "origin": held.origin.value,
        "why": _WHY[held.stage],
        "dueAt": iso(held.due_ms),
        "hasBegun": held.has_begun,
    }
