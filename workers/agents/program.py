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

import msgspec

from shared.agent_backends import CommandBackend
from shared.errors import PermanentError, TransientError

MAX_STDERR_BYTES = 8192
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
    process = await _start(backend)
    assert process.stdout is not None  # noqa: S101 - all three are pipes
    assert process.stderr is not None  # noqa: S101
    feeding = asyncio.create_task(_feed(process, stdin))
    reading = asyncio.create_task(_read(process.stdout, backend.max_output_bytes))
    listening = asyncio.create_task(_read_end(process.stderr))
    ending = asyncio.create_task(process.wait())
    try:
        await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            await reading  # raises if it was too much
            await ending
        _kill_group(process.pid)  # what it started and left behind would keep the pipes open
        return Ended(status=await ending, stdout=await reading, stderr=await listening)
    finally:
        _kill_group(process.pid)
        for task in (feeding, reading, listening):
            task.cancel()
        await asyncio.gather(feeding, reading, listening, ending, return_exceptions=True)


async def _start(backend: CommandBackend) -> asyncio.subprocess.Process:
    limit = backend.memory_mb
    # Not by preexec_fn: between fork and exec of a process with threads it may hang.
    launcher = () if limit is None else (sys.executable, "-I", "-S", str(_LAUNCHER), str(limit * 1024 * 1024))
    try:
        return await asyncio.create_subprocess_exec(
            *launcher,
            *backend.argv,
            cwd=backend.path,
            env={name: value.reveal() for name, value in backend.env},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        words = f"the command cannot be started: {error.strerror or type(error).__name__}"
        if error.errno in _FOREVER:
            raise PermanentError(words, code="agent-command", hint="check agent.command.argv and agent.path") from error
        raise TransientError(words, code="agent-command") from error


async def _feed(process: asyncio.subprocess.Process, content: bytes) -> bytes:
    """Write stdin; a program that does not want it is fine."""
    assert process.stdin is not None  # noqa: S101
    with contextlib.suppress(OSError, RuntimeError):
        process.stdin.write(content)
        await process.stdin.drain()
    with contextlib.suppress(OSError, RuntimeError):
        process.stdin.close()
    return b""


async def _read(stream: asyncio.StreamReader, limit: int) -> bytes:
    output = bytearray()
    while chunk := await stream.read(_CHUNK_BYTES):
        output += chunk
        if len(output) > limit:
            raise PermanentError(
                f"the command wrote more than {limit} bytes",
                code="agent-answer-too-large",
                hint="make it say less, or raise agent.command.maxOutputBytes",
            )
    return bytes(output)


async def _read_end(stream: asyncio.StreamReader) -> bytes:
    end = b""
    while chunk := await stream.read(_CHUNK_BYTES):
        end = (end + chunk)[-MAX_STDERR_BYTES:]
    return end


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
