"""The environment's part of the configuration: what a variable says about the default account and about Redis.

Pure: takes the mapping, gives values. A blank variable says nothing. The file wins wherever it says something, so a
variable is parsed only where it counts.
"""

import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from shared.config_shape import parse_value
from shared.errors import ConfigError
from shared.secrets import Secret, SecretInput
from shared.settings_channels import AccountSection

CONFIG = "TEXTGATE_CONFIG"
REDIS_URL = "TEXTGATE_REDIS_URL"
API_BASE = "TEXTGATE_TWILIO_API_BASE"

ACCOUNT_VARIABLES: dict[str, tuple[str, ...]] = {
    "account_sid": ("TWILIO_ACCOUNT_SID",),
    "auth_token": ("TWILIO_AUTH_TOKEN",),
    "from_number": ("TWILIO_PHONE_NUMBER", "TWILIO_SMS_FROM"),
    "messaging_service_sid": ("TWILIO_MESSAGING_SERVICE_SID",),
    "public_webhook_url": ("SMS_PUBLIC_WEBHOOK_URL",),
    "webhook_path": ("SMS_WEBHOOK_PATH",),
    "allow_from": ("SMS_ALLOWED_USERS",),
    "text_chunk_limit": ("SMS_TEXT_CHUNK_LIMIT",),
    "dangerously_disable_signature_validation": ("SMS_DANGEROUSLY_DISABLE_SIGNATURE_VALIDATION",),
}
"""The variables of the default account, by attribute; of several the first that is set counts."""

IDENTITY = ("account_sid", "auth_token", "from_number", "messaging_service_sid")
"""What makes an account; without any of these the environment describes none."""


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """One variable that is set; its name is the path that errors give."""

    name: str
    attribute: str
    text: str

    def parse(self) -> Any:
        """Give the value of the attribute, typed as the file would have it. Raises `ConfigError`."""
        match self.attribute:
            case "auth_token":
                return SecretInput(Secret(self.text, origin=f"env {self.name}"))
            case "allow_from":
                return tuple(entry.strip() for entry in self.text.split(",") if entry.strip())
            case "text_chunk_limit":
                raw = (
                    int(self.text) if self.text.isascii() and self.text.isdigit() and len(self.text) < 10 else self.text
                )
                return parse_value(raw, _HINTS[self.attribute], self.name)
            case "dangerously_disable_signature_validation":
                return parse_value({"true": True, "false": False}.get(self.text.lower(), self.text), bool, self.name)
        return self.text


_HINTS = typing.get_type_hints(AccountSection, include_extras=True)


def read_account_variables(environ: Mapping[str, str]) -> dict[str, Variable]:
    """Give the variables that say something about the default account, by attribute."""
    found: dict[str, Variable] = {}
    for attribute, names in ACCOUNT_VARIABLES.items():
        for name in names:
            text = read_variable(environ, name)
            if text is not None:
                found.setdefault(attribute, Variable(name=name, attribute=attribute, text=text))
    return found


def read_redis_url(environ: Mapping[str, str]) -> SecretInput | None:
    """Give the URL of the Redis to use, if a variable names one."""
    url = read_variable(environ, REDIS_URL)
    return SecretInput(Secret(url, origin=f"env {REDIS_URL}")) if url else None


def read_variable(environ: Mapping[str, str], name: str) -> str | None:
    """Give a variable without blanks around it; None if it is not set or blank. Raises `ConfigError` for no text."""
    text = environ.get(name, "").strip()
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:  # how Python shows bytes that are no UTF-8
            raise ConfigError(name, found="this is no UTF-8 text", expected="expected text") from None
    return text or None


def home_folder(environ: Mapping[str, str]) -> Path | None:
    """Whose `~/` it is; None for a process that has no home."""
    home = read_variable(environ, "HOME")
    if home is not None:
        return Path(home)
    try:
        return Path.home()
    except RuntimeError:
        return None


def expand_home(name: str, environ: Mapping[str, str]) -> Path:
    """Read `~/…` as the home folder; where there is no home, the path stays relative."""
    home = home_folder(environ) if name.startswith("~/") else None
    return Path(name) if home is None else home / name[2:]
