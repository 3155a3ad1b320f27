"""From the SMS section and the environment to accounts: merging, normalising, checking, resolving.

The base block is an account itself, named `default`, if there are no `accounts`, or if with the environment it names
an `accountSid` and a sender. `accounts.default` is that same account with more of its own. How blocks are laid over
each other is `shared/config_merge.py`.
"""

import typing
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from shared.config_environment import IDENTITY, Variable, read_account_variables
from shared.config_merge import TEXT, Block, Said, merge_blocks
from shared.config_quiet_hours import build_quiet_hours
from shared.config_rules import (
    AllowList,
    BadEntryError,
    check_account_id,
    check_policy,
    check_public_url,
    check_rcs_sender,
    check_time_zone,
    check_webhook_path,
    parse_allow_from,
    parse_block_from,
)
from shared.config_secrets import SecretResolver
from shared.config_shape import closest, join
from shared.config_warnings import warn_about_account, warn_about_accounts, warn_about_numbers
from shared.errors import ConfigError
from shared.keywords import check_stop_word
from shared.phone import Address, parse_e164
from shared.secrets import Secret
from shared.settings_account import Account
from shared.settings_channels import PhoneInput, SmsSection
from shared.settings_number_rules import OptOutSection
from shared.texts import TextKey, Texts, check_template, find_language

DEFAULT_ACCOUNT_ID = "default"
BASE_PATH = "channels.sms"

