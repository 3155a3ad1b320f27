"""The settings of a process: `load_settings()` finds, reads, checks and resolves them, or raises one `ConfigError`.

Reads the configuration file, the environment and the places that SecretRefs point at; writes nothing, imports nothing
heavy, opens no connection. The result is frozen: a reload makes a new one.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from shared.config_accounts import build_accounts
from shared.config_agent import attach_agents, plain_credentials
from shared.config_agent_merge import agent_blocks, texts_of_agent
from shared.config_agent_values import AgentSurroundings
from shared.config_environment import API_BASE, REDIS_URL, expand_home, read_redis_url, read_variable
from shared.config_file import RawConfig, load_file
from shared.config_rules import (
    check_api_base,
    check_network,
    check_redis_prefix,
    check_redis_url,
    check_service_url,
)
from shared.config_secrets import SecretResolver, SecretsSection, UnresolvedSecrets
from shared.config_shape import parse_section
from shared.errors import ConfigError
from shared.secrets import PLAIN_TEXT, Secret, SecretInput, SecretRef
from shared.settings_account import Account, QuietHours
from shared.settings_agent import AgentKind, AgentSection
from shared.settings_api import ApiToken, build_tokens
from shared.settings_channels import ChannelsSection, DmPolicy
from shared.settings_logs import LogsSection
from shared.settings_number_rules import RateLimits
from shared.settings_section import Section
from shared.settings_sections import (
    ApiScope,
    ApiSection,
    ConsoleSection,
    DeadLettersSection,
    Durability,
    IngressSection,
    MetricsSection,
    RedisSection,
    StateSection,
    WorkersSection,
)

__all__ = [
    "Account",
    "AgentKind",
    "AgentSection",
    "ApiScope",
    "ApiToken",
    "ConfigDocument",
    "DeadLettersSection",
    "DmPolicy",
    "Durability",
    "QuietHours",
    "RateLimits",
    "RedisSettings",
    "Settings",
    "check_api_base",
    "load_settings",
    "settings_of",
    "to_json_schema",
]


LIST_LAG_S = 5.0
"""How far Twilio's message list may lag behind, at least; part of how long a part stays in doubt."""


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The Redis to use; see `RedisSection` for what each setting means."""

    url: Secret | None = None
    """None: none is configured, and `textgate up` starts its own."""
    prefix: str = RedisSection().prefix
    wait_replicas: int = RedisSection().wait_replicas
    durability: Durability = RedisSection().durability


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is configured, ready for use."""

    accounts: dict[str, Account] = {}
    """By id, in the order of the file; those not enabled are here too."""
    default_account_id: str | None = None
    """The account used when none is named; None only when there is no account at all."""
    agent: AgentSection = AgentSection()
    """The section at the top; what is in force for an account is `Account.agent`."""
    redis: RedisSettings = RedisSettings()
    ingress: IngressSection = IngressSection()
    api_tokens: tuple[ApiToken, ...] = ()
    """Who may use the API; nobody: it is off."""
    workers: WorkersSection = WorkersSection()
    dead_letters: DeadLettersSection = DeadLettersSection()
    alarm_url: Secret | None = None
    """`workers.probe.alarmUrl`."""
    console: ConsoleSection = ConsoleSection()
    metrics: MetricsSection = MetricsSection()
    logs: LogsSection = LogsSection()
    state_dir: Path
    """Absolute; not created here."""
    twilio_api_base: str | None = None
    """`TEXTGATE_TWILIO_API_BASE`: a stand-in on this machine that gets every request meant for Twilio."""
    warnings: tuple[str, ...] = ()
    """What loads but deserves a look, each with the path of its key; show them at every start."""
    source: Path | None = None
    """The file that was read; None: environment only."""
    secret_files: frozenset[Path] = frozenset()
    """The files that secrets and prompts were read from."""
    overrides: dict[str, dict[str, Any]] = {}
    """What the command line said instead of the file; see `settings_overrides.py`."""

    @property
    def enabled_accounts(self) -> dict[str, Account]:
        """The accounts that are switched on."""
        return {account_id: account for account_id, account in self.accounts.items() if account.enabled}

    def agent_of(self, account_id: str) -> AgentSection:
        """The `agent` section that is in force for an account; of one that was removed, the section at the top."""
        account = self.accounts.get(account_id)
        return self.agent if account is None else account.agent

    @property
    def agent_label(self) -> str:
        """What answers, for people; account by account where they differ."""
        labels = {account_id: account.agent.label for account_id, account in self.enabled_accounts.items()}
        if len(set(labels.values())) > 1:
            return "; ".join(f"{account_id}: {label}" for account_id, label in labels.items())
        return next(iter(labels.values()), self.agent.label)


