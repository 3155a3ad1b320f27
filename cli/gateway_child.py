"""`textgate up --sandbox` as a child of another program: of the demo, and of tests that want the whole product."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from cli.child import Child, ChildSpec
from cli.lifeline import Lifeline
from cli.running import RunningUp, find_running
from cli.sandbox_home import clean_environ
from shared.errors import TextgateError

STOP_LIMIT_S = 8.0
_LOOK_AGAIN_S = 0.02


class GatewayFailedError(TextgateError):
    """The gateway did not become ready, or did not stop cleanly; the text names which."""


class GatewayChild(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway that is ready for use."""

    pid: int
    running: RunningUp


@contextlib.asynccontextmanager
async def sandbox_gateway(
    state_dir: Path, *, agent: str | None = None, on_line: Callable[[str], None], limit_s: float
) -> AsyncIterator[GatewayChild]:
    """Start it on free ports, hand it out once it is ready, stop it when the block ends.

    `on_line` gets its output. Raises GatewayFailedError if it is not ready within `limit_s`, or if, after a block
    that succeeded, it does not stop with status 0.
    """
    words = ("up", "--sandbox", "--state-dir", str(state_dir), *(("--agent", agent) if agent else ()))
    spec = ChildSpec(
        role="up",
        command=(sys.executable, "-P", "-m", "cli.main", *words),
        environ=clean_environ(os.environ),
        rank=0,
    )
    lifeline = Lifeline()
    try:
        child = await Child.start(spec, lifeline, lambda _, line: on_line(line))
        ended = asyncio.create_task(child.wait())
        try:
            yield GatewayChild(pid=child.pid, running=await _ready(state_dir, ended, limit_s=limit_s))
        finally:
            status = await _end(child, ended)
        if status != 0:
            raise GatewayFailedError(f"a clean stop: `textgate up` ended with status {status}")
    finally:
        lifeline.close()


async def _ready(state_dir: Path, ended: "asyncio.Task[int]", *, limit_s: float) -> RunningUp:
    deadline = time.monotonic() + limit_s
    while not ended.done():
        running = find_running(state_dir)
        if running and running.ready:
            return running
        if time.monotonic() > deadline:
            raise GatewayFailedError(f"a gateway that is ready within {limit_s:g} s")
        await asyncio.sleep(_LOOK_AGAIN_S)
    raise GatewayFailedError(f"a running gateway: `textgate up --sandbox` ended with status {ended.result()}")


async def _end(child: Child, ended: "asyncio.Task[int]") -> int:
    """The exit status; a gateway that does not leave in time is ended by force."""
    child.ask_to_stop()
    await asyncio.wait([ended], timeout=STOP_LIMIT_S)
    child.kill()
    return await ended
