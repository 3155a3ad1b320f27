"""What answers one account, ready for use: one Struct per kind, put together, checked, its secrets resolved.

Two equal ones are one and the same agent: accounts that agree share its connections, and a reload that changes nothing
here leaves it alone.
"""

from pathlib import Path

import msgspec

from shared.secrets import Secret
from shared.settings_agent import CommandOutput


class EchoBackend(msgspec.Struct, frozen=True, kw_only=True):
    """Answers with the text itself."""


class PythonBackend(msgspec.Struct, frozen=True, kw_only=True):
    """Calls a function of the user's own."""

    callable: str
    path: Path
    """Absolute; appended to the import path."""


class OpenAiBackend(msgspec.Struct, frozen=True, kw_only=True):
    """Asks a chat-completions endpoint."""

    url: str
    """Of the endpoint itself."""
    model: str
    api_key: Secret | None = None
    system_prompt: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    vision: bool = False
    headers: tuple[tuple[str, Secret], ...] = ()


class HttpBackend(msgspec.Struct, frozen=True, kw_only=True):
    """Posts the turn to a web service."""

    url: str
    secret: Secret | None = None
    headers: tuple[tuple[str, Secret], ...] = ()
    answer_within_s: float


class CommandBackend(msgspec.Struct, frozen=True, kw_only=True):
    """Runs a program."""

    argv: tuple[str, ...]
    """The first is absolute."""
    path: Path
    """Absolute; the program's working directory."""
    output: CommandOutput
    env: tuple[tuple[str, Secret], ...]
    """Everything that it finds in its environment."""
    max_output_bytes: int
    memory_mb: int | None


Backend = EchoBackend | PythonBackend | OpenAiBackend | HttpBackend | CommandBackend
