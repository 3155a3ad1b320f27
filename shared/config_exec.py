"""Run one command for its output: no shell, a time limit, an output limit, its whole process group ended after.

Starts a process; nothing else. What the command writes to stderr is dropped: it may hold what nobody should see.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

import msgspec

_CHUNK_BYTES = 65_536


class CommandFailedError(Exception):
    """The command gave no usable output; the text says why, without any of its output."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What to run and how far to trust it."""

    argv: Sequence[str]
    environ: Mapping[str, str]
    stdin: bytes = b""
    timeout_s: float
    max_output_bytes: int


def run_command(command: Command) -> bytes:
    """Return what the command wrote to stdout. Raises `CommandFailedError`."""
    try:
        process = subprocess.Popen(  # noqa: S603 - an absolute program from the owner's file, never a shell
            command.argv,
            env=dict(command.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "an argument no program can take"
        raise CommandFailedError(f"the command cannot be started ({reason})") from None
    deadline = time.monotonic() + command.timeout_s
    try:
        output = _converse(process, command, deadline)
        status = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _too_slow(command) from None
    finally:
        _end(process)
    if status != 0:
        raise CommandFailedError(f"the command ended with status {status}")
    return output


def _converse(process: subprocess.Popen[bytes], command: Command, deadline: float) -> bytes:
    """Feed stdin and collect stdout until it is closed, both without ever blocking past the deadline."""
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    pending = memoryview(command.stdin)
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if pending:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
        else:
            process.stdin.close()
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise _too_slow(command)
            for key, _events in selector.select(left_s):
                if key.fileobj is process.stdin:
                    pending = _feed(process.stdin.fileno(), pending)
                    if not pending:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                chunk = os.read(process.stdout.fileno(), _CHUNK_BYTES)
                if not chunk:
                    return bytes(output)
                output += chunk
                if len(output) > command.max_output_bytes:
                    raise CommandFailedError(f"the command wrote more than {command.max_output_bytes} bytes")


def _feed(descriptor: int, pending: memoryview) -> memoryview:
    """Write what fits; a command that does not want its stdin is fine."""
    try:
        return pending[os.write(descriptor, pending) :]
    except BlockingIOError:
        return pending
    except OSError:
        return memoryview(b"")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind: not the process, not its children, not our ends of the pipes."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()


def _too_slow(command: Command) -> CommandFailedError:
    return CommandFailedError(f"the command was not done after {command.timeout_s:g} s")
