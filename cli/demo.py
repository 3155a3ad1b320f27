"""`textgate demo`: a whole conversation in the terminal, through the same processes as in production.

It starts `textgate up --sandbox` on free ports with a state folder of its own, plays the conversation, and takes
everything down again.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.options import JsonOption
from cli.output import print_json
from cli.terminal import Paint
from shared.errors import TextgateError

if TYPE_CHECKING:
    from cli.child import Child
    from cli.running import RunningUp
    from cli.transcript import Entry

LIMIT_S = 50.0
"""For everything but the take-down, which together stays below 60 s."""

_STOP_LIMIT_S = 8.0
_LOOK_AGAIN_S = 0.02
_LOG_LINES = 25
_STRANGER = "+12025550123"


class DemoError(TextgateError):
    """The demo cannot go on; the text names what is missing."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(short_help="Play a whole conversation here: no account, no key.")(demo)


def demo(as_json: JsonOption = False) -> None:
    """Play a whole conversation on this machine: pairing, a question, the answer in parts, delivery ticks.

    Needs no account, no key and no server; nothing leaves this machine, nothing is left behind. Exit status 0 if
    everything came true, 1 if anything is missing, which is then named.

    \b
    Example:  textgate demo
    Then:     textgate up --sandbox   the same gateway, for you to text
    --json:   {"ok", "missing", "seconds", "texts": [{"side", "kind", "body", "segments", "latencyMs", "status",
              "sid", "part", "parts"}]}
    """
    performance = Performance(quiet=as_json)
    missing = asyncio.run(performance.run())
    if as_json:
        print_json(performance.document(missing))
    else:
        performance.print_summary(missing)
    raise typer.Exit(1 if missing else 0)


class Performance:
    """One run of the demo: what was said, how long it took, what the gateway logged."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._paint = Paint.for_stdout()
        self._entries: list[Entry] = []
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._started = time.monotonic()
        self._seconds = 0.0

    async def run(self) -> str | None:
        """Play; what is missing, None if nothing is."""
        folder = Path(tempfile.mkdtemp(prefix="textgate-demo-"))
        try:
            async with asyncio.timeout(LIMIT_S + _STOP_LIMIT_S), self._gateway(folder) as running:
                async with asyncio.timeout(LIMIT_S - (time.monotonic() - self._started)):
                    await self._play(folder, running)
        except TimeoutError:
            return f"the end, within {LIMIT_S:g} s"
        except TextgateError as error:
            return str(error)
        finally:
            self._seconds = time.monotonic() - self._started
            shutil.rmtree(folder, ignore_errors=True)
        return None

    async def _play(self, folder: Path, running: "RunningUp") -> None:
        from cli.demo_play import Play
        from cli.options import Common
        from cli.sandbox_phone import SandboxPhone
        from cli.target import find_target
        from sandbox.config import DEFAULT_NUMBER

        self._print(f"The gateway is up after {time.monotonic() - self._started:.1f} s: {running.ingress_url}", "dim")
        self._print(f"Left: a phone, {_STRANGER}. Right: what {DEFAULT_NUMBER} answers.\n", "dim")
        target = find_target(Common(state_dir=folder))
        async with SandboxPhone(running.sandbox_url or "", number=_STRANGER, gateway=DEFAULT_NUMBER) as phone:
            await Play(phone, target, self._show).run()

    @contextlib.asynccontextmanager
    async def _gateway(self, folder: Path) -> "AsyncIterator[RunningUp]":
        """`textgate up --sandbox` as a child, ready for use; stopped when the block ends."""
        from cli.child import Child, ChildSpec
        from cli.lifeline import Lifeline
        from cli.sandbox_home import clean_environ

        words = ("up", "--sandbox", "--state-dir", str(folder), "--agent", "cli.demo_agent:reply")
        command = (sys.executable, "-P", "-m", "cli.main", *words)
        spec = ChildSpec(role="up", command=command, environ=clean_environ(os.environ), rank=0)
        lifeline = Lifeline()
        try:
            child = await Child.start(spec, lifeline, lambda _, line: self._log.append(line))
            ended = asyncio.create_task(child.wait())
            try:
                yield await self._ready(folder, ended)
            finally:
                child.ask_to_stop()
                status = await _end(child, ended)
            if status != 0:
                raise DemoError(f"a clean stop: `textgate up` ended with status {status}")
        finally:
            lifeline.close()

    async def _ready(self, folder: Path, ended: "asyncio.Task[int]") -> "RunningUp":
        from cli.running import find_running

        while not ended.done():
            running = find_running(folder)
            if running and running.ready:
                return running
            if time.monotonic() - self._started > LIMIT_S:
                raise DemoError(f"a gateway that is ready within {LIMIT_S:g} s")
            await asyncio.sleep(_LOOK_AGAIN_S)
        raise DemoError(f"a running gateway: `textgate up --sandbox` ended with status {ended.result()}")

    def _show(self, entry: "Entry") -> None:
        from cli.transcript import render

        self._entries.append(entry)
        for line in () if self._quiet else render(entry, self._paint):
            typer.echo(line, color=self._paint.enabled)

    def _print(self, text: str, *styles: str) -> None:
        if not self._quiet:
            typer.echo(self._paint(text, *styles), color=self._paint.enabled)

    def document(self, missing: str | None) -> dict[str, object]:
        """The result for programs."""
        return {
            "ok": missing is None,
            "missing": missing,
            "seconds": round(self._seconds, 2),
            "texts": [
                {
                    "side": entry.side.value,
                    "kind": entry.kind,
                    "body": entry.body,
                    "segments": entry.segments,
                    "latencyMs": entry.latency_ms,
                    "status": entry.status,
                    "sid": entry.sid,
                    "part": entry.part,
                    "parts": entry.parts,
                }
                for entry in self._entries
            ],
        }

    def print_summary(self, missing: str | None) -> None:
        """One line; after a failure also the end of the gateway's log."""
        answers = [entry for entry in self._entries if entry.sid and entry.latency_ms is not None]
        if missing is None:
            segments = sum(entry.segments for entry in answers)
            self._print(
                f"All there: {len(answers)} texts delivered in {segments} segments, paired and answered in "
                f"{self._seconds:.1f} s.",
                *("bold", "green"),
            )
            return
        for line in self._log:
            typer.echo(line, err=True)
        typer.echo(f"textgate: demo: missing: {missing}", err=True)


async def _end(child: "Child", ended: "asyncio.Task[int]") -> int:
    """The exit status; a gateway that does not leave in time is ended by force."""
    await asyncio.wait([ended], timeout=_STOP_LIMIT_S)
    child.kill()
    return await ended
