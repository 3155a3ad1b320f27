"""The keys of the configuration as a tree of types, for commands that are given a path. Pure.

A path is keys joined by dots, as the errors write it: `channels.sms.accounts.support.dmPolicy`.
"""

import msgspec
from msgspec import inspect
from msgspec.inspect import Type

from shared.config_shape import closest
from shared.errors import ConfigError, UsageError
from shared.secrets import SecretInput

_TEXT = (inspect.StrType, inspect.EnumType)


def whole_document() -> Type:
    """The type of the file itself."""
    from shared.settings import ConfigDocument

    return inspect.type_info(ConfigDocument)


def split_path(path: str) -> list[str]:
    """Take a path apart. Raises `UsageError` for one that has an empty part or an index."""
    if "[" in path:
        raise UsageError(f"{path.partition('[')[0]}: a list is shown and set as a whole; leave the [ ] out")
    keys = path.split(".")
    if not all(keys):
        raise UsageError("this is no path of a key: write one such as channels.sms.dmPolicy")
    return keys


def find_type(path: str) -> Type:
    """Give the type of the key at a path. Raises `ConfigError` for a key that does not exist: with it the file would be
    wrong; `UsageError` for what is no path."""
    kind = whole_document()
    keys = split_path(path)
    for index, key in enumerate(keys):
        inner = step(kind, key)
        if inner is None:
            place, found, expected = _describe_unknown(".".join(keys[:index]), key, known_keys(kind))
            raise ConfigError(place, found=found, expected=expected)
        kind = inner
    return kind


def step(kind: Type | None, key: str) -> Type | None:
    """Give the type of a key inside a type; None if there is no such key."""
    for option in alternatives(kind):
        if isinstance(option, inspect.StructType):
            return next((field.type for field in option.fields if field.encode_name == key), None)
        if isinstance(option, inspect.DictType):
            return option.value_type
        if is_secret(option):
            return step(inspect.type_info(_reference()), key)
    return None


def alternatives(kind: Type | None) -> list[Type]:
    """Give what a type may be, without annotations: `Annotated[int, …] | None` is int and None."""
    if isinstance(kind, inspect.Metadata):
        return alternatives(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [option for part in kind.types for option in alternatives(part)]
    return [] if kind is None else [kind]


def is_secret(kind: Type | None) -> bool:
    """Whether a secret belongs there."""
    return any(isinstance(option, inspect.CustomType) and option.cls is SecretInput for option in alternatives(kind))


def takes_text(kind: Type) -> bool:
    """Whether a bare word or number on a command line means text there: `+15551234567`, a token of digits."""
    return is_secret(kind) or any(isinstance(option, _TEXT) for option in alternatives(kind))


def known_keys(kind: Type) -> list[str]:
    """Give the keys that a type has; none for one that has no keys, or any."""
    return [
        field.encode_name
        for option in alternatives(kind)
        if isinstance(option, inspect.StructType)
        for field in option.fields
    ]


def unknown_key(path: str, key: str, known: list[str]) -> UsageError:
    """Say to who asked for it that there is no such key, and which one was probably meant."""
    return UsageError("{}: {}; {}".format(*_describe_unknown(path, key, known)))


def _describe_unknown(path: str, key: str, known: list[str]) -> tuple[str, str, str]:
    """Its full path, what is wrong with it, and what may stand there."""
    place = f"{path}.{key[:40]}" if path else key[:40]
    if not known:
        return place, "there is no such key", f"{path} holds no keys"
    guess = closest(key, known)
    if guess is None:
        return place, "unknown key", f"one of {', '.join(known)}"
    return place, "unknown key", f"did you mean {guess}?{f' Write {path}.{guess}' if path else ''}"


def _reference() -> type[msgspec.Struct]:
    from shared.secrets import SecretRef

    return SecretRef
