"""Where a unix socket can lie: kernels take about 100 bytes of path, state folders may be longer.

The folder itself is always ours alone (0700), so the socket needs no other protection.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from shared.errors import UsageError

MAX_PATH_BYTES = 100
"""The kernels' limits are 108 (Linux) and 104 (macOS) bytes with the closing zero."""

_NAME = "redis.sock"
_SHORT = "textgate-"


def choose_socket(folder: Path, environ: Mapping[str, str]) -> Path:
    """The socket's path: in `folder`, else in a short private folder under `$XDG_RUNTIME_DIR` or the temporary one."""
    inside = folder / _NAME
    if _fits(inside):
        return inside
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and (path := _in_runtime_dir(Path(runtime), folder)):
        return path
    for root in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes a fresh 0700 folder
        path = Path(root) / f"{_SHORT}12345678" / _NAME
        if _fits(path):
            return Path(tempfile.mkdtemp(prefix=_SHORT, dir=root)) / _NAME
    raise UsageError(f"no folder is short enough for a socket: {folder}; choose a shorter one with --state-dir")


def remove_socket(path: Path) -> None:
    """Remove the socket, and the short folder if one was made for it."""
    path.unlink(missing_ok=True)
    if path.parent.name.startswith(_SHORT):
        path.parent.rmdir()


def _in_runtime_dir(runtime: Path, folder: Path) -> Path | None:
    """`$XDG_RUNTIME_DIR` is private to its user by definition; None if it cannot be used after all."""
    name = _SHORT + hashlib.blake2b(os.fsencode(folder), digest_size=4).hexdigest()
    path = runtime / name / _NAME
    if not _fits(path):
        return None
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        return None
    return path


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) < MAX_PATH_BYTES
