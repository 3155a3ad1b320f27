"""Lua scripts: each in its own file under `lua/`, loaded by name, called as a value.

A `Call` is one script with its keys and arguments, not yet sent: the caller decides whether it travels alone or
in a group (`group_commit.py`). The typed functions that make calls live beside their subject (`lanes.py`,
`admission.py`, ...). A script's header names what it includes: `-- include: jobs lanes` puts `lua/lib/jobs.lua`
and `lua/lib/lanes.lua` before it, of each what the script uses.
"""

import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

import msgspec

_INCLUDE = re.compile(r"^-- include: (.+)$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
_FUNCTION = re.compile(r"^local function (\w+)\(.*(?:end|\n(?:(?:[ \t].*)?\n)*end)\n", re.MULTILINE)
"""A function at the outermost level: it ends in its first line, or at the first `end` that is not indented."""


class Script(msgspec.Struct, frozen=True):
    """One Lua script with everything it includes."""

    name: str
    source: str
    sha: str


class Call(msgspec.Struct, frozen=True):
    """One script with its keys and arguments, ready to be sent as EVALSHA."""

    script: Script
    keys: tuple[str, ...]
    args: tuple[Any, ...]

    def command(self) -> tuple[Any, ...]:
        """The words of the Redis command."""
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)


@cache
def script(name: str) -> Script:
    """The script `lua/<name>.lua` with its includes. Raises FileNotFoundError for an unknown name."""
    folder = resources.files("shared") / "lua"
    body = (folder / f"{name}.lua").read_text()
    found = _INCLUDE.search(body)
    library = [(folder / "lib" / f"{part}.lua").read_text() for part in (found[1].split() if found else ())]
    # Comments stay in the repository: Redis keeps every script in memory and in its replication stream.
    source = _without_unused(_COMMENT.sub("", "\n".join([*library, body])))
    return Script(name, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


def all_scripts() -> tuple[Script, ...]:
    """Every script there is, by name; for loading ahead and for tests."""
    folder = resources.files("shared") / "lua"
    return tuple(
        script(entry.name.removesuffix(".lua"))
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name.endswith(".lua")
    )


def _without_unused(source: str) -> str:
    """The source without functions that nobody calls: Redis makes each function anew whenever the script runs."""
    for function in reversed(list(_FUNCTION.finditer(source))):  # callers stand behind what they call
        behind = source[function.end() :]
        if not re.search(rf"\b{function[1]}\b", behind):
            source = source[: function.start()] + behind
    return source