class ConfigDocument(Section, frozen=True):
    """The configuration file as a whole."""

    schema_url: Annotated[str | None, Meta(description="The JSON Schema, for editors; not read.")] = msgspec.field(
        default=None, name="$schema"
    )
    channels: Annotated[ChannelsSection, Meta(description="The channels.")] = ChannelsSection()
    agent: Annotated[AgentSection, Meta(description="What answers.")] = AgentSection()
    redis: Annotated[RedisSection, Meta(description="Where everything is kept.")] = RedisSection()
    ingress: Annotated[IngressSection, Meta(description="The public web server.")] = IngressSection()
    api: Annotated[ApiSection, Meta(description="`/v1` on the ingress, for programs that send.")] = ApiSection()
    workers: Annotated[WorkersSection, Meta(description="The workers, kind by kind.")] = WorkersSection()
    dead_letters: Annotated[DeadLettersSection, Meta(description="How long what was given up is kept.")] = (
        DeadLettersSection()
    )
    console: Annotated[ConsoleSection, Meta(description="The operator's web app.")] = ConsoleSection()
    metrics: Annotated[MetricsSection, Meta(description="Prometheus metrics.")] = MetricsSection()
    logs: Annotated[LogsSection, Meta(description="What each process says.")] = LogsSection()
    state: Annotated[StateSection, Meta(description="Files of a single-machine set-up.")] = StateSection()
    secrets: Annotated[SecretsSection, Meta(description="Where SecretRefs lead.")] = SecretsSection()


def load_settings(
    config: Path | None = None, environ: Mapping[str, str] = os.environ, *, secrets: bool = True
) -> Settings:
    """Load everything: the file (or none), the environment, the secrets. Raises `ConfigError`, exit status 78.

    `secrets=False` is for who uses none, perhaps where they are not at hand: of them only `redis.url` is resolved, the
    others are empty and say where they would come from, API tokens are left out, and an account may be incomplete.
    """
    return settings_of(load_file(config, environ), environ, secrets=secrets)


def settings_of(raw: RawConfig, environ: Mapping[str, str], *, secrets: bool = True) -> Settings:
    """The same from what a file says, or will say: paths in it start from `raw.source`, which need not exist yet."""
    document = parse_section(raw.values, ConfigDocument)
    redis_resolver = SecretResolver(environ=environ, providers=document.secrets.providers)
    resolver = redis_resolver if secrets else UnresolvedSecrets(environ=environ, providers={})
    accounts = build_accounts(
        document.channels.sms,
        (raw.values.get("channels") or {}).get("sms") or {},
        environ=environ,
        resolver=resolver,
        texts_of=lambda account_id: texts_of_agent(agent_blocks(raw.values, account_id)),
    )
    account_ids = frozenset(accounts.by_id)
    api_tokens = build_tokens(document.api, resolver=resolver, account_ids=account_ids) if secrets else ()
    folder = raw.source.parent if raw.source else Path.cwd()
    around = AgentSurroundings(values=raw.values, folder=folder, environ=environ, resolver=resolver)
    answered = attach_agents(accounts.by_id, around)
    return Settings(
        accounts=answered.accounts,
        default_account_id=accounts.default_id,
        agent=document.agent,
        redis=_resolve_redis(document.redis, environ, redis_resolver),
        ingress=_checked_ingress(document.ingress),
        api_tokens=api_tokens,
        workers=_checked_workers(document.workers),
        dead_letters=document.dead_letters,
        alarm_url=_resolve_alarm_url(document.workers, resolver) if secrets else None,
        console=document.console,
        metrics=document.metrics,
        logs=document.logs,
        state_dir=_absolute(document.state.dir, environ),
        twilio_api_base=_api_base(environ),
        warnings=(
            *accounts.warnings,
            *answered.warnings,
            *_warn_about_file(raw, answered.accounts, api_tokens),
        ),
        source=raw.source,
        secret_files=frozenset(resolver.files),
    )


