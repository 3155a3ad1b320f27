"""The state folder: where `textgate up` keeps its data, and how only one process at a time owns a part of it.

A lock is an flock on an open file: the kernel drops it when the last process that holds the descriptor is gone,
so a lock can be neither forgotten by a crash nor confused by a process id that was given away again.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shared.errors import UsageError
from shared.settings_sections import StateSection


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """The folder that `state.dir` names by default, for commands that read no configuration."""
    folder = StateSection().dir
    home = environ.get("HOME") or str(Path.home())
    return Path(home, folder.removeprefix("~/"))


def make_private(folder: Path) -> Path:
    """Create `folder` (0700) if need be and return it. Raises UsageError if nothing can be written there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"cannot write to the state folder {folder}: {error.strerror}; choose another with --state-dir"
        ) from error
    return folder


def write_private(path: Path, text: str) -> None:
    """Replace `path` by a 0600 file in one step: a reader sees the old text or the new one, never half."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for one `textgate up`. Raises UsageError if another runs on it, or it cannot be written."""
    lock = try_lock(make_private(folder) / "up.lock")
    if lock is None:
        raise UsageError(f"`textgate up` already runs on {folder}: stop it, or choose another with --state-dir")
    try:
        yield
    finally:
        os.close(lock)


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock until it is closed everywhere; None if another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
