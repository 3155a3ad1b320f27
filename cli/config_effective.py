"""The settings as `textgate config get` shows them: the keys of the file, the values that are in force. Pure.

`channels.sms` shows the account that the base block is, environment included; if it only serves as a base for other
accounts, its own values. A secret is `***` and where it came from, never the secret.
"""

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from shared.config_edit_keys import split_path, unknown_key
from shared.errors import UsageError
from shared.secrets import MASK, Secret, SecretInput, describe_origin
from shared.settings import Account, ConfigDocument, Settings
from shared.settings_channels import AccountSection, SmsSection
from shared.texts import TextKey, Texts

_DEFAULT = "default"


def effective_values(document: ConfigDocument, settings: Settings) -> dict[str, Any]:
    """Give every key with its value; what is not set is None."""
    shown: dict[str, Any] = {
        field.encode_name: _shown(getattr(document, field.name)) for field in msgspec.structs.fields(ConfigDocument)
    }
    shown["channels"] = {"sms": _sms(document.channels.sms or SmsSection(), settings)}
    shown["agent"] = _shown(settings.agent) | {"apology": _apology(settings)}
    shown["ingress"] = _shown(settings.ingress)
    shown["redis"] = {
        field.encode_name: _shown(getattr(settings.redis, field.name))
        for field in msgspec.structs.fields(type(document.redis))
    }
    shown["state"] = _shown(document.state) | {"dir": str(settings.state_dir)}
    for provider in shown["secrets"]["providers"].values():
        provider["args"] = [MASK for _ in provider["args"]]  # a command line may hold more than it should
    return shown


def look_up(values: Mapping[str, Any], path: str) -> Any:
    """Give the value at a path. Raises `UsageError` for a key that does not exist."""
    value: Any = values
    keys = split_path(path)
    for index, key in enumerate(keys):
        if not isinstance(value, Mapping) or key not in value:
            known = list(value) if isinstance(value, Mapping) else []
            if keys[:index] == ["channels", "sms", "accounts"]:
                raise _unknown_account(key, known)
            raise unknown_key(".".join(keys[:index]), key, known)
        value = value[key]
    return value


def _unknown_account(account_id: str, known: list[str]) -> UsageError:
    if account_id == _DEFAULT:
        return UsageError("the account default is channels.sms itself: textgate config get channels.sms")
    return UsageError(f"there is no account {account_id[:40]}: choose one of {', '.join(['default', *known])}")


def _sms(section: SmsSection, settings: Settings) -> dict[str, Any]:
    is_account = _DEFAULT in settings.accounts and _DEFAULT not in section.accounts
    base = settings.accounts[_DEFAULT] if is_account else section
    return _account(base) | {
        "accounts": {account_id: _account(settings.accounts[account_id]) for account_id in section.accounts},
        "defaultAccount": settings.default_account_id,
    }


def _account(account: Account | AccountSection) -> dict[str, Any]:
    shown = {
        field.encode_name: _shown(getattr(account, field.name)) for field in msgspec.structs.fields(AccountSection)
    }
    if isinstance(account, Account):
        shown |= {key: shown[key] or None for key in ("name", "accountSid")}
        shown["texts"] = {key.value: account.texts.template(key) for key in TextKey}
        shown["allowFrom"] = [*(["*"] if account.allow_all else []), *shown["allowFrom"]]
    return shown


def _apology(settings: Settings) -> str | None:
    """The words of the account that is used when none is named, unless the file has words for all."""
    if settings.agent.apology is not msgspec.UNSET:
        return settings.agent.apology
    account = settings.accounts.get(settings.default_account_id or "")
    return (account.texts if account else Texts()).template(TextKey.APOLOGY)


def _shown(value: Any) -> Any:
    if isinstance(value, (Secret, SecretInput)):
        return describe_origin(value)
    if isinstance(value, msgspec.Struct):
        values = {field.encode_name: getattr(value, field.name) for field in msgspec.structs.fields(value)}
        return {key: _shown(each) for key, each in values.items() if each is not msgspec.UNSET}
    if isinstance(value, Mapping):
        return {str(key): _shown(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(_shown, value))
    if isinstance(value, (list, tuple)):
        return [_shown(each) for each in value]
    if isinstance(value, enum.Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value
