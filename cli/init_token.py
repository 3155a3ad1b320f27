"""Where `textgate init` puts an auth token that was typed: a file of its own beside the configuration, mode 0600."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cli.state_dir import write_private
from shared.errors import UsageError
from shared.secrets import SecretRef, SecretSource

FILE_NAME = "twilio-auth-token"


@contextlib.contextmanager
def stored_token(token: str, config: Path) -> Iterator[SecretRef]:
    """Write the token and give the reference to it; if the rest fails, what was there before comes back."""
    file = config.parent / FILE_NAME
    if file.is_symlink():
        raise UsageError(f"{file} is a symbolic link: remove it, or name a file with --auth-token-file")
    try:
        config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = file.read_text(encoding="utf-8") if file.exists() else None
        write_private(file, f"{token}\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be written: {getattr(error, 'strerror', None) or 'no text file'}") from None
    try:
        yield SecretRef(source=SecretSource.FILE, id=str(file))
    except BaseException:
        if before is None:
            file.unlink(missing_ok=True)
        else:
            write_private(file, before)
        raise
