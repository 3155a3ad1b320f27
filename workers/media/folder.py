"""Private folders for the files of a turn: only this user reads them, and they are gone when the turn is over.

A turn holds a lock on its folder. A worker that was killed leaves the folder without one, and the next worker that
starts on this machine removes it. Folders are made and removed under a lock on their root.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path


def media_root() -> Path:
    """Where the folders lie: in the system's folder for temporary files, one root per user."""
    return Path(tempfile.gettempdir()) / f"textgate-media-{os.getuid()}"


@contextlib.contextmanager
def turn_folder() -> Iterator[Path]:
    """A new empty folder; it is removed with everything in it. Raises OSError if there is no private place for it."""
    root = media_root()
    with _locked_root(root):
        folder = Path(tempfile.mkdtemp(dir=root))
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def clean_up() -> int:
    """Remove what killed workers have left; how many folders that were. Raises OSError as `turn_folder`."""
    root = media_root()
    removed = 0
    with _locked_root(root):
        for folder in root.iterdir():
            removed += _remove_if_left(folder)
    return removed


def _remove_if_left(folder: Path) -> bool:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False  # its turn is under way
    else:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(lock)


@contextlib.contextmanager
def _locked_root(root: Path) -> Iterator[None]:
    root.mkdir(mode=0o700, exist_ok=True)
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{root} is not a folder of this user alone; remove it")
    lock = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
