"""`--account ID`, completed by the shell: the ids of the accounts that a command could work on.

Completing must be quick and must not hurt: no secret is resolved (an `exec` secret would run a command at every Tab),
nothing is connected to, and what cannot be read gives no proposals instead of an error.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer


def complete_account(context: typer.Context, incomplete: str) -> list[str]:
    """The account ids that begin like that."""
    from shared.errors import TextgateError

    try:
        known = _account_ids(_said(context, "config"), _said(context, "state_dir"))
    except (TextgateError, OSError, ValueError):
        return []
    return [account_id for account_id in known if account_id.startswith(incomplete)]


def _said(context: typer.Context, option: str) -> Path | None:
    """What was said for an option after the command's name, else before it."""
    said = (each.params.get(option) for each in _upwards(context))
    return next((Path(value) for value in said if value), None)


def _upwards(context: Any) -> Iterator[Any]:
    while context is not None:
        yield context
        context = context.parent


def _account_ids(config: Path | None, state_dir: Path | None) -> list[str]:
    from cli.running import find_running
    from shared.config_environment import expand_home, read_redis_url
    from shared.config_file import load_file
    from shared.config_shape import parse_section
    from shared.settings import ConfigDocument

    if state_dir is not None:
        running = find_running(state_dir.expanduser())
        return [account.id for account in running.accounts] if running else []
    raw = load_file(config, os.environ)
    document = parse_section(raw.values, ConfigDocument)
    if document.redis.url is None and read_redis_url(os.environ) is None:
        running = find_running(expand_home(document.state.dir, os.environ))
        if running is not None:
            return [account.id for account in running.accounts]
    return _configured_ids(document, raw.values)


def _configured_ids(document: Any, values: dict[str, Any]) -> list[str]:
    from shared.config_accounts import build_accounts
    from shared.config_secrets import UnresolvedSecrets

    sms = (values.get("channels") or {}).get("sms") or {}
    resolver = UnresolvedSecrets(environ=os.environ, providers={})
    return list(build_accounts(document.channels.sms, sms, environ=os.environ, resolver=resolver).by_id)
