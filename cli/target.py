"""Which gateway a command works on: the one that is configured, or the `textgate up` that runs on this machine.

Order: an explicit `--state-dir` means the `up` that runs there; else TEXTGATE_REDIS_URL or `redis.url`; else the `up`
of the state folder, or the `up --sandbox` inside it. No secret is needed but the address of Redis: a second terminal
need not know the auth token.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cli.options import Common
from cli.running import RunningUp, find_running
from shared.errors import ConfigError, UsageError
from shared.keys import Keys
from shared.secrets import Secret

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from shared.settings import Settings


NOT_FOUND = "no gateway found"
START_ONE = "start `textgate up` (or `textgate up --sandbox`) in another terminal, or set TEXTGATE_REDIS_URL"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway as commands see it."""

    redis_url: Secret
    prefix: str
    accounts: dict[str, bool]
    """Account id -> whether it is switched on."""
    default_account: str | None
    twilio_is_local: bool = False
    """A stand-in on this machine takes Twilio's place."""

    def chosen(self, account: str | None) -> list[str]:
        """The ids that a command is about: one account, or all. Raises UsageError for one that there is not."""
        return [self.account(account)] if account else list(self.accounts)

    def account(self, named: str | None) -> str:
        """The account that a command is about. Raises UsageError if there is none of that name, or none at all."""
        account = named or self.default_account
        known = ", ".join(self.accounts) or "none is configured"
        if account is None:
            raise UsageError("no account is configured: see `textgate config validate`")
        if account not in self.accounts:
            raise UsageError(f"there is no account {account}: choose one of {known}")
        return account


def find_target(common: Common) -> Target:
    """Raises UsageError if there is nothing to work on, ConfigError if the configuration is wrong."""
    from shared.settings import load_settings

    if common.state_dir is not None:
        running = find_running(common.state_dir)
        if running is None:
            raise UsageError(f"no `textgate up` runs on {common.state_dir}: start it, or leave out --state-dir")
        return _of_running(running)
    settings = load_settings(common.config, os.environ, secrets=False)
    running = find_running(settings.state_dir)
    if settings.redis.url is not None:
        shared = running is not None and running.redis_url is None and running.prefix == settings.redis.prefix
        if running is not None and shared and not settings.accounts:  # it was started with variables that are not here
            return _of_running(running)
        return _of_settings(settings, settings.redis.url)
    if running is None:
        raise UsageError(f"{NOT_FOUND}: {START_ONE}")
    return _of_running(running)


def needs_no_option(settings: "Settings", *, pid: int) -> bool:
    """Whether a command without options, typed where we are, works on the gateway `settings` that runs as `pid`."""
    from shared.settings import load_settings

    try:
        found = load_settings(None, os.environ, secrets=False)
    except ConfigError:
        return False
    if found.redis.url is not None:
        return found.redis == settings.redis
    running = find_running(found.state_dir)
    return running is not None and running.pid == pid


def _of_settings(settings: "Settings", url: Secret) -> Target:
    return Target(
        redis_url=url,
        prefix=settings.redis.prefix,
        accounts={account.id: account.enabled for account in settings.accounts.values()},
        default_account=settings.default_account_id,
        twilio_is_local=settings.twilio_api_base is not None,
    )


def _of_running(running: RunningUp) -> Target:
    return Target(
        redis_url=Secret(running.redis_url, origin="up.json") if running.redis_url else _configured_url(running.config),
        prefix=running.prefix,
        accounts={account.id: account.enabled for account in running.accounts},
        default_account=running.default_account,
        twilio_is_local=running.sandbox_url is not None,
    )


def _configured_url(config: str | None) -> Secret:
    from shared.settings import load_settings

    url = load_settings(Path(config) if config else None, os.environ, secrets=False).redis.url
    if url is None:
        raise UsageError("the running gateway uses a Redis of its own: set the same TEXTGATE_REDIS_URL here")
    return url


@asynccontextmanager
async def opened(target: Target) -> "AsyncIterator[tuple[Redis, Keys]]":
    """A client and the key names. Turns a Redis that is away into a UsageError; raises ConfigError for data of a
    version that we do not know."""
    from redis.exceptions import AuthenticationError, NoPermissionError

    from shared.data_version import refuse_unknown_data
    from shared.redis_away import describe_away
    from shared.redis_client import AWAY, connect

    redis, keys = connect(target.redis_url.reveal()), Keys(target.prefix)
    try:
        await refuse_unknown_data(redis, keys)
        yield redis, keys
    except (AuthenticationError, NoPermissionError) as error:
        raise UsageError("Redis refused us: check user, password and rights in TEXTGATE_REDIS_URL") from error
    except AWAY as error:
        raise UsageError(
            f"{describe_away(error, target.redis_url.reveal())}: start it, or correct TEXTGATE_REDIS_URL or redis.url"
        ) from error
    finally:
        await redis.aclose()
