"""What a command line says instead of the file (`--port`, `--log-format`): it stays in force while the process runs.

So it is kept in the settings, and laid over them again after each reload: a file that did not change in what a process
was built on is then seen to be the same. Pure.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from shared.settings import Settings

Overrides = Mapping[str, Mapping[str, Any]]
"""By section of `Settings`: the fields that the command line names, each with its value."""


def with_overrides(settings: Settings, said: Overrides) -> Settings:
    """The settings with what the command line said beside those that it had said before. A None was not said."""
    known = {section: dict(fields) for section, fields in settings.overrides.items()}
    for section, fields in said.items():
        known[section] = known.get(section, {}) | {name: value for name, value in fields.items() if value is not None}
    sections = {section: msgspec.structs.replace(getattr(settings, section), **known[section]) for section in known}
    return msgspec.structs.replace(settings, overrides=known, **sections)
