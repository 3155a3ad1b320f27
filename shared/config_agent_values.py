"""The single values of a merged `agent` section: checked, read, resolved; an error names the block and the key.

Reads the file of a system prompt, looks for a program and a folder, follows SecretRefs through the resolver.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from shared.config_environment import expand_home
from shared.config_rules import check_callable, check_service_url, is_loopback_url
from shared.config_secret_files import read_text_file
from shared.config_secrets import SecretResolver
from shared.config_shape import join
from shared.errors import ConfigError
from shared.secrets import Secret, SecretInput
from shared.settings_agent import AgentSection

MAX_PROMPT_BYTES = 262_144
"""No model takes more than that beside a conversation."""

ALWAYS_PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""What a command always sees of our environment, as far as it is set; everything else may hold a secret."""

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_OURS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "idempotency-key"})
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class AgentSurroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the sections refer to."""

    values: Mapping[str, Any]
    """The file."""
    folder: Path
    """Its folder; without a file the working directory."""
    environ: Mapping[str, str]
    resolver: SecretResolver


class AgentValues:
    """One merged section; `path` is what errors name. Every method raises `ConfigError`."""

    def __init__(self, section: AgentSection, path: str, around: AgentSurroundings) -> None:
        self.section = section
        self.warnings: list[str] = []
        self._path = path
        self._around = around

    def check_callable(self) -> None:
        """Whatever the kind: a slip is found when it is made."""
        if self.section.callable is not None:
            self._checked("callable", check_callable, self.section.callable)

    def needed(self, key: str, given: str | None, what: str) -> str:
        """A key that this kind cannot do without."""
        if given is None:
            self._refuse(key, "missing", f"agent.kind is {self.section.kind.value}: set {what}")
        return given

    def url(self, key: str, given: str | None, what: str) -> str:
        """Where something listens; in the clear only on this machine, else with a warning."""
        url = self._checked(key, check_service_url, self.needed(key, given, what))
        if url.lower().startswith("http://") and not is_loopback_url(url):
            self.warnings.append(f"{self._path}.{key}: http, so texts travel in the clear; use https")
        return url

    def secret(self, key: str, given: SecretInput | None) -> Secret | None:
        """A credential."""
        return self._around.resolver.resolve(given, path=f"{self._path}.{key}")

    def headers(self, key: str, given: Mapping[str, SecretInput], *, taken: str) -> tuple[tuple[str, Secret], ...]:
        """Request headers, none of which we set ourselves (`taken` among them)."""
        for name in given:
            if not _HEADER_NAME.fullmatch(name):
                self._refuse(key, "found no name of a header", "expected one such as X-Tenant")
            if name.lower() in _OURS | {taken}:
                self._refuse(f"{key}.{name}", "this header is set already", "leave it out")
        headers = self._secrets(key, given)
        for name, value in headers:
            if not _HEADER_VALUE.fullmatch(value.reveal()):
                self._refuse(f"{key}.{name}", "wrong value", "expected printable ASCII")
        return headers

    def system_prompt(self) -> str | None:
        """The prompt itself, or what its file says."""
        given = self.section.openai
        if given.system_prompt_file is None:
            return given.system_prompt
        if given.system_prompt is not None:
            self._refuse("openai.systemPromptFile", "systemPrompt is set too", "keep one of them")
        file = self._around.folder / expand_home(given.system_prompt_file, self._around.environ)
        self._around.resolver.files.add(file)  # watched like a secret: a change counts at once
        prompt = read_text_file(file, f"{self._path}.openai.systemPromptFile", max_bytes=MAX_PROMPT_BYTES)
        return prompt.strip() or None

    def media_folder(self) -> Path | None:
        """The folder from which files may be sent. That it exists is looked at when one is: it may be mounted later."""
        given = self.section.media_folder
        if given is None:
            return None
        return (self._around.folder / expand_home(given, self._around.environ)).absolute()

    def folder(self) -> Path:
        """The folder of the user's code."""
        given = self.section.path
        folder = self._around.folder / expand_home(given, self._around.environ) if given else self._around.folder
        if not folder.is_dir():
            self._refuse("path", f"{folder} is no folder", "expected the folder of your code")
        return folder.absolute()

    def command_line(self, folder: Path) -> tuple[str, ...]:
        """Program and arguments; the program's path is absolute."""
        argv = self.section.command.argv
        if not argv:
            self._refuse("command.argv", "missing", 'agent.kind is command: set a list such as ["./my-agent", "-v"]')
        name = argv[0]
        if "/" in name:
            file = folder / expand_home(name, self._around.environ)
            found = str(file) if file.is_file() and os.access(file, os.X_OK) else None
        else:
            found = shutil.which(name, path=self._around.environ.get("PATH", os.defpath))
        if found is None:
            where = "" if "/" in name else " in PATH"
            self._refuse(
                "command.argv[0]", f"{name} cannot be run", f"expected a program{where} that this user may run"
            )
        return (str(Path(found).absolute()), *argv[1:])

    def variables(self) -> tuple[tuple[str, Secret], ...]:
        """The whole environment of a command."""
        given, environ = self.section.command, self._around.environ
        for key, names in (("command.passEnv", given.pass_env), ("command.env", given.env)):
            if not all(_VARIABLE.fullmatch(name) for name in names):
                self._refuse(key, "found no name of a variable", "expected letters, digits and _")
        passed = {
            name: Secret(environ[name], origin=f"env {name}")
            for name in (*ALWAYS_PASSED, *given.pass_env)
            if name in environ
        }
        return tuple(sorted({**passed, **dict(self._secrets("command.env", given.env))}.items()))

    def _secrets(self, key: str, given: Mapping[str, SecretInput]) -> tuple[tuple[str, Secret], ...]:
        found = (
            (name, self._around.resolver.resolve(value, path=join(f"{self._path}.{key}", name)))
            for name, value in sorted(given.items())
        )
        return tuple((name, secret) for name, secret in found if secret is not None)

    def _checked(self, key: str, rule: Callable[[str], str], value: str) -> str:
        try:
            return rule(value)
        except ValueError as error:
            expected = str(error)
        raise ConfigError(f"{self._path}.{key}", found="wrong value", expected=expected)  # out here: no context

    def _refuse(self, key: str, found: str, expected: str) -> NoReturn:
        raise ConfigError(f"{self._path}.{key}", found=found, expected=expected)
