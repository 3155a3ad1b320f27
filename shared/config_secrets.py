"""Follow SecretRefs: environment variables, files, commands. The only place that reads a secret.

A reference is followed once per load, however many accounts share it. Every failure is a `ConfigError` with the path
of the key and never with anything that was read.

`exec`, two ways. Without a provider the reference's `id` is the command itself; its stdout is the secret, and it
sees our whole environment. With an entry of `secrets.providers` the command is fixed there, sees only the variables
that `passEnv` names, gets `{"protocolVersion": 1, "provider": …, "ids": […]}` on stdin and answers
`{"protocolVersion": 1, "values": {id: secret}}`, the protocol of OpenClaw's exec providers; with `jsonOnly: false`
plain stdout is the secret.
"""

import enum
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, assert_never

import msgspec
from msgspec import Meta

from shared.config_environment import read_variable
from shared.config_exec import Command, CommandFailedError, run_command
from shared.config_secret_files import MAX_SECRET_BYTES, decode_text, pick_text, read_secret_file, secret_file
from shared.errors import ConfigError
from shared.secrets import Secret, SecretInput, SecretRef, SecretSource, describe_reference, split_command
from shared.settings_section import Section

EXEC_TIMEOUT_S = 5.0

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
_ABSOLUTE = re.compile(r"[/~].*")
_SHORTHAND = re.compile(r"\$(?:\{([A-Z][A-Z0-9_]{0,127})\}|([A-Z][A-Z0-9_]{0,127}))")


class FileMode(enum.StrEnum):
    """How a file provider's file is read."""

    JSON = "json"
    SINGLE_VALUE = "singleValue"


class SecretProvider(Section, frozen=True):
    """A named source of secrets that SecretRefs refer to by `provider`."""

    source: Annotated[SecretSource, Meta(description="`env`, `file` or `exec`; a SecretRef must say the same.")]
    path: Annotated[str | None, Meta(description="`file`: the absolute path of the file.")] = None
    mode: Annotated[
        FileMode,
        Meta(description="`file`: `json` (the `id` is a JSON pointer) or `singleValue` (the `id` is `value`)."),
    ] = FileMode.JSON
    command: Annotated[str | None, Meta(description="`exec`: the absolute path of the program.")] = None
    args: Annotated[tuple[str, ...], Meta(description="`exec`: its arguments.")] = ()
    pass_env: Annotated[tuple[str, ...], Meta(description="`exec`: the variables it may see; no others.")] = ()
    json_only: Annotated[
        bool, Meta(description="`exec`: it speaks the JSON protocol; false: its stdout is the secret.")
    ] = True
    timeout_ms: Annotated[int, Meta(ge=1, le=60_000, description="`exec`: its time limit in milliseconds.")] = 5_000
    max_output_bytes: Annotated[
        int, Meta(ge=1, le=1_048_576, description="`exec`: how much it may write to stdout.")
    ] = MAX_SECRET_BYTES


class SecretsSection(Section, frozen=True):
    """Where SecretRefs lead."""

    providers: Annotated[
        dict[str, SecretProvider], Meta(description="Sources by name; `env`, `file`, `exec` work without any.")
    ] = msgspec.field(default_factory=dict)


class SecretResolver:
    """Follows references for one load of the configuration, each of them once."""

    wants_everything = True
    """Whether what an account cannot work without must be there."""

    def __init__(self, *, environ: Mapping[str, str], providers: Mapping[str, SecretProvider]) -> None:
        self._environ = environ
        self._providers = providers
        self._known: dict[SecretRef, Secret] = {}
        self.files: set[Path] = set()
        """The files that were read; when one of them changes, so may a secret."""

    def resolve(self, given: SecretInput | None, *, path: str) -> Secret | None:
        """Give the secret that the key at `path` means, or None if it names none. Raises `ConfigError`."""
        if given is None:
            return None
        meant = _meant_by(given)
        return self._follow(meant, path) if isinstance(meant, SecretRef) else meant

    def _follow(self, reference: SecretRef, path: str) -> Secret:
        known = self._known.get(reference)
        if known is not None:
            return known
        provider = self._provider(reference, path)
        match reference.source:
            case SecretSource.ENV:
                value = _from_environment(reference.id, self._environ, path)
            case SecretSource.FILE:
                self.files.add(_file_of(reference, provider, self._environ))
                value = _from_file(reference, provider, self._environ, path)
            case SecretSource.EXEC:
                value = _from_command(reference, provider, self._environ, path)
            case _:
                assert_never(reference.source)
        value = value.strip()  # a blank that came along with copy and paste has locked many people out
        if not value or "\0" in value:
            raise ConfigError(
                path,
                found=f"{describe_reference(reference)} gives no secret",
                expected="expected a text that is not empty",
            )
        secret = Secret(value, origin=describe_reference(reference))
        self._known[reference] = secret
        return secret

    def _provider(self, reference: SecretRef, path: str) -> SecretProvider | None:
        """The configured provider; None for the built-in one, which is what `default` means unless it is defined."""
        provider = self._providers.get(reference.provider)
        if provider is not None and provider.source is reference.source:
            return provider
        if reference.provider == "default":
            return None
        if provider is None:
            raise ConfigError(
                f"{path}.provider",
                found="unknown provider",
                expected=f"define secrets.providers.{reference.provider}, or leave the provider out",
            )
        raise ConfigError(
            f"{path}.source",
            found=f"found {reference.source}",
            expected=f"expected {provider.source}, which is what secrets.providers.{reference.provider} is",
        )


