"""One round trip: script calls go to Redis together and come back together, confirmed if that is asked for."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

from shared.errors import TransientError
from shared.redis_batch import Command, Line
from shared.scripts import Call, all_scripts


class NotConfirmedError(TransientError):
    """Redis executed the call but could not confirm it at the configured durability."""


class Confirm:
    """The command that makes Redis confirm durability, and what its reply must reach."""

    def __init__(self, command: Sequence[str | int], at_least: Sequence[int]) -> None:
        self.command = tuple(command)
        self.at_least = tuple(at_least)

    def holds(self, reply: object) -> bool:
        """Whether the reply says what it must."""
        numbers = reply if isinstance(reply, list) else [reply]
        return all(int(n) >= least for n, least in zip(numbers, self.at_least, strict=True))


async def execute(way: Redis | Line, calls: Sequence[Call], *, confirm: Confirm | None = None) -> list[Any]:
    """One round trip; a reply or an exception for each call. Loads the scripts and repeats those that a restarted
    Redis has forgotten. Raises one of `AWAY`, or NotConfirmedError."""
    if isinstance(way, Line):
        return await _execute(way, calls, confirm)
    line = Line(way)
    try:
        return await _execute(line, calls, confirm)
    finally:
        await line.close()


async def _execute(line: Line, calls: Sequence[Call], confirm: Confirm | None) -> list[Any]:
    replies = await _send(line, calls, confirm)
    missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if missing:
        await load_scripts(line)
        for i, reply in zip(missing, await _send(line, [calls[i] for i in missing], confirm), strict=True):
            replies[i] = reply
    return replies


async def load_scripts(line: Line) -> None:
    """Give Redis every script. Raises as `Line.send`."""
    await line.send([("SCRIPT", "LOAD", known.source) for known in all_scripts()])


async def _send(line: Line, calls: Sequence[Call], confirm: Confirm | None) -> list[Any]:
    replies = confirmed_replies(await line.send(commands_of(calls, confirm)), confirm)
    if replies and isinstance(replies[0], NotConfirmedError):
        raise replies[0]
    return replies


def commands_of(calls: Sequence[Call], confirm: Confirm | None) -> list[Command]:
    """The calls as commands, and what confirms them behind."""
    commands = [call.command() for call in calls]
    return commands if confirm is None else [*commands, confirm.command]


def confirmed_replies(replies: list[Any], confirm: Confirm | None) -> list[Any]:
    """The replies to the calls; if they were not confirmed, a NotConfirmedError instead of each."""
    if confirm is None:
        return replies
    *replies, confirmed = replies
    if isinstance(confirmed, ResponseError) or not confirm.holds(confirmed):
        error = NotConfirmedError(f"{confirm.command[0]} was not reached: {confirmed}", code="not-durable")
        return [error] * len(replies)
    return replies
