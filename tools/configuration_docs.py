"""Write docs/configuration.md: the prose of tools/configuration_template.md, and tables made from the Structs.

    .venv/bin/python -m tools.configuration_docs

A line `{{ channels.sms }}` in the template becomes the table of that section, `{{ secretRef }}` that of a SecretRef.
A test fails while the file differs from what this gives.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect
from msgspec.inspect import Type

from shared.config_edit_keys import alternatives, find_type, is_secret
from shared.config_environment import ACCOUNT_VARIABLES, REDIS_URL
from shared.secrets import SecretRef
from shared.settings_agent import AgentSection
from shared.settings_channels import AccountSection

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "tools/configuration_template.md"
TARGET = ROOT / "docs/configuration.md"

_PLACE = re.compile(r"^\{\{ (\S+) \}\}$", re.MULTILINE)
_HEADING = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n"
_NAMES: dict[type[Type], str] = {
    inspect.BoolType: "boolean",
    inspect.StrType: "string",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.NoneType: "null",
}


def render() -> str:
    """Give the whole document."""
    return _PLACE.sub(lambda place: _table(place[1]), TEMPLATE.read_text(encoding="utf-8"))


def _table(path: str) -> str:
    if path == "secretRef":
        return _HEADING + "\n".join(_rows(inspect.type_info(SecretRef), ""))
    return _HEADING + "\n".join(_rows(find_type(path), path))


def _rows(kind: Type, path: str) -> Iterator[str]:
    """One row per key; the keys of a section inside follow in the same table, those of further accounts do not."""
    for struct in alternatives(kind):
        if not isinstance(struct, inspect.StructType):
            continue
        for field in struct.fields:
            place = f"{path}.{field.encode_name}" if path else field.encode_name
            inner = _section(field.type)
            if inner is not None and not _has_a_table(inner, place):
                yield from _rows(inner, place)
                continue
            yield _row(struct, field, place)
            entry = _entry(field.type)
            if entry is not None:
                yield from _rows(entry, f"{place}.<name>")


def _section(kind: Type) -> Type | None:
    return next((option for option in alternatives(kind) if isinstance(option, inspect.StructType)), None)


def _has_a_table(section: Type, place: str) -> bool:
    """Whether its keys are shown elsewhere: the `agent` of an account has those of the section at the top."""
    return isinstance(section, inspect.StructType) and section.cls is AgentSection and place != "agent"


def _entry(kind: Type) -> Type | None:
    """What a map holds, if its keys are not in the table already."""
    for option in alternatives(kind):
        inner = _section(option.value_type) if isinstance(option, inspect.DictType) else None
        if isinstance(inner, inspect.StructType) and inner.cls is not AccountSection:
            return inner
    return None


def _row(struct: inspect.StructType, field: inspect.Field, place: str) -> str:
    meaning = " ".join([_meaning(field.type), *_variables(struct, field.name)]).strip()
    cells = (f"`{place}`", _words(field.type), _default(field), meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _meaning(kind: Type) -> str:
    schema = kind.extra_json_schema if isinstance(kind, inspect.Metadata) else None
    return str((schema or {}).get("description", ""))


def _variables(struct: inspect.StructType, attribute: str) -> Iterator[str]:
    """Name the environment variables of a key; those of a phone number speak for the default account only."""
    names: tuple[str, ...] = ()
    if issubclass(struct.cls, AccountSection):
        names = ACCOUNT_VARIABLES.get(attribute, ())
    elif struct.cls.__name__ == "RedisSection" and attribute == "url":
        names = (REDIS_URL,)
    if names:
        yield f"Variable: {', else '.join(f'`{name}`' for name in names)}."


def _default(field: inspect.Field) -> str:
    if field.required:
        return "required"
    factory: Any = field.default_factory
    value = field.default if factory is msgspec.NODEFAULT else factory()
    return (
        "unset"
        if value in (None, msgspec.NODEFAULT)
        else f"`{json.dumps(msgspec.to_builtins(value), ensure_ascii=False)}`"
    )


def _words(kind: Type) -> str:
    """A type in words; null is left out, since it means the same as leaving the key out."""
    return " or ".join(dict.fromkeys(word for word in _each(kind) if word != "null"))


def _each(kind: Type) -> Iterator[str]:
    if isinstance(kind, inspect.Metadata):
        if kind.extra and "expected" in kind.extra:
            yield str(kind.extra["expected"]).removeprefix("a ")
            return
        yield from _each(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for option in kind.types:
            yield from _each(option)
    elif isinstance(kind, inspect.EnumType):
        yield from (f"`{option.value}`" for option in kind.cls)
    elif isinstance(kind, inspect.VarTupleType):
        yield f"list ({_words(kind.item_type)})"
    elif isinstance(kind, inspect.DictType):
        yield f"object: name → {_words(kind.value_type)}"
    elif isinstance(kind, inspect.StructType):
        yield "object"
    elif is_secret(kind):
        yield "string or [SecretRef](#secrets)"
    else:
        yield _NAMES[type(kind)] + _limits(kind)


def _limits(kind: Type) -> str:
    if not isinstance(kind, (inspect.IntType, inspect.FloatType)) or kind.le is None:
        return ""
    lowest = f"{kind.ge}" if kind.ge is not None else f"above {kind.gt}"
    return f", {lowest} to {kind.le}"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
