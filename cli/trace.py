"""`textgate message trace`: where a message is, or why it stopped. How it decides: `trace_words.py`."""

import asyncio
import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import AccountOption, ChannelOption, ConfigOption, JsonOption, StateDirOption, common
from cli.output import print_json
from cli.target import Target, find_target, opened
from cli.words import check_channel
from shared.errors import UsageError

if TYPE_CHECKING:
    from cli.trace_words import House
    from shared.trace import Trace

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def trace(
    context: typer.Context,
    message_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    channel: ChannelOption = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Show where a message is, or why it stopped. Asks Redis only; numbers are masked, bodies are not shown.

    ID is Twilio's MessageSid, inbound or outbound, or an id of ours: of a part, of a message of the API, or the replyId
    of `message send`.

    Inbound texts are known for 7 days, sent parts for 30. Nothing known about the id: exit status 1.

    \b
    Example:  textgate message trace SM0123456789abcdef0123456789abcdef
    Then:     what its last line says
    --json:   {"id", "state", "summary", "next", "account", "conversation",
              "peer", "inbound", "reply", "scheduledAt", "canceledAt", "parts",
              "deadLetters", "paused", "optedOut"}; all of it in docs/cli.md
    """
    from cli.trace_show import as_json as shown, describe
    from cli.trace_words import explain

    check_channel(channel)
    sought = message_id.strip()
    if not _ID.fullmatch(sought):
        raise UsageError("that is no id: expected a MessageSid such as SM… or MM…, or the id of a part or a reply")
    target = find_target(common(context, config, state_dir))
    accounts = [target.account(account)] if account else list(target.accounts)
    found, house = asyncio.run(load(target, sought, accounts))
    if found is None:
        raise UsageError(_unknown(sought))
    explanation = explain(found, house)
    if as_json:
        print_json(shown(found, explanation, now_ms=house.now_ms))
        return
    for line in describe(found, explanation):
        typer.echo(line)


async def load(target: Target, sought: str, accounts: list[str]) -> "tuple[Trace | None, House]":
    """What is known about the id, and about the gateway at that moment."""
    from cli.channels_live import count_workers
    from cli.trace_search import load_trace
    from cli.trace_words import House

    async with opened(target) as (redis, keys):
        found = await load_trace(redis, keys, sought, accounts)
        workers: Any = await count_workers(redis, keys) if found is not None else {}
    return found, House(now_ms=time.time_ns() // 1_000_000, workers=workers, enabled=target.accounts)


def _unknown(sought: str) -> str:
    if re.fullmatch(r"(SM|MM)[0-9a-fA-F]{32}", sought):
        return (
            f"nothing is known about {sought}: its webhook never came or was refused (look for it in the ingress log), "
            "or it is older than 7 days inbound, 30 days outbound; see `textgate channels status`"
        )
    return (
        f"nothing is known about {sought}: it is mistyped, or was never handed to the pipeline, or is older than "
        "30 days; a MessageSid starts with SM or MM and has 34 characters"
    )
