"""Read a configuration file in order to change it, and put the changed one in its place in one step.

Nobody ever sees half a file: the new one is written beside the old one, reaches the disk, and takes its name; the
folder reaches the disk too. Refused, each with a `UsageError` and nothing written: a symbolic link (the file behind
it belongs to somebody else's order), a file that changed since it was read, another command that is writing.
"""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from shared.config_environment import CONFIG, home_folder, read_variable
from shared.config_file import MAX_FILE_BYTES, find_file
from shared.errors import UsageError

FILE_MODE = 0o600
NEW_FILE = b"// Textgate's settings. What each key means: docs/configuration.md, or `textgate config schema`.\n{\n}\n"
"""What a file that does not exist yet is taken to hold."""


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration file as it was read, or that there was none."""

    path: Path
    content: bytes | None
    """None: there is no file yet."""
    mode: int = FILE_MODE
    owner: int = -1
    """User id; -1: nobody's, since there is no file."""

    @property
    def text(self) -> bytes:
        """What to change."""
        return NEW_FILE if self.content is None else self.content


def file_to_change(config: Path | None, environ: Mapping[str, str]) -> Path:
    """Give the file that is read by default, or the one that would be: it need not exist."""
    named = config or (Path(path) if (path := read_variable(environ, CONFIG)) else None)
    found = named or find_file(None, environ)
    if found is not None:
        return found.absolute()
    home = home_folder(environ)
    return (home / ".config/textgate/textgate.json5" if home else Path("textgate.json5")).absolute()


def read_original(path: Path) -> Original:
    """Read a file that will be replaced. Raises `UsageError` for one that must not be."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe must not keep us waiting
    except FileNotFoundError:
        return Original(path=path, content=None)
    except OSError as error:
        if path.is_symlink():
            raise UsageError(
                f"{path} is a symbolic link and is not written through: name the file itself with --config "
                f"({path.resolve()})"
            ) from None
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise UsageError(f"{path} is no regular file: name one with --config")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(f"{path} is larger than 1 MiB: this cannot be a configuration file")
    return Original(path=path, content=content, mode=stat.S_IMODE(status.st_mode), owner=status.st_uid)


def replace_file(original: Original, content: bytes) -> None:
    """Put `content` where `original` was read, with mode 0600 and the same owner. Raises `UsageError`."""
    path = original.path
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.parent) as folder:
            if read_original(path) != original:
                raise UsageError(f"{path} was changed by somebody else meanwhile; nothing was written: try again")
            _replace(original, content)
            os.fsync(folder)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; it is as it was") from None


def _replace(original: Original, content: bytes) -> None:
    descriptor, fresh = tempfile.mkstemp(dir=original.path.parent, prefix=f".{original.path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, FILE_MODE)
            if original.owner not in (-1, os.geteuid()):
                # Under sudo the gateway's user must still be able to read its own file.
                os.fchown(descriptor, original.owner, -1)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        Path(fresh).replace(original.path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Keep other commands of ours out of the folder; the kernel frees the lock when we are gone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise UsageError(f"another command is changing a file in {folder}: try again in a moment") from None
    except BaseException:
        os.close(descriptor)
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)
