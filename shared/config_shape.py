"""From plain values to Structs: unknown keys, wrong types and values out of range become a `ConfigError` with its path.

Pure functions. Structs are walked key by key, since msgspec alone would name the first level of a map `[...]`; single
values are msgspec's business. No value is ever shown but a small number or a word where one of a few words belongs:
whatever stands in the wrong place may be a secret.
"""

import enum
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from shared.errors import ConfigError
from shared.secrets import Secret, SecretInput, SecretRef

S = TypeVar("S", bound=msgspec.Struct)

_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}")
_SHOWABLE_WORD = re.compile(r"[A-Za-z]{1,24}")
_SHOWABLE_NUMBER = 10_000_000
"""From eight digits on a number may be a phone number."""


def parse_section(raw: object, section: type[S], path: str = "") -> S:
    """Make a Struct of what the file says at `path`. Raises `ConfigError` for the first thing that is wrong."""
    if not isinstance(raw, Mapping):
        raise ConfigError(path or "configuration", found=_found(raw), expected="expected an object")
    fields = {field.encode_name: field for field in msgspec.structs.fields(section)}
    for key in raw:
        if key not in fields:
            raise ConfigError(join(path, key), found="unknown key", expected=_suggestion(key, list(fields)))
    hints = typing.get_type_hints(section, include_extras=True)
    values: dict[str, Any] = {}
    for key, field in fields.items():
        if key in raw:
            values[field.name] = parse_value(raw[key], hints[field.name], join(path, key))
        elif field.required:
            raise ConfigError(join(path, key), found="missing", expected=_expected(hints[field.name]))
    return section(**values)


def join(path: str, key: str) -> str:
    """Append a key to a path; a key that no path can hold as it is comes quoted and cut."""
    shown = key if _PLAIN_KEY.fullmatch(key) else f"[{key[:40]!a}]"
    if not path:
        return shown
    return f"{path}{shown}" if shown.startswith("[") else f"{path}.{shown}"


def closest(word: str, known: list[str]) -> str | None:
    """The known word that was probably meant."""
    from difflib import get_close_matches  # only after a mistake

    by_lower_case = {name.lower(): name for name in known}
    plain = word.lower().replace("_", "").replace("-", "")
    matches = get_close_matches(plain, by_lower_case, n=1, cutoff=0.75)
    return by_lower_case[matches[0]] if matches else None


def parse_value(raw: object, hint: Any, path: str) -> Any:
    """Make a value of the type `hint` of what the file says at `path`. Raises `ConfigError`."""
    kinds = _kinds(hint)
    if raw is None and type(None) in kinds:
        return None
    if SecretInput in kinds:
        return _parse_secret(raw, path)
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return parse_section(raw, kind, path)
        if typing.get_origin(kind) is dict and isinstance(raw, Mapping):
            inner = typing.get_args(kind)[1]
            return {key: parse_value(value, inner, join(path, key)) for key, value in raw.items()}
    try:
        return msgspec.convert(raw, hint)
    except msgspec.ValidationError as error:
        place = re.search(r"at `\$(.*)`$", str(error))
    inside = place[1] if place else ""
    found = _found(_at(raw, inside), words=any(_is_enum(kind) for kind in kinds))
    # Raised out here: msgspec's exception may quote the value and would hang on as the context.
    raise ConfigError(path + inside, found=found, expected=_expected(hint, raw))


def _parse_secret(raw: object, path: str) -> SecretInput:
    if isinstance(raw, Mapping):
        return SecretInput(parse_section(raw, SecretRef, path))
    if not isinstance(raw, str):
        raise ConfigError(path, found=_found(raw, numbers=False), expected="expected a string or a SecretRef")
    value = raw.strip()
    if not value:
        raise ConfigError(path, found="found an empty string", expected="expected a string or a SecretRef")
    return SecretInput(Secret(value))


def _kinds(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a type, without annotations: `Annotated[int, …] | None` gives int and NoneType."""
    if typing.get_origin(hint) is typing.Annotated:
        return _kinds(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return tuple(kind for part in typing.get_args(hint) for kind in _kinds(part))
    return (hint,)


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


def _at(raw: object, inside: str) -> object:
    """Follow msgspec's `[1][0]` into a list."""
    for index in re.findall(r"\[(\d+)\]", inside):
        raw = typing.cast("list[object]", raw)[int(index)]
    return raw


def _found(raw: object, *, words: bool = False, numbers: bool = True) -> str:
    match raw:
        case None:
            return "found null"
        case bool():
            return f"found {str(raw).lower()}"
        case int() | float() if numbers and abs(raw) < _SHOWABLE_NUMBER:
            return f"found {raw}"
        case int() | float():
            return "found a number"
        case str() if words and _SHOWABLE_WORD.fullmatch(raw):
            return f'found "{raw}"'
        case str():
            return "found a string" if raw else "found an empty string"
        case Mapping():
            return "found an object"
    return "found a list"


def _suggestion(key: str, known: list[str]) -> str:
    name = closest(key, known)
    return f"did you mean {name}?" if name else f"expected one of {', '.join(known)}"


def _expected(hint: Any, raw: object = None) -> str:
    """Say in words what a type takes, with its limits and, for one of a few words, what was probably meant."""
    options = [option.value for kind in _kinds(hint) if _is_enum(kind) for option in kind]
    guess = closest(raw, options) if isinstance(raw, str) and options else None
    return f"expected {' or '.join(_words(hint, {}))}" + (f"; did you mean {guess}?" if guess else "")


def _words(hint: Any, limits: dict[str, Any]) -> list[str]:
    """One phrase per alternative of a type; the limits of its annotations travel down to the plain type.

    An annotation with `extra={"expected": …}` says it better than the type can.
    """
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        notes = [note for note in parts[1:] if isinstance(note, msgspec.Meta)]
        for note in notes:
            if note.extra and "expected" in note.extra:
                return [str(note.extra["expected"])]
        own = {name: getattr(note, name) for note in notes for name in _LIMITS if getattr(note, name) is not None}
        return _words(parts[0], limits | own)
    if origin in (types.UnionType, typing.Union):
        return [words for part in parts if part is not msgspec.UnsetType for words in _words(part, limits)]
    if origin is tuple:
        return [f"a list ({' or '.join(_words(parts[0], {}))})"]
    if _is_enum(hint):
        return [f"one of {', '.join(option.value for option in hint)}"]
    if hint is str and limits.get("min_length"):
        return ["a non-empty string"]
    return [_NAMES.get(hint, "an object") + _limits(hint, limits)]


_LIMITS = ("ge", "gt", "le", "min_length")
_NAMES: dict[Any, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
    SecretInput: "a string or a SecretRef",
}


def _limits(kind: Any, limits: dict[str, Any]) -> str:
    if kind not in (int, float):
        return ""
    if "ge" in limits:
        return f" from {limits['ge']} to {limits['le']}"
    return f" above {limits['gt']} and up to {limits['le']}" if "gt" in limits else ""
