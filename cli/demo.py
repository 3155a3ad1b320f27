"""`textgate demo`: a whole conversation in the terminal, through the same processes as in production.

It starts `textgate up --sandbox` on free ports with a state folder of its own, plays the conversation, and takes
everything down again.
"""

import asyncio
import shutil
import signal
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.options import JsonOption
from cli.output import print_json
from cli.terminal import Paint
from shared.errors import TextgateError

if TYPE_CHECKING:
    from cli.running import RunningUp
    from cli.transcript import Entry

START_LIMIT_S = 25.0
LIMIT_S = 50.0
"""For start and conversation; with the take-down it stays below 60 s."""

_LOG_LINES = 25
_STRANGER = "+12025550123"


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
    --json:   {"ok", "missing", "seconds", "texts": [{"side", "kind", "body",
              "segments", "latencyMs", "status", "sid", "part", "parts"}]}
    """
    performance = Performance(quiet=as_json)
    try:
        missing = asyncio.run(performance.run())
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None
    if as_json:
        print_json(performance.document(missing))
    elif not missing:
        performance.print_summary()
    if missing:
        performance.print_failure(missing)
    raise typer.Exit(1 if missing else 0)


class Performance:
    """One run of the demo: what was said, how long it took, what the gateway logged."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._paint = Paint.for_stdout()
        self._entries: list[Entry] = []
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._started = time.monotonic()

    async def run(self) -> str | None:
        """Play; what is missing, None if nothing is."""
        from cli.gateway_child import sandbox_gateway

        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        folder = Path(tempfile.mkdtemp(prefix="textgate-demo-"))
        agent = "cli.demo_agent:reply"
        try:
            async with sandbox_gateway(folder, agent=agent, on_line=self._log.append, limit_s=START_LIMIT_S) as gateway:
                async with asyncio.timeout(LIMIT_S - self._seconds):
                    await self._play(folder, gateway.running)
        except TimeoutError:
            return f"the end of the conversation within {LIMIT_S:g} s"
        except TextgateError as error:
            return str(error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return None

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._started

    async def _play(self, folder: Path, running: "RunningUp") -> None:
        from cli.demo_play import Play
        from cli.options import Common
        from cli.sandbox_phone import SandboxPhone
        from cli.target import find_target
        from sandbox.config import DEFAULT_NUMBER

        self._print(f"The gateway is up after {self._seconds:.1f} s: {running.ingress_url}", "dim")
        self._print(f"Left: a phone, {_STRANGER}. Right: what {DEFAULT_NUMBER} answers.\n", "dim")
        target = find_target(Common(state_dir=folder))
        async with SandboxPhone(running.sandbox_url or "", number=_STRANGER, gateway=DEFAULT_NUMBER) as phone:
            await Play(phone, target, self._show).run()

    def _show(self, entry: "Entry") -> None:
        from cli.transcript import render

        self._entries.append(entry)
        for line in render(entry, self._paint):
            self._print(line)

    def _print(self, text: str, *styles: str) -> None:
        if not self._quiet:
            typer.echo(self._paint(text, *styles), color=self._paint.enabled)

    def document(self, missing: str | None) -> dict[str, object]:
        """The result for programs."""
        return {
            "ok": missing is None,
            "missing": missing,
            "seconds": round(self._seconds, 2),
            "texts": [entry.as_json() for entry in self._entries],
        }

    def print_summary(self) -> None:
        """One line, after a success."""
        heard = [entry for entry in self._entries if entry.latency_ms is not None]
        segments = sum(entry.segments for entry in heard)
        self._print(
            f"All there: {len(heard)} texts delivered in {segments} segments; {self._seconds:.1f} s from start "
            "to clean stop.",
            *("bold", "green"),
        )

    def print_failure(self, missing: str) -> None:
        """What is missing, after the end of the gateway's log."""
        for line in self._log:
            typer.echo(line, err=True)
        typer.echo(f"textgate: demo: missing: {missing}", err=True)
