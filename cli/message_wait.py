"""`textgate message send --wait`: follow one text until Twilio has said how it ended, and say so.

Asks Redis only, on any machine that reaches it: the states come from Twilio's answers and callbacks, which the gateway
writes there. What they mean is decided in `message_fate.py`. A Redis that is away for a while is waited for, too.

Redis keys: those of `ingress/api/stored.py` and `cli/trace_search.py`. Reads only.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from cli.output import print_json
from cli.target import Target, opened
from shared.cancellation import pass_cancellation
from shared.errors import UsageError
from shared.keys import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from cli.message_fate import Fate
    from ingress.api.stored import StoredMessage
    from shared.records import Reply

LOOK_AGAIN_S = 0.2
LOOK_AGAIN_LATER_S = 1.0
SOON_S = 10.0
"""After that long nobody sees the difference between a fifth of a second and a whole one."""

UNKNOWN_STATUS = 2
"""Exit status when it is not known how the text ended."""

Say = Callable[[str], None]


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How the wait ended."""

    fate: "Fate"
    summary: str
    next_step: str
    seconds: float
    parts: list[dict[str, Any]]
    """As `message trace --json` shows them."""


def wait_and_tell(target: Target, reply: "Reply", *, timeout_s: float, as_json: bool) -> None:
    """Wait, print, and leave with the exit status of what is known: 0, 1, or 2. Ctrl-C ends the wait, not the text."""
    trace_it = f"`textgate message trace {reply.reply_id}`"
    try:
        if not as_json:
            typer.echo(f"Queued for {reply.to} through account {reply.account_id}.")
        say = typer.echo if not as_json and sys.stdout.isatty() else _say_nothing
        ending = asyncio.run(_wait(target, reply, timeout_s=timeout_s, say=say))
    except KeyboardInterrupt:
        typer.echo(f"\ntextgate: stopped waiting; the text goes its way. Look later: {trace_it}", err=True)
        raise typer.Exit(UNKNOWN_STATUS) from None
    if as_json:
        print_json(_document(reply, ending))
    _tell(reply, ending, trace_it=trace_it, as_json=as_json)


def _tell(reply: "Reply", ending: Ending, *, trace_it: str, as_json: bool) -> None:
    from cli.message_fate import EXIT_STATUS, Fate

    if ending.fate is Fate.DELIVERED:
        if not as_json:
            typer.echo(f"Delivered to {reply.to} after {ending.seconds:.1f} s.")
        return
    asked = ending.next_step or f"look again with {trace_it}"
    said = f"not known after {ending.seconds:.0f} s" if ending.fate is Fate.UNKNOWN else "not delivered"
    typer.echo(f"textgate: {said}: {ending.summary}; {asked}", err=True)
    raise typer.Exit(EXIT_STATUS[ending.fate])


def _document(reply: "Reply", ending: Ending) -> dict[str, Any]:
    return {
        "account": reply.account_id,
        "to": reply.to,
        "replyId": reply.reply_id,
        "state": ending.fate.value,
        "summary": ending.summary,
        "next": ending.next_step or None,
        "seconds": round(ending.seconds, 3),
        "parts": ending.parts,
    }


async def _wait(target: Target, reply: "Reply", *, timeout_s: float, say: Say) -> Ending:
    started = time.monotonic()
    fate = await _watch(target, reply, started=started, timeout_s=timeout_s, say=say)
    seconds = time.monotonic() - started
    try:
        summary, next_step, parts = await _explain(target, reply.reply_id)
    except UsageError as error:  # Redis is away: the fate that was seen stands, the words are missing
        summary, next_step, parts = str(error), "", []
    return Ending(fate=fate, summary=summary, next_step=next_step, seconds=seconds, parts=parts)


async def _watch(target: Target, reply: "Reply", *, started: float, timeout_s: float, say: Say) -> "Fate":
    """Look until it is decided or the time is over; each change is said once."""
    from cli.message_fate import Fate, decide_fate, has_failed, stages_of

    said: dict[str, str] = {}
    failed = False
    async with opened(target) as (redis, keys):
        while True:
            stored = await _look(redis, keys, reply)
            pass_cancellation()
            age_s = time.monotonic() - started
            if stored is not None:
                for part_id, words in stages_of(stored):
                    if said.get(part_id) != words:
                        said[part_id] = words
                        say(f"  {_name(part_id):<8}  {words}  ({age_s:.1f} s)")
                failed = has_failed(stored)
                fate = decide_fate(stored)
                if fate is not None:
                    return fate
            if age_s >= timeout_s:
                return Fate.FAILED if failed else Fate.UNKNOWN
            await asyncio.sleep(min(LOOK_AGAIN_S if age_s < SOON_S else LOOK_AGAIN_LATER_S, timeout_s - age_s))


async def _look(redis: "Redis", keys: Keys, reply: "Reply") -> "StoredMessage | None":
    """What is known now; None while Redis is away."""
    from ingress.api.stored import load_message
    from shared.redis_client import AWAY

    try:
        return await load_message(redis, keys, reply.reply_id, account_id=reply.account_id)
    except AWAY:
        return None


async def _explain(target: Target, reply_id: str) -> tuple[str, str, list[dict[str, Any]]]:
    """The words of `message trace`: summary, next step, parts."""
    from cli.trace import load
    from cli.trace_show import as_json
    from cli.trace_words import explain

    found, house = await load(target, reply_id, list(target.accounts))
    if found is None:
        return "nothing was left to send of that text", "", []
    explanation = explain(found, house)
    return explanation.summary, explanation.next_step, as_json(found, explanation, now_ms=house.now_ms)["parts"]


def _name(part_id: str) -> str:
    return f"part {int(part_id.rpartition('.')[2]) + 1}" if part_id else "text"


def _say_nothing(_line: str) -> None:
    return
