"""`textgate config validate`, `get` and `schema`: look at the configuration. They write nothing and start nothing."""

import enum
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import ConfigOption, JsonOption, common
from cli.output import print_json
from cli.plain_usage import PlainUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.settings import Account, Settings


def add_to(config: typer.Typer) -> None:
    """Register the commands."""
    config.command(short_help="Check everything as a start would.")(validate)
    config.command(cls=PlainUsage, short_help="Show a value as it is in force.")(get)
    config.command(short_help="Print the JSON Schema of the file.")(schema)


def validate(context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Read everything as `textgate up` would, secrets and agent included, and say what it means. Sends nothing.

    Exit status 0: every setting is in order. 78: one is not, no account is switched on, or the agent cannot be loaded;
    the one line on stderr names the key, what was found and what is expected. Warnings go to stderr.

    \b
    Example:  textgate config validate --config ./textgate.json5
    Then:     textgate up
    --json:   {"valid", "source", "accounts", "agent", "redis", "warnings"}
              or {"valid": false, "error": {"path", "found", "expected"}}
    """
    from cli.plan import require_account
    from shared.errors import ConfigError
    from shared.settings import load_settings
    from workers.agents.load import load_agents

    try:
        settings = load_settings(common(context, config).config, os.environ)
        require_account(settings)
        load_agents(settings)
    except ConfigError as error:
        if as_json:
            shown = {"path": error.path, "found": error.found, "expected": error.expected}
            print_json({"valid": False, "error": shown})
        raise
    for warning in settings.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if as_json:
        print_json(_as_json(settings))
        return
    for line in describe(settings):
        typer.echo(line)


def get(
    context: typer.Context,
    path: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="Keys joined by dots; none: everything.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show a value as it is in force: file, environment and defaults taken together.

    A secret shows as *** and where it comes from; it is not looked up, and need not be at hand. An unknown key: exit
    status 1.

    \b
    Example:  textgate config get channels.sms.dmPolicy
              textgate config get channels.sms.accounts.support --json
    Then:     textgate config set channels.sms.dmPolicy allowlist
    --json:   {"path", "value"}; what is not set is null
    """
    from cli.config_effective import effective_values, look_up
    from shared.config_file import load_file
    from shared.config_shape import parse_section
    from shared.settings import ConfigDocument, load_settings

    file: Path | None = common(context, config).config
    settings = load_settings(file, os.environ, secrets=False)
    document = parse_section(load_file(file, os.environ).values, ConfigDocument)
    values = effective_values(document, settings)
    value = values if path is None else look_up(values, path)
    if as_json:
        print_json({"path": path or "", "value": value})
    else:
        typer.echo(_for_people(value))


class SchemaOf(enum.StrEnum):
    """What a JSON Schema is printed of."""

    CONFIG = "config"
    TURN = "turn"
    ANSWER = "answer"


def schema(
    of: Annotated[
        SchemaOf, typer.Option("--of", help="The file; or what agents (http, command) are asked, and answer.")
    ] = SchemaOf.CONFIG,
) -> None:
    """Print the JSON Schema of the configuration file, generated from the code: for editors and checks.

    \b
    Example:  textgate config schema > textgate.schema.json
              textgate config schema --of turn
    Then:     put  $schema: "./textgate.schema.json"  first in textgate.json5,
              and an editor completes the keys
    """
    if of is SchemaOf.CONFIG:
        from shared.settings import to_json_schema

        print_json(to_json_schema())
        return
    from workers.agents.wire import answer_schema, turn_schema

    print_json(turn_schema() if of is SchemaOf.TURN else answer_schema())


def describe(settings: "Settings") -> "Iterator[str]":
    """What the settings mean, for people; shows where secrets come from and never what they are."""
    yield f"valid: {settings.source or 'environment only'}"
    for account in settings.accounts.values():
        state = "" if account.enabled else ", switched off"
        default = ", default" if account.id == settings.default_account_id else ""
        sender = account.sender or "no sender"
        yield f"account {account.id}: {sender}, policy {account.dm_policy.value}{default}{state}"
        yield f"  auth token {_origin(account.auth_token)}"
        if account.receives:
            yield f"  webhook {account.webhook_path}, public {account.public_webhook_url or 'not set'}"
    yield f"agent: {settings.agent_label}"
    yield f"redis: {_redis(settings) or 'embedded, started by `textgate up`'}"


def _as_json(settings: "Settings") -> dict[str, Any]:
    return {
        "valid": True,
        "source": str(settings.source) if settings.source else None,
        "accounts": [
            _account_as_json(account, is_default=account.id == settings.default_account_id)
            for account in settings.accounts.values()
        ],
        "agent": settings.agent.kind.value,
        "redis": _redis(settings),
        "warnings": list(settings.warnings),
    }


def _account_as_json(account: "Account", *, is_default: bool) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name or None,
        "enabled": account.enabled,
        "default": is_default,
        "sender": account.sender or None,
        "dmPolicy": account.dm_policy.value,
        "agent": account.agent.kind.value,
        "authToken": _origin(account.auth_token),
        "receives": account.receives,
        "webhookPath": account.webhook_path,
        "publicWebhookUrl": account.public_webhook_url,
    }


def _redis(settings: "Settings") -> str | None:
    return _origin(settings.redis.url) if settings.redis.url else None


def _origin(secret: Any) -> str:
    from shared.secrets import describe_origin

    return describe_origin(secret)


def _for_people(value: Any) -> str:
    import json

    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
