"""Real worker processes, and what Redis counted while they worked."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import msgspec
from redis import Redis

from bench.contenders.plan import UP, Plan

START_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0

_NOT_WORK = {"info", "config|resetstat", "zcard", "rename", "llen", "client|setinfo", "script|load", "ping"}
"""Commands of the bench itself, or sent once per process."""


class FleetError(Exception):
    """Workers did not start."""


@contextlib.contextmanager
def fleet(redis: "Redis", plans: Sequence[Plan]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """These workers, ready, on an empty database; gone afterwards."""
    redis.flushall()
    processes = [_start(plan) for plan in plans]
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while int(redis.llen(UP)) < len(plans):  # type: ignore[arg-type]  # redis-py types replies as maybe async
            if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
                raise FleetError(f"{plans[0].contender}: the workers did not start")
            time.sleep(0.01)
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def commands(redis: "Redis") -> int:
    """Commands that the workers have cost since `reset_commands`; those inside scripts count too."""
    stats = redis.info("commandstats")
    return sum(
        counted["calls"]
        for name, counted in stats.items()  # type: ignore[union-attr]  # likewise
        if name.removeprefix("cmdstat_") not in _NOT_WORK
    )


def reset_commands(redis: "Redis") -> None:
    """Count from here."""
    redis.config_resetstat()


def _start(plan: Plan) -> "subprocess.Popen[bytes]":
    module = f"bench.contenders.{plan.contender}"
    words = [sys.executable, "-m", module, msgspec.json.encode(plan).decode()]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL)  # our stdout is the report
