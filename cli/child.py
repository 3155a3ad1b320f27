"""One process of the tree: started in its own group, its output read line by line, ended politely or by force."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable

import msgspec

from cli.lifeline import Lifeline

MAX_LINE_BYTES = 64 * 1024
"""A longer line of output is cut into several, so that a runaway child cannot fill our memory."""

OnLine = Callable[[str, str], None]
"""Gets the role and one line of output, without its end."""

_DRAIN_LIMIT_S = 1.0
"""How long output is still read after the process ended: a grandchild may hold the pipe open for ever."""


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What to start. `rank` orders the stop: all of a lower rank are gone before the next one is asked."""

    role: str
    command: tuple[str, ...]
    environ: dict[str, str]
    rank: int


class Child:
    """A running process. Make it with `Child.start`."""

    def __init__(
        self, spec: ChildSpec, process: asyncio.subprocess.Process, on_line: Callable[[str, str], None]
    ) -> None:
        self.spec = spec
        self.pid = process.pid
        self._process = process
        self._reader = asyncio.create_task(self._read(on_line))

    @classmethod
    async def start(cls, spec: ChildSpec, lifeline: Lifeline, on_line: OnLine) -> "Child":
        """Start the process; `on_line(role, line)` gets each line that it prints on stdout or stderr.

        Raises OSError if the program cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *spec.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**spec.environ, **lifeline.environ},
            pass_fds=lifeline.descriptors,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops its children in order
        )
        return cls(spec, process, on_line)

    async def wait(self) -> int:
        """The exit status, negative for a signal, once the process is gone and its last line was read."""
        status = await self._process.wait()
        await asyncio.wait([self._reader], timeout=_DRAIN_LIMIT_S)
        self._reader.cancel()
        return status

    def ask_to_stop(self) -> None:
        """SIGTERM: finish or hand back what is under way, then leave."""
        if self._process.returncode is None:
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL to the process and whatever it started."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def _read(self, on_line: OnLine) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe, see start
        async for line in _lines(self._process.stdout):
            on_line(self.spec.role, line)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    rest = b""
    while chunk := await stream.read(MAX_LINE_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            whole, rest = [*whole, rest], b""
        for line in whole:
            yield line.decode(errors="replace").rstrip("\r")
    if rest:
        yield rest.decode(errors="replace")
