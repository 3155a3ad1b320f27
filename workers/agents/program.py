"""Running one program within limits: its output, its memory, its time, and no process of its group left behind.

The time limit is the turn's: cancelled, or when the worker leaves, the whole group is killed at once. A program that
starts a session of its own escapes that, as everywhere.
"""

import asyncio
import contextlib
import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any, cast

import msgspec

from shared.agent_backends import CommandBackend
from shared.errors import PermanentError, TransientError

MAX_STDERR_BYTES = 8192
DRAIN_S = 1.0
"""How long pipes are read after the end, if something that escaped the group still holds them."""

_CHUNK_BYTES = 65_536
_LAUNCHER = Path(__file__).parent / "limited.py"
_FOREVER = {errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.E2BIG}
"""Reasons why a program cannot be started that waiting does not change."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended. `status` is negative for a signal; of stderr only the end is kept."""

    status: int
    stdout: bytes
    stderr: bytes


async def run_program(backend: CommandBackend, stdin: bytes) -> Ended:
    """Run it to its end. Raises PermanentError or TransientError if it cannot be started or says too much."""
    transport, ending = await _started(backend)
    stdout, stderr = _Kept(backend.max_output_bytes), _Kept(MAX_STDERR_BYTES)
    streams = ending.streams()
    feeding = asyncio.create_task(_feed(transport, ending, stdin))
    reading = asyncio.create_task(stdout.read(streams[0]))
    listening = asyncio.create_task(stderr.read_end(streams[1]))
    try:
        either: set[asyncio.Future[Any]] = {reading, ending.exited}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            await reading  # raises if it was too much
        status = await ending.exited
        _kill_group(transport.get_pid())  # what it started and left behind would keep the pipes open
        await asyncio.wait({reading, listening}, timeout=DRAIN_S)
        if reading.done():
            await reading
        return Ended(status=status, stdout=bytes(stdout.content), stderr=bytes(stderr.content))
    finally:
        _kill_group(transport.get_pid())
        tasks = (feeding, reading, listening)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, ending.exited, return_exceptions=True)
        transport.close()


class _Ending(asyncio.subprocess.SubprocessStreamProtocol):
    """Tells when the process itself has ended; `Process.wait` may wait for whoever holds its pipes, too."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(limit=_CHUNK_BYTES, loop=loop)
        self.exited: asyncio.Future[int] = loop.create_future()
        self._own: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._own = cast("asyncio.SubprocessTransport", transport)

    def process_exited(self) -> None:
        super().process_exited()
        assert self._own is not None  # noqa: S101 - it was made before it could end
        status = self._own.get_returncode()
        if not self.exited.done():
            self.exited.set_result(-signal.SIGKILL if status is None else status)

    def streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamReader]:
        """Stdout and stderr."""
        assert self.stdout is not None  # noqa: S101 - both are pipes
        assert self.stderr is not None  # noqa: S101
        return self.stdout, self.stderr


class _Kept:
    """What came out of a pipe so far."""

    def __init__(self, limit: int) -> None:
        self.content = bytearray()
        self._limit = limit

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Keep all of it. Raises PermanentError when it is too much."""
        while chunk := await stream.read(_CHUNK_BYTES):
            self.content += chunk
            if len(self.content) > self._limit:
                raise PermanentError(
                    f"the command wrote more than {self._limit} bytes",
                    code="agent-answer-too-large",
                    hint="make it say less, or raise agent.command.maxOutputBytes",
                )

    async def read_end(self, stream: asyncio.StreamReader) -> None:
        """Keep the end of it."""
        while chunk := await stream.read(_CHUNK_BYTES):
            self.content = (self.content + chunk)[-self._limit :]


async def _started(backend: CommandBackend) -> tuple[asyncio.SubprocessTransport, _Ending]:
    """Start it. Cancelled meanwhile, wait until it is there, or nobody would kill what it has started already."""
    starting = asyncio.create_task(_start(backend))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(PermanentError, TransientError):
            transport, ending = await starting
            _kill_group(transport.get_pid())
            await ending.exited
            transport.close()
        raise


async def _start(backend: CommandBackend) -> tuple[asyncio.SubprocessTransport, _Ending]:
    limit = backend.memory_mb
    # Not by preexec_fn: between fork and exec of a process with threads it may hang.
    launcher = () if limit is None else (sys.executable, "-I", "-S", str(_LAUNCHER), str(limit * 1024 * 1024))
    try:
        return await asyncio.get_running_loop().subprocess_exec(
            _Ending,
            *launcher,
            *backend.argv,
            cwd=backend.path,
            env={name: value.reveal() for name, value in backend.env},
            start_new_session=True,
        )
    except OSError as error:
        words = f"the command cannot be started: {error.strerror or type(error).__name__}"
        if error.errno in _FOREVER:
            raise PermanentError(words, code="agent-command", hint="check agent.command.argv and agent.path") from error
        raise TransientError(words, code="agent-command") from error


async def _feed(transport: asyncio.SubprocessTransport, ending: _Ending, content: bytes) -> None:
    """Write stdin; a program that does not want it is fine."""
    process = asyncio.subprocess.Process(transport, ending, asyncio.get_running_loop())
    assert process.stdin is not None  # noqa: S101 - a pipe
    with contextlib.suppress(OSError, RuntimeError):
        process.stdin.write(content)
        await process.stdin.drain()
    with contextlib.suppress(OSError, RuntimeError):
        process.stdin.close()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
