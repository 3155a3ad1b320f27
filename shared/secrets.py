"""Secrets that cannot leak by accident: a value that prints as `***`, and the three ways to point at one.

Nothing here reads anything: resolving a reference is `shared/config_secrets.py`. A `Secret` gives its value only to
`reveal()`; it refuses pickling and every serialiser, so that it cannot reach Redis, a job, a trace or a log.
"""

import enum
import hmac
import shlex
from typing import Annotated, NoReturn, Self

import msgspec

MASK = "***"

PLAIN_TEXT = "plain text"
"""The origin of a secret that stands in the file itself."""


class Secret:
    """One secret value and where it came from; equal by value, the same object in every copy."""

    __slots__ = ("__value", "origin")

    origin: str
    """For people: `env TWILIO_AUTH_TOKEN`, `file /run/secrets/token`, `exec /usr/bin/pass`, `plain text`."""

    def __init__(self, value: str, *, origin: str = PLAIN_TEXT) -> None:
        object.__setattr__(self, "_Secret__value", value)
        object.__setattr__(self, "origin", origin)

    def reveal(self) -> str:
        """Give the value itself. Call it as late as possible and keep the result in no variable that lives on."""
        return self.__value  # type: ignore[attr-defined, no-any-return]

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash((Secret, self.reveal()))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never serialised")


class SecretSource(enum.StrEnum):
    """Where a SecretRef points."""

    ENV = "env"
    FILE = "file"
    EXEC = "exec"


class SecretRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pointer to a secret: `{source: "env", provider: "default", id: "TWILIO_AUTH_TOKEN"}`."""

    source: Annotated[
        SecretSource,
        msgspec.Meta(description="`env` reads a variable, `file` a file, `exec` the output of a command."),
    ]
    provider: Annotated[
        str,
        msgspec.Meta(
            pattern="^[a-z][a-z0-9_-]{0,63}$",
            extra={"expected": "a name of small letters, digits, - and _"},
            description="An entry of `secrets.providers`; `default` needs none.",
        ),
    ] = "default"
    id: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            description=(
                "`env`: the variable's name. `file`: an absolute path (`$CREDENTIALS_DIRECTORY/…` under systemd), "
                "`path#/json/pointer` picks a field. "
                '`exec`: an absolute command, with arguments as words or as a JSON list (`["/bin/cat", "/a b"]`). '
                "With a configured provider: what to ask it for."
            ),
        ),
    ]


class SecretInput:
    """What a configuration may write where a secret belongs: the text itself, or a `SecretRef`. Prints as `***`."""

    __slots__ = ("source",)

    def __init__(self, source: Secret | SecretRef) -> None:
        self.source = source

    def __repr__(self) -> str:
        return describe_origin(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretInput) and self.source == other.source

    def __hash__(self) -> int:
        return hash((SecretInput, self.source))


def describe_origin(secret: Secret | SecretRef | SecretInput | None) -> str:
    """Say where a secret comes from, for `config get`, `doctor` and the console: `*** (env TWILIO_AUTH_TOKEN)`."""
    if secret is None:
        return "not set"
    if isinstance(secret, SecretInput):
        return describe_origin(secret.source)
    origin = secret.origin if isinstance(secret, Secret) else describe_reference(secret)
    return f"{MASK} ({origin})"


def describe_reference(reference: SecretRef) -> str:
    """Name the source without its arguments: a command line may hold more than it should."""
    if reference.source is not SecretSource.EXEC or reference.provider != "default":
        name = reference.id if reference.provider == "default" else reference.provider
        return f"{reference.source} {name}"
    words = split_command(reference.id)
    return f"{reference.source} {words[0] if words else '?'}"


def split_command(text: str) -> list[str]:
    """Split an `exec` id into program and arguments: a JSON list as it stands, else shell-like words, no shell.

    An id that is neither gives an empty list.
    """
    try:
        words = _COMMAND.decode(text) if text.lstrip().startswith("[") else shlex.split(text)
    except ValueError:  # msgspec's errors are ValueErrors too
        return []
    return [] if any("\0" in word for word in words) else words


_COMMAND = msgspec.json.Decoder(list[str])
