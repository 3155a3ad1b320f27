"""Which format the stored data has, and which programs may work on it.

One key below the prefix holds a mark, `<data version> <version of Textgate that wrote it>`, such as `1 0.1.0`. States:

    absent    nothing lies there yet, or data of before there was a mark: both are version 1
              -> equal (SET NX by whoever comes first; of two that come at once, one writes)
    equal     everything may work     -> newer (a later version of Textgate has upgraded the data)
    older     nobody meets this yet, 1 is the first version
              -> equal, step by step (`STEPS`), by a process; commands only refuse
    newer     this program refuses, before it takes a text or a job. Nobody goes back: docs/operations.md, Upgrades
    unclear   something else stands there: refused as well, and never overwritten

Who looks: every long-running process when it first reaches Redis (the ingress on every connection that it makes, see
`ingress/data_door.py`), and every command that opens Redis by `cli/target.py` (it refuses, and writes no mark). No text
and no job costs anything. A process that runs on while another one upgrades does not notice: so they are stopped first.

What a crash leaves: no mark, or a whole one. A Redis that loses the mark with its last second gets it again at the next
start. One that is full, or takes no writes for now, gets none until it does: the workers that drain it go on without.

A field that old programs may ignore needs no new version (`shared/records.py`); a key or record that they would misread
does. Such a change comes with a step: a script of its own under `lua/` that turns data of version N into N + 1. Redis
runs scripts one at a time and a step begins by comparing the mark, so one process does the work and the others find it
done. The mark changes in the same script, so a crash leaves a step whole or not begun, and it may be sent again.

Redis keys: data-version.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.errors import ConfigError
from shared.keys import Keys
from shared.redis_client import is_away
from shared.scripts import Script
from shared.version import version

FIRST = 1

STEPS: tuple[Script, ...] = ()
"""`STEPS[0]` leads from version 1 to 2, and so on. KEYS: 1 the mark. ARGV: 1 the prefix; 2 the mark that it starts
from; 3 the mark that it leaves. It does nothing unless KEYS[1] holds ARGV[2], and sets it to ARGV[3] at its end."""

DATA_VERSION = FIRST + len(STEPS)
"""What this program reads and writes."""

Ask = Callable[..., Awaitable[Any]]
"""Sends the words of one Redis command and gives its reply: a client's `execute_command`, or one connection's."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in Redis."""

    version: int
    """0: it cannot be read."""
    written_by: str
    """Version of Textgate."""


def parse_mark(raw: bytes | None) -> Mark | None:
    """None if there is none. Later versions may add words behind the first two, and never change those."""
    if raw is None:
        return None
    number, _, rest = raw.decode("ascii", errors="replace").partition(" ")
    is_version = number.isascii() and number.isdigit() and len(number) < 10
    return Mark(version=int(number) if is_version else 0, written_by=rest.split(" ")[0][:40])


def decide_refusal(
    mark: Mark | None, *, prefix: str, knows: int = DATA_VERSION, upgrades: bool = True
) -> ConfigError | None:
    """Why a program that knows version `knows`, and `upgrades` older ones, must not touch this data; None if it may."""
    mark = mark or Mark(version=FIRST, written_by="")
    if mark.version == knows or (upgrades and FIRST <= mark.version < knows):
        return None
    writer = f", written by Textgate {mark.written_by}" if mark.written_by else ""
    found = f'below "{prefix}" lies data of version {mark.version or "unknown"}{writer}; '
    found += f"this is Textgate {version()}, which knows version {knows}"
    if mark.version < FIRST:
        expected = "set another redis.prefix"
    elif mark.version < knows:
        expected = "start the gateway in this version first: it upgrades the data"
    else:
        expected = "update this process, or set another redis.prefix"
    return ConfigError("redis.prefix", found=found, expected=expected)


async def ensure_data_version(ask: Ask, keys: Keys) -> None:
    """Mark data that has no mark, upgrade what is older. Raises ConfigError for what this program does not know, and
    redis-py's errors."""
    mark = parse_mark(await ask("GET", keys.data_version))
    if mark is None:
        try:
            await ask("SET", keys.data_version, _raw(FIRST), "NX")
        except ResponseError as error:
            if STEPS or not is_away(error):
                raise
            return  # no mark means what this one would say; and a full Redis drains only if workers start
        mark = parse_mark(await ask("GET", keys.data_version))
    refusal = decide_refusal(mark, prefix=keys.prefix)
    if refusal is not None:
        raise refusal
    for number, step in enumerate(STEPS, FIRST):
        raw = await ask("GET", keys.data_version)
        mark = parse_mark(raw)
        if mark is not None and mark.version == number:
            await ask("EVAL", step.source, 1, keys.data_version, keys.prefix, raw, _raw(number + 1))


async def refuse_unknown_data(redis: Redis, keys: Keys) -> None:
    """For a command: raises ConfigError for data that is not of the version of this program, and writes nothing."""
    refusal = decide_refusal(await load_mark(redis, keys), prefix=keys.prefix, upgrades=False)
    if refusal is not None:
        raise refusal


async def load_mark(redis: Redis, keys: Keys) -> Mark | None:
    """What stands there now."""
    return parse_mark(await redis.get(keys.data_version))


def _raw(number: int) -> str:
    return f"{number} {version()}"