T = typing.TypeVar("T")


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts, the default one, and what deserves a warning."""

    by_id: dict[str, Account]
    default_id: str | None
    warnings: tuple[str, ...]


def build_accounts(
    sms: SmsSection | None,
    raw: Mapping[str, Any],
    *,
    environ: Mapping[str, str],
    resolver: SecretResolver,
    texts_of: Callable[[str], Mapping[TextKey, Said]] = lambda _: {},
) -> Accounts:
    """Make the accounts of the section `sms`, which was read from `raw`. Raises `ConfigError`.

    `texts_of`: words that the file has for an account outside of its texts.
    """
    variables = read_account_variables(environ)
    merged = _merge_all(sms, raw, variables)
    warnings: list[str] = []
    by_id: dict[str, Account] = {}
    for account_id, account_path, said in merged:
        account = _Builder(said, account_path, resolver, texts_of(account_id)).build(account_id)
        by_id[account_id] = account
        warnings += warn_about_account(account, account_path)
        warnings += warn_about_numbers(said) if account.enabled else ()
    _refuse_shared_paths(by_id, {account_id: account_path for account_id, account_path, _said in merged})
    default_id = _default_id(by_id, sms)
    warnings += warn_about_accounts(by_id, default_id)
    return Accounts(by_id=by_id, default_id=default_id, warnings=tuple(dict.fromkeys(warnings)))


def _merge_all(
    sms: SmsSection | None, raw: Mapping[str, Any], variables: Mapping[str, Variable]
) -> list[tuple[str, str, dict[str, Said]]]:
    """Give id, path and merged values of every account, `default` first if it is the base block itself."""
    base = Block(section=sms or SmsSection(), raw=raw, path=BASE_PATH)
    sections = sms.accounts if sms else {}
    merged: list[tuple[str, str, dict[str, Said]]] = []
    if DEFAULT_ACCOUNT_ID not in sections:
        said = merge_blocks([base], variables)
        if _is_an_account(said, beside=bool(sections), configured=sms is not None, variables=variables):
            merged.append((DEFAULT_ACCOUNT_ID, BASE_PATH, said))
    for account_id, section in sections.items():
        path = join(f"{BASE_PATH}.accounts", account_id)
        _check(check_account_id, Said(value=account_id, path=path))
        own = Block(section=section, raw=raw["accounts"][account_id], path=path)
        beneath = variables if account_id == DEFAULT_ACCOUNT_ID else {}
        merged.append((account_id, path, merge_blocks([own, base], beneath)))
    return merged


def _is_an_account(
    said: Mapping[str, Said], *, beside: bool, configured: bool, variables: Mapping[str, Variable]
) -> bool:
    if beside:
        return said["account_sid"].value is not None and (
            said["from_number"].value is not None or said["messaging_service_sid"].value is not None
        )
    return configured or any(name in variables for name in IDENTITY)


class _Builder:
    """Turns the merged values of one account into an `Account`."""

    def __init__(
        self, said: Mapping[str, Said], path: str, resolver: SecretResolver, texts: Mapping[TextKey, Said]
    ) -> None:
        self._said = said
        self._path = path
        self._resolver = resolver
        self._texts = texts
        self._enabled: bool = said["enabled"].value

    def build(self, account_id: str) -> Account:
        allowed = self._allowed()
        account = Account(
            id=account_id,
            name=self._plain("name") or "",
            enabled=self._enabled,
            account_sid=self._plain("account_sid") or "",
            auth_token=self._secret("auth_token"),
            auth_token_secondary=self._secret("auth_token_secondary"),
            webhook_signing_keys=self._signing_keys(),
            api_key_sid=self._plain("api_key_sid"),
            api_key_secret=self._secret("api_key_secret"),
            from_number=self._number("from_number"),
            messaging_service_sid=self._plain("messaging_service_sid"),
            rcs_sender=self._rcs_sender(),
            default_to=self._number("default_to"),
            public_webhook_url=self._url(),
            webhook_path=_check(check_webhook_path, self._said["webhook_path"]),
            dm_policy=self._plain("dm_policy"),
            allow_from=allowed.numbers,
            allow_all=allowed.everybody,
            dangerously_disable_signature_validation=self._plain("dangerously_disable_signature_validation"),
            text_chunk_limit=self._plain("text_chunk_limit"),
            media_max_mb=self._plain("media_max_mb"),
            rate_limits=self._plain("rate_limits"),
            block_from=self._blocked(),
            loop_guard=self._plain("loop_guard"),
            pairing_max_pending=self._plain("pairing_max_pending"),
            pairing_notify=self._number("pairing_notify"),
            segments_per_second=self._plain("segments_per_second"),
            account_segments_per_second=self._plain("account_segments_per_second"),
            daily_segment_cap=self._plain("daily_segment_cap"),
            time_zone=_check(check_time_zone, self._said["time_zone"]),
            smart_encoding=self._plain("smart_encoding"),
            opt_out=self._opt_out(),
            texts=self._texts_in_words(name=self._plain("name") or account_id),
            part_counters=self._plain("part_counters"),
            validity_s=self._plain("validity_s"),
            quiet_hours=build_quiet_hours(self._said["quiet_hours"].value, self._said["quiet_hours"].path),
        )
        if account.enabled and self._resolver.wants_everything:
            self._refuse_incomplete(account)
        return account

    def _plain(self, name: str) -> Any:
        value = self._said[name].value
        return value.strip() or None if type(value) is str else value  # an enum is left as it is

    def _secret(self, name: str) -> Secret | None:
        """A switched-off account must not stop a start because its secret is nowhere to be found."""
        said = self._said[name]
        return self._resolver.resolve(said.value, path=said.path) if self._enabled else None

    def _signing_keys(self) -> dict[str, Secret]:
        said = self._said["webhook_signing_keys"]
        if not self._enabled:
            return {}
        found = {
            key_id: self._resolver.resolve(given, path=join(said.path, key_id)) for key_id, given in said.value.items()
        }
        return {key_id: secret for key_id, secret in found.items() if secret is not None}

    def _number(self, name: str) -> Address | None:
        said = self._said[name]
        return None if said.value is None else _check(_number, said)

    def _rcs_sender(self) -> str | None:
        said = self._said["rcs_sender"]
        return None if said.value is None else _check(check_rcs_sender, said)

    def _url(self) -> str | None:
        url = Said(value=self._plain("public_webhook_url"), path=self._said["public_webhook_url"].path)
        return None if url.value is None else _check(check_public_url, url)

    def _opt_out(self) -> OptOutSection:
        said = self._said["opt_out"]
        section: OptOutSection = said.value
        words = tuple(
            _check(check_stop_word, Said(value=word, path=f"{said.path}.stopWords[{index}]"))
            for index, word in enumerate(section.stop_words)
        )
        return msgspec.structs.replace(section, stop_words=words)

    def _texts_in_words(self, *, name: str) -> Texts:
        said = {key: self._said[f"{TEXT}{key}"] for key in TextKey if f"{TEXT}{key}" in self._said}
        own = {**self._texts, **said}
        for key, text in own.items():
            if text.value is not None:
                _check(partial(check_template, key), text)
        language = _check(find_language, self._said["language"])
        return Texts(language=language, own={key: text.value for key, text in own.items()}, name=name)

    def _allowed(self) -> AllowList:
        said = self._said["allow_from"]
        try:
            allowed = parse_allow_from(said.value)
            check_policy(self._plain("dm_policy"), allowed)
        except BadEntryError as error:
            raise ConfigError(f"{said.path}[{error.index}]", found="wrong value", expected=str(error)) from None
        except ValueError as error:
            found = "wrong value" if said.value else "empty"
            whose = "" if said.path.startswith(f"{self._path}.") else f" (for {self._path})"
            raise ConfigError(said.path, found=found, expected=f"{error}{whose}") from None
        return allowed

    def _blocked(self) -> frozenset[Address]:
        said = self._said["block_from"]
        try:
            return parse_block_from(said.value)
        except BadEntryError as error:
            raise ConfigError(f"{said.path}[{error.index}]", found="wrong value", expected=str(error)) from None

    def _refuse_incomplete(self, account: Account) -> None:
        """Say the next step for what an account cannot work without."""
        missing = self._missing(account)
        if missing is not None:
            key, next_step = missing
            raise ConfigError(join(self._path, key), found="missing", expected=next_step)

    def _missing(self, account: Account) -> tuple[str, str] | None:
        switch_off = "or set enabled: false"
        is_default = account.id == DEFAULT_ACCOUNT_ID

        def variable(name: str) -> str:
            return f" or the variable {name}" if is_default else ""

        if not account.account_sid:
            return "accountSid", f"set it{variable('TWILIO_ACCOUNT_SID')}, {switch_off}"
        if account.api_key_sid is not None and account.api_key_secret is None:
            return "apiKeySecret", "set it, or remove apiKeySid"
        if account.api_key_secret is not None and account.api_key_sid is None:
            return "apiKeySid", "set it, or remove apiKeySecret"
        verifies = account.receives and not account.dangerously_disable_signature_validation
        if account.auth_token is None and (verifies or account.rest_credentials is None):
            return "authToken", f"set it{variable('TWILIO_AUTH_TOKEN')}, {switch_off}"
        if not account.sender:
            return "fromNumber", f"set it, messagingServiceSid{variable('TWILIO_PHONE_NUMBER')}, {switch_off}"
        return None


def _number(raw: PhoneInput) -> Address:
    return parse_e164(raw)


def _check(rule: Callable[[Any], T], said: Said) -> T:
    try:
        return rule(said.value)
    except ValueError as error:
        expected = str(error)
    # Raised out here, so that no exception of urllib's with the value in it hangs on as the context.
    raise ConfigError(said.path, found="wrong value", expected=expected)


def _refuse_shared_paths(accounts: Mapping[str, Account], paths: Mapping[str, str]) -> None:
    owners: dict[str, str] = {}
    for account in accounts.values():
        if not account.enabled:
            continue
        owner = owners.setdefault(account.webhook_path, account.id)
        if owner != account.id:
            raise ConfigError(
                join(paths[account.id], "webhookPath"),
                found=f"accounts {owner} and {account.id} both have {account.webhook_path}",
                expected="give each account a path of its own",
            )


def _default_id(accounts: Mapping[str, Account], sms: SmsSection | None) -> str | None:
    named = sms.default_account if sms else None
    if named is None:
        return DEFAULT_ACCOUNT_ID if DEFAULT_ACCOUNT_ID in accounts else next(iter(accounts), None)
    if named in accounts:
        return named
    guess = closest(named, list(accounts))
    known = f"expected one of {', '.join(accounts)}" if accounts else "there are no accounts"
    raise ConfigError(
        f"{BASE_PATH}.defaultAccount", found="no such account", expected=f"did you mean {guess}?" if guess else known
    )