def to_json_schema() -> dict[str, Any]:
    """Describe the configuration file as JSON Schema 2020-12, with the description and default of every key."""
    schema = msgspec.json.schema(ConfigDocument, schema_hook=_secret_schema)
    reference = msgspec.json.schema(SecretRef)
    schema["$defs"] |= reference["$defs"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Textgate"} | schema


def _secret_schema(kind: type) -> dict[str, Any]:
    if kind is not SecretInput:
        raise NotImplementedError
    return {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/SecretRef"}]}


def _checked_workers(workers: WorkersSection) -> WorkersSection:
    least = workers.lease_s + workers.outbound.request_timeout_s + LIST_LAG_S
    if workers.outbound.in_doubt_s < least:
        raise ConfigError(
            "workers.outbound.inDoubtSeconds",
            found=f"found {workers.outbound.in_doubt_s:g}",
            expected=f"expected at least {least:g}: leaseSeconds + requestTimeoutSeconds + {LIST_LAG_S:g}",
        )
    return workers


def _resolve_alarm_url(workers: WorkersSection, resolver: SecretResolver) -> Secret | None:
    path = "workers.probe.alarmUrl"
    url = resolver.resolve(workers.probe.alarm_url, path=path)
    if url is not None:
        _check(path, check_service_url, url.reveal())
    return url


def _checked_ingress(ingress: IngressSection) -> IngressSection:
    networks = tuple(
        _check(f"ingress.trustedProxies[{index}]", check_network, network)
        for index, network in enumerate(ingress.trusted_proxies)
    )
    return msgspec.structs.replace(ingress, trusted_proxies=networks)


def _resolve_redis(section: RedisSection, environ: Mapping[str, str], resolver: SecretResolver) -> RedisSettings:
    path = "redis.url" if section.url is not None else REDIS_URL
    url = resolver.resolve(section.url or read_redis_url(environ), path=path)
    if url is not None:
        _check(path, check_redis_url, url.reveal())
    return RedisSettings(
        url=url,
        prefix=_check("redis.prefix", check_redis_prefix, section.prefix),
        wait_replicas=section.wait_replicas,
        durability=section.durability,
    )


def _api_base(environ: Mapping[str, str]) -> str | None:
    url = read_variable(environ, API_BASE)
    return _check(API_BASE, check_api_base, url) if url else None


def _absolute(folder: str, environ: Mapping[str, str]) -> Path:
    return expand_home(folder, environ).absolute()


def _check(path: str, rule: Callable[[str], str], value: str) -> str:
    try:
        return rule(value)
    except ValueError as error:
        expected = str(error)
    raise ConfigError(path, found="wrong value", expected=expected)  # out here: no context that holds the value


def _warn_about_file(
    raw: RawConfig, accounts: Mapping[str, Account], api_tokens: tuple[ApiToken, ...]
) -> Iterator[str]:
    secrets = [token.secret for token in api_tokens if token.secret.origin == PLAIN_TEXT]
    secrets += [
        secret
        for account in accounts.values()
        for secret in (
            account.auth_token,
            account.auth_token_secondary,
            account.api_key_secret,
            *plain_credentials(account.backend),
            *account.webhook_signing_keys.values(),
        )
        if secret is not None and secret.origin == PLAIN_TEXT
    ]
    if secrets and raw.mode & 0o004:
        yield f"{raw.source}: holds a secret in plain text and every user here may read it; chmod 600"