class UnresolvedSecrets(SecretResolver):
    """Takes every secret for found, without looking: for commands that use none. What it gives is empty, and says
    where the secret would come from, unless what stands there may be the secret itself, put in the wrong place."""

    wants_everything = False

    def resolve(self, given: SecretInput | None, *, path: str) -> Secret | None:  # noqa: ARG002 - nothing can be wrong
        """Give an empty stand-in; None if no secret is named."""
        if given is None:
            return None
        meant = _meant_by(given)
        if isinstance(meant, Secret):
            return Secret("", origin=meant.origin)
        is_name = _VARIABLE if meant.source is SecretSource.ENV else _ABSOLUTE
        origin = describe_reference(meant) if is_name.fullmatch(meant.id) else f"{meant.source}, not looked up"
        return Secret("", origin=origin)


def _meant_by(given: SecretInput) -> Secret | SecretRef:
    """The secret that stands there itself, or the reference to it, which may be written in short: `${NAME}`."""
    if isinstance(given.source, SecretRef):
        return given.source
    shorthand = _SHORTHAND.fullmatch(given.source.reveal())
    if shorthand is None:
        return given.source
    return SecretRef(source=SecretSource.ENV, id=shorthand[1] or shorthand[2])


def _from_environment(name: str, environ: Mapping[str, str], path: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ConfigError(
            f"{path}.id",
            found="this is no name of a variable",
            expected="expected capital letters, digits and _, such as TWILIO_AUTH_TOKEN",
        )
    value = read_variable(environ, name)
    if value is None:
        raise ConfigError(
            path, found=f"the variable {name} is not set", expected="set it, or point the SecretRef elsewhere"
        )
    return value


def _from_file(reference: SecretRef, provider: SecretProvider | None, environ: Mapping[str, str], path: str) -> str:
    if provider is None:
        name, has_pointer, pointer = reference.id.partition("#")
        document = read_secret_file(name, environ, f"{path}.id")
        return pick_text(document, pointer, path) if has_pointer else decode_text(document, path)
    document = read_secret_file(provider.path or "", environ, f"secrets.providers.{reference.provider}.path")
    if provider.mode is FileMode.JSON:
        return pick_text(document, reference.id, path)
    return decode_text(document, path)


def _file_of(reference: SecretRef, provider: SecretProvider | None, environ: Mapping[str, str]) -> Path:
    name = reference.id.partition("#")[0] if provider is None else provider.path or ""
    return secret_file(name, environ)


def _from_command(reference: SecretRef, provider: SecretProvider | None, environ: Mapping[str, str], path: str) -> str:
    if provider is None:
        command = Command(
            argv=_absolute(split_command(reference.id), f"{path}.id"),
            environ=environ,
            timeout_s=EXEC_TIMEOUT_S,
            max_output_bytes=MAX_SECRET_BYTES,
        )
        return decode_text(_run(command, path), path)
    request = {"protocolVersion": 1, "provider": reference.provider, "ids": [reference.id]}
    command = Command(
        argv=_absolute([provider.command or "", *provider.args], f"secrets.providers.{reference.provider}.command"),
        environ={name: environ[name] for name in provider.pass_env if name in environ},
        stdin=msgspec.json.encode(request) if provider.json_only else b"",
        timeout_s=provider.timeout_ms / 1000,
        max_output_bytes=provider.max_output_bytes,
    )
    output = _run(command, path)
    return _answer(output, reference.id, path) if provider.json_only else decode_text(output, path)


def _absolute(argv: list[str], path: str) -> list[str]:
    if not argv or not Path(argv[0]).is_absolute():
        raise ConfigError(path, found="this is no absolute command", expected="expected one such as /usr/bin/pass")
    if not os.access(argv[0], os.X_OK):
        raise ConfigError(path, found=f"{argv[0]} cannot be run", expected="expected a program that this user may run")
    return argv


def _run(command: Command, path: str) -> bytes:
    try:
        return run_command(command)
    except CommandFailedError as error:
        raise ConfigError(path, found=str(error), expected="expected it to print the secret") from None


class _Answer(msgspec.Struct, frozen=True):
    values: dict[str, str] = {}


def _answer(output: bytes, reference_id: str, path: str) -> str:
    try:
        values = msgspec.json.decode(output, type=_Answer).values
    except (msgspec.DecodeError, RecursionError):
        raise ConfigError(
            path,
            found="the command's answer is not understood",
            expected='expected {"protocolVersion": 1, "values": {…}}',
        ) from None
    if reference_id not in values:
        raise ConfigError(path, found="the command knows no such secret", expected="expected an id that it knows")
    return values[reference_id]
