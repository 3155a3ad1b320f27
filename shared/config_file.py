"""Find the configuration file and read it as plain values. Reads one file; decides nothing about its content.

JSON5 as pyjson5 reads it, minus what would hide a mistake: NaN and Infinity, a key written twice, more than 1 MiB,
more than 32 levels, anything that is not UTF-8. An error names file, line and column, and quotes nothing: the
file may hold secrets.
"""

import math
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from shared.config_duplicates import find_duplicate
from shared.config_environment import CONFIG, home_folder, read_variable
from shared.config_shape import join
from shared.errors import ConfigError

MAX_FILE_BYTES = 1_048_576
MAX_DEPTH = 32

_LOOK_FOR = "look there, and just before, for a missing quote, comma or bracket"
"""The line itself is not shown: it may hold a secret."""

_NEAR = re.compile(r"near (\d+)")


class RawConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says, before any of it is checked."""

    values: dict[str, Any]
    source: Path | None = None
    """Absolute path; None: there is no file."""
    mode: int = 0
    """Permission bits of the file."""


def load_file(config: Path | None, environ: Mapping[str, str]) -> RawConfig:
    """Read the file that `find_file` finds; no file reads as an empty one. Raises `ConfigError`."""
    file = find_file(config, environ)
    if file is None:
        return RawConfig(values={})
    content, mode = _read(file)
    return RawConfig(values=parse_json5(content, name=str(file)), source=file.absolute(), mode=mode)


def find_file(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Look where the file may be: `--config`, `$TEXTGATE_CONFIG`, `./textgate.json5`, `~/.config/textgate/`.

    The first two must exist: a typing mistake there must not start a gateway without its settings.
    """
    if config is not None:
        return _existing(config, "--config")
    named = read_variable(environ, CONFIG)
    if named is not None:
        return _existing(Path(named), CONFIG)
    home = home_folder(environ)
    candidates = [Path("textgate.json5"), *([home / ".config/textgate/textgate.json5"] if home else [])]
    return next((candidate for candidate in candidates if _exists(candidate)), None)


def parse_json5(content: bytes, *, name: str) -> dict[str, Any]:
    """Read JSON5 into plain values. `name` is what errors call the document. Raises `ConfigError`."""
    import pyjson5  # 36 ms that environment-only processes need not pay

    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(name, found="larger than 1 MiB", expected="expected a smaller file")
    text = _decode(content, name)
    problem: ConfigError
    try:
        values = pyjson5.decode(text, maxdepth=MAX_DEPTH)
    except pyjson5.Json5NestingTooDeep:
        problem = ConfigError(name, found=f"more than {MAX_DEPTH} levels deep", expected="expected a flatter file")
    except pyjson5.Json5DecoderException as error:
        problem = _syntax_error(str(error.args[0]), text, name)
    except ValueError:  # an integer of thousands of digits
        problem = ConfigError(name, found="a number that no setting can have", expected="expected JSON5")
    else:
        return _checked(values, text, name)
    # Raised out here: pyjson5's exception carries all that was read and would hang on as the context.
    raise problem


def _checked(values: Any, text: str, name: str) -> dict[str, Any]:
    """Refuse what JSON5 allows and no configuration should hold."""
    if not isinstance(values, dict):
        raise ConfigError(name, found="no object at the top", expected="expected { channels: { sms: { … } } }")
    duplicate = find_duplicate(text)
    if duplicate is not None:
        lines = f"written twice, in line {duplicate.first_line} and in line {duplicate.second_line}"
        raise ConfigError(duplicate.path, found=lines, expected="keep one of them")
    for path, value in _leaves(values, ""):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(path, found="found NaN or Infinity", expected="expected a finite number")
        if isinstance(value, str) and "\0" in value:
            raise ConfigError(path, found="found a NUL character", expected="expected text without one")
    return values


def _existing(file: Path, said_by: str) -> Path:
    if not _exists(file):
        raise ConfigError(said_by, found=f"{file} does not exist", expected="expected a configuration file")
    return file


def _exists(file: Path) -> bool:
    """A dangling link counts: someone meant it to be read."""
    try:
        return file.is_symlink() or file.exists()
    except OSError:
        return True  # reading it will say what is wrong


def _read(file: Path) -> tuple[bytes, int]:
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ConfigError(str(file), found="this is no regular file", expected="expected a JSON5 file")
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)  # one byte over is enough to refuse it
    except OSError as error:
        raise ConfigError(
            str(file), found=f"cannot be read ({error.strerror})", expected="expected a JSON5 file"
        ) from None
    return content, stat.S_IMODE(mode)


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    # Raised out here, like above: the exception carries the whole file.
    raise ConfigError(name, found=f"no UTF-8 text in line {line}", expected="save the file as UTF-8")


def _syntax_error(message: str, text: str, name: str) -> ConfigError:
    near = _NEAR.search(message)
    offset = max(0, int(near[1]) - 1) if near else 0
    before = text[:offset]
    line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
    if message.startswith("No JSON data"):
        return ConfigError(name, found="the file is empty", expected="expected { channels: { sms: { … } } }")
    if "NumericLiteral" in message:  # pyjson5 says "unclosed" of a number that it cannot hold
        return ConfigError(
            name, found=f"the number in line {line}, column {column} cannot be read", expected="expected JSON5"
        )
    if message.startswith("Unclosed"):
        kind = "".join(re.findall(r"b'(\w+)'", message)) or "value"
        return ConfigError(
            name,
            found=f"the {kind} that starts in line {line}, column {column} does not end",
            expected="expected JSON5",
        )
    return ConfigError(name, found=f"no JSON5 near line {line}, column {column}", expected=_LOOK_FOR)


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, join(path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    else:
        yield path, value
