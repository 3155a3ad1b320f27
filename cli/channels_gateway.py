"""The gateway that a command looks at, with its whole configuration, also when nothing of it runs.

`cli/target.py` finds enough to work on a gateway and refuses if there is none; here an absent one is an answer. The
order is the same: an explicit `--state-dir`; the configured Redis; the `up` that runs on this machine.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cli.options import Common
from cli.running import RunningUp, find_running
from cli.target import NOT_FOUND, START_ONE, Target, find_target
from shared.errors import ConfigError

if TYPE_CHECKING:
    from shared.settings import Settings


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration, and what of it can be reached from here."""

    settings: "Settings"
    target: Target | None
    """None: there is no Redis to ask; `absence` says why."""
    running: RunningUp | None
    """The `up` on this machine, if that is how it runs."""
    absence: str = ""
    remedy: str = ""
    """What to do about it."""
    blind: ConfigError | None = None
    """Why the gateway could not be started from here: a secret is not at hand, or an account incomplete. Its settings
    are here without secrets. None: all is there."""

    @property
    def trouble(self) -> str:
        """Why there is no Redis to ask, and what to do, as one line of an error."""
        return f"{self.absence}: {self.remedy}" if self.absence else ""

    def need_secrets(self) -> None:
        """For what asks Twilio in the account's name. Raises ConfigError if the secrets could not be read."""
        if self.blind is not None:
            raise self.blind


def find_gateway(common: Common) -> Gateway:
    """Raises ConfigError if the file is wrong, UsageError if nothing runs on an explicit `--state-dir`."""
    if common.state_dir is not None:
        target = find_target(common)
        running = find_running(common.state_dir)
        settings, blind = _settings_of(running) if running else _load(common.config, os.environ)
        return Gateway(settings=settings, target=target, running=running, blind=blind)
    settings, blind = _load(common.config, os.environ)
    running = find_running(settings.state_dir)
    if settings.redis.url is not None:
        shared = running is not None and running.redis_url is None and running.prefix == settings.redis.prefix
        return Gateway(settings=settings, target=_target(settings), running=running if shared else None, blind=blind)
    if running is None:
        return Gateway(settings=settings, target=None, running=None, absence=NOT_FOUND, remedy=START_ONE, blind=blind)
    if common.config is not None and not _is_of(running, settings.source):
        absence = f"the `textgate up` that runs here uses another configuration, {running.config or 'environment only'}"
        remedy = "leave out --config, or start one with it"
        return Gateway(settings=settings, target=None, running=None, absence=absence, remedy=remedy, blind=blind)
    target = find_target(Common(state_dir=settings.state_dir))
    if not _is_of(running, settings.source):
        settings, blind = _settings_of(running)
    return Gateway(settings=settings, target=target, running=running, blind=blind)


def _is_of(running: RunningUp, source: Path | None) -> bool:
    if running.config is None or source is None:
        return running.config is None and source is None
    return Path(running.config).absolute() == source.absolute()


def _settings_of(running: RunningUp) -> "tuple[Settings, ConfigError | None]":
    from cli.sandbox_home import clean_environ

    environ = clean_environ(os.environ) if running.sandbox_url else os.environ
    settings, blind = _load(Path(running.config) if running.config else None, environ)
    return msgspec.structs.replace(settings, twilio_api_base=running.sandbox_url or settings.twilio_api_base), blind


def _load(config: Path | None, environ: Mapping[str, str]) -> "tuple[Settings, ConfigError | None]":
    """With every secret; without them, and why, if one is not at hand: the rest can be shown all the same. Raises
    ConfigError."""
    from shared.settings import load_settings

    try:
        return load_settings(config, environ), None
    except ConfigError as error:
        return load_settings(config, environ, secrets=False), error


def _target(settings: "Settings") -> Target | None:
    if settings.redis.url is None:
        return None
    return Target(
        redis_url=settings.redis.url,
        prefix=settings.redis.prefix,
        accounts={account.id: account.enabled for account in settings.accounts.values()},
        default_account=settings.default_account_id,
    )
