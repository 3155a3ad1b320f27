"""The callers of the API, ready for use: names and accounts checked, secrets resolved.

`shared/settings_sections.py` says what each key means. Reads the places that SecretRefs point at, through the resolver.
"""

import re

import msgspec

from shared.config_rules import check_account_id
from shared.config_secrets import SecretResolver
from shared.config_shape import join
from shared.errors import ConfigError
from shared.secrets import Secret
from shared.settings_sections import ApiScope, ApiSection, ApiTokenSection

_BEARER = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")
"""Source: RFC 6750, section 2.1, `b64token`; shorter ones could be guessed."""


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """One caller of the API."""

    name: str
    secret: Secret
    scopes: frozenset[ApiScope]
    accounts: frozenset[str] | None = None
    """None: all of them."""
    requests_per_minute: int = 0
    """0: any."""

    def may_use(self, account_id: str) -> bool:
        """Whether the account is one of the caller's."""
        return self.accounts is None or account_id in self.accounts


def build_tokens(section: ApiSection, *, resolver: SecretResolver, account_ids: frozenset[str]) -> tuple[ApiToken, ...]:
    """The callers in the order of the file. Raises `ConfigError`."""
    owners: dict[Secret, str] = {}
    tokens = []
    for name, entry in section.tokens.items():
        path = join("api.tokens", name)
        token = _build(name, entry, path, resolver, account_ids)
        if token.secret in owners:
            raise ConfigError(
                f"{path}.token", found=f"the same as that of {owners[token.secret]}", expected="expected one of its own"
            )
        owners[token.secret] = path
        tokens.append(token)
    return tuple(tokens)


def _build(
    name: str, entry: ApiTokenSection, path: str, resolver: SecretResolver, account_ids: frozenset[str]
) -> ApiToken:
    _check_name(name, path)
    _check_scopes(entry.scopes, path)
    _check_accounts(entry.accounts, path, account_ids)
    secret = resolver.resolve(entry.token, path=f"{path}.token")
    if secret is None or not _BEARER.fullmatch(secret.reveal()):
        raise ConfigError(
            f"{path}.token",
            found="wrong value",
            expected="expected at least 16 letters, digits and - . _ ~ + /, such as `openssl rand -hex 24` gives",
        )
    return ApiToken(
        name=name,
        secret=secret,
        scopes=frozenset(entry.scopes),
        accounts=None if entry.accounts is None else frozenset(entry.accounts),
        requests_per_minute=entry.requests_per_minute,
    )


def _check_name(name: str, path: str) -> None:
    try:
        check_account_id(name)  # it stands in a Redis key and in the log, like an account's id
    except ValueError as error:
        raise ConfigError(path, found="wrong name", expected=str(error)) from None


def _check_scopes(scopes: tuple[ApiScope, ...], path: str) -> None:
    if not scopes:
        raise ConfigError(
            f"{path}.scopes", found="found an empty list", expected=f"expected at least one of {', '.join(ApiScope)}"
        )


def _check_accounts(accounts: tuple[str, ...] | None, path: str, account_ids: frozenset[str]) -> None:
    if accounts == ():
        raise ConfigError(
            f"{path}.accounts",
            found="found an empty list",
            expected="expected at least one account, or leave it out for all of them",
        )
    for index, account_id in enumerate(accounts or ()):
        if account_id not in account_ids:
            raise ConfigError(
                f"{path}.accounts[{index}]",
                found="no such account",
                expected="expected one of channels.sms.accounts, or default",
            )
