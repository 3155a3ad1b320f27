"""What every contender is told (as JSON in its first argument) and does: the same work, whatever the engine.

Redis keys: `bench:up` (a worker is ready), `bench:latency` (seconds per text over three hops), `bench:runs` (time and
pid of each attempt).
"""

import asyncio
import os
import sys
import time
from typing import Any

import msgspec

from shared.keys import Keys, Stage

KEYS = Keys("bench:")
UP = "bench:up"
LATENCY = "bench:latency"
RUNS = "bench:runs"

NEXT_STAGE = {Stage.AGENT: Stage.FORMAT, Stage.FORMAT: Stage.OUTBOUND}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One worker process."""

    contender: str
    redis_url: str
    stage: Stage = Stage.AGENT
    max_jobs: int = 200
    poll_delay_s: float = 0.01
    """Stock only."""
    lease_s: float = 12.0
    """Ours only."""


def plan_from_argv() -> Plan:
    """The plan that the bench hands to this process."""
    return msgspec.json.decode(sys.argv[1], type=Plan)


async def noop(_: dict[str, Any], __: int) -> None:
    """The job whose cost is the engine's alone."""


async def hang(ctx: dict[str, Any]) -> None:
    """A job whose worker is killed: tells when each attempt starts, and never ends."""
    await ctx["redis"].rpush(RUNS, f"{time.time()} {os.getpid()}")
    await asyncio.Event().wait()


async def say_ready(ctx: dict[str, Any]) -> None:
    """Startup hook."""
    await ctx["redis"].rpush(UP, 1)
