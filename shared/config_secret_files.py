"""Secrets and prompts in files: bounded reads, and the JSON pointer that picks a field. No error quotes a file."""

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from shared.config_environment import expand_home
from shared.errors import ConfigError

MAX_SECRET_BYTES = 65_536
"""No credential is longer; a wrong path to a log file must not end up in memory."""

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_BAD_ESCAPE = re.compile(r"~(?![01])")


CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The folder in which systemd (`LoadCredential=`) shows a unit its secrets; each unit has one of its own."""


def secret_file(name: str, environ: Mapping[str, str]) -> Path:
    """Where a secret lies: an absolute path, `~/…`, or `$CREDENTIALS_DIRECTORY/…`."""
    for start in (f"${CREDENTIALS}/", f"${{{CREDENTIALS}}}/"):
        if name.startswith(start) and environ.get(CREDENTIALS):
            return Path(environ[CREDENTIALS]) / name.removeprefix(start)
    return expand_home(name, environ)


def read_secret_file(name: str, environ: Mapping[str, str], path: str) -> bytes:
    """Read one; `path` is the key that errors name."""
    file = secret_file(name, environ)
    if not file.is_absolute():
        raise ConfigError(
            path,
            found="this is no absolute path",
            expected="expected a path such as /run/secrets/twilio",
        )
    return _read(file, path, MAX_SECRET_BYTES, "expected a file that holds the secret")


def read_text_file(file: Path, path: str, *, max_bytes: int) -> str:
    """Read a text that a setting refers to; `path` is the key that errors name. Raises `ConfigError`."""
    document = _read(file, path, max_bytes, "expected a file that holds text")
    with contextlib.suppress(UnicodeDecodeError):
        return document.decode("utf-8-sig")
    raise ConfigError(path, found=f"{file} is no UTF-8 text", expected="save the file as UTF-8")


def _read(file: Path, path: str, max_bytes: int, expected: str) -> bytes:
    try:
        # Kubernetes mounts secrets as symbolic links, so links are followed; a device or a pipe could never end.
        if file.exists() and not file.is_file():
            raise ConfigError(path, found=f"{file} is no regular file", expected=expected)
        with file.open("rb") as stream:
            document = stream.read(max_bytes + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(
            path, found=f"{file} cannot be read ({reason})", expected="expected a file that this user may read"
        ) from None
    if len(document) > max_bytes:
        raise ConfigError(path, found=f"{file} is too large", expected=f"expected at most {max_bytes} bytes")
    return document


def decode_text(document: bytes, path: str) -> str:
    """Read UTF-8, with or without a byte order mark."""
    with contextlib.suppress(UnicodeDecodeError):
        return document.decode("utf-8-sig")
    # Raised out here: a UnicodeDecodeError carries the whole document and would hang on as the context.
    raise ConfigError(path, found="the secret is no UTF-8 text", expected="expected text")


def pick_text(document: bytes, pointer: str, path: str) -> str:
    """Pick a text out of a JSON document. Source: RFC 6901; the empty pointer is the whole document."""
    try:
        value: Any = msgspec.json.decode(decode_text(document, path))
    except (msgspec.DecodeError, RecursionError):
        raise ConfigError(
            path, found="the file is no JSON", expected="expected JSON for a JSON pointer to pick from"
        ) from None
    if (pointer and not pointer.startswith("/")) or _BAD_ESCAPE.search(pointer):
        raise ConfigError(
            f"{path}.id",
            found="this is no JSON pointer",
            expected="expected one that starts with /, such as /twilio/token",
        )
    for raw in pointer.split("/")[1:]:
        value = _step(value, raw, path)
    if not isinstance(value, str):
        raise ConfigError(path, found="the JSON pointer leads to no text", expected="expected it to pick a string")
    return value


def _step(value: Any, raw: str, path: str) -> Any:
    name = raw.replace("~1", "/").replace("~0", "~")  # in this order, or ~01 would become a slash
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, list) and _ARRAY_INDEX.fullmatch(name) and int(name) < len(value):
        return value[int(name)]
    raise ConfigError(path, found="the JSON pointer leads nowhere", expected="expected it to pick a field that exists")
