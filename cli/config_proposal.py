"""A change to the configuration file, worked out and checked before anything is written.

The result is loaded exactly as a start would load it, agents included.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from shared.config_edit import rewrite
from shared.config_edit_mask import show_diff
from shared.config_edit_write import FILE_MODE, Original, read_original, replace_file
from shared.config_file import RawConfig, parse_json5
from shared.errors import ConfigError
from shared.settings import Settings, settings_of
from workers.agents.load import load_agents

Change = Callable[[dict[str, Any]], dict[str, Any]]
"""Gives the wanted values for those that the file has."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a file would become, and that it is valid."""

    original: Original
    content: bytes
    settings: Settings
    """As a start would load them."""
    diff: list[str]
    """Fit to be shown."""

    @property
    def changes_something(self) -> bool:
        """Whether there is anything to write."""
        return self.content != self.original.content

    @property
    def narrows_access(self) -> bool:
        """Whether somebody who may read the file now will not."""
        return self.original.content is not None and bool(self.original.mode & 0o077)

    def write(self) -> None:
        """Put it in place. Raises `UsageError`, and then nothing has changed."""
        replace_file(self.original, self.content)


def propose(path: Path, change: Change, environ: Mapping[str, str]) -> Proposal:
    """Work a change out. Raises `ConfigError` if the result would not start, `UsageError` if it cannot be written."""
    original = read_original(path)
    name = str(path)
    wanted = change(parse_json5(original.text, name=name))
    content = rewrite(original.text, wanted, name=name)
    settings = _load(content, path, environ)
    return Proposal(
        original=original,
        content=content,
        settings=settings,
        diff=show_diff(original.content or b"{}", content, name=name),
    )


def _load(content: bytes, path: Path, environ: Mapping[str, str]) -> Settings:
    try:
        values = parse_json5(content, name=str(path))
        settings = settings_of(RawConfig(values=values, source=path.absolute(), mode=FILE_MODE), environ)
        load_agents(settings)
    except ConfigError as error:
        problem = error
    else:
        return settings
    raise ConfigError(problem.path, found=problem.found, expected=f"{problem.expected} (nothing was written)")
