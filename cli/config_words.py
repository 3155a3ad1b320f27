"""What people write after `config set` and `config patch`: a value, a path, a patch file. Pure, but for the reading."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.inspect import Type

from shared.config_edit_keys import is_secret, takes_text
from shared.config_file import MAX_FILE_BYTES, parse_json5
from shared.errors import ConfigError, UsageError

_MUST_BE_JSON5 = ("{", "[", '"', "'")


def parse_value(text: str, kind: Type) -> Any:
    """Read a value as JSON5, else as text; a number is text too where the key takes text (`+15551234567`).

    Raises `UsageError` for what starts like JSON5 and is none: a slip must not become a value.
    """
    try:
        content = f"{{value: {text}\n}}".encode()
    except UnicodeEncodeError:
        raise UsageError("VALUE is no UTF-8 text") from None
    try:
        document = parse_json5(content, name="VALUE")
    except ConfigError:
        document = {}
    if document.keys() != {"value"}:
        if text.lstrip().startswith(_MUST_BE_JSON5):
            raise UsageError("VALUE starts like JSON5 but is none: check the quotes and brackets")
        return text
    value = document["value"]
    return text if isinstance(value, (bool, int, float)) and takes_text(kind) else value


def assign(values: Mapping[str, Any], keys: list[str], value: Any) -> dict[str, Any]:
    """Put a value at a path; objects on the way are made where there are none."""
    key, *rest = keys
    if not rest:
        return {**values, key: value}
    inner = values.get(key)
    return {**values, key: assign(inner if isinstance(inner, Mapping) else {}, rest, value)}


def is_plain_secret(value: Any, kind: Type) -> bool:
    """Whether a secret itself was given where a reference is better."""
    return is_secret(kind) and isinstance(value, str) and not value.startswith("$")


def read_patch(name: str) -> dict[str, Any]:
    """Read a patch from a file, or from stdin for `-`. Raises `UsageError` or `ConfigError`."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no file name"
        raise UsageError(f"--file: {name} cannot be read: {reason}") from None
    if len(content) > MAX_FILE_BYTES:
        raise UsageError("--file: larger than 1 MiB: this cannot be a patch")
    return parse_json5(content, name="the patch" if name == "-" else name)
