"""`textgate config`: look at the configuration without starting anything."""

import os
from typing import TYPE_CHECKING

import typer

from cli.options import ConfigOption, common

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.settings import Settings

config = typer.Typer(
    name="config",
    help=("Check the configuration: one JSON5 file, or the environment alone.\n\n\b\ntextgate config validate\n"),
    no_args_is_help=True,
    rich_markup_mode=None,
)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    config.command()(validate)
    app.add_typer(config, short_help="Check the configuration.")


@config.callback()
def group() -> None:
    """Keeps `validate` a command of its own while it is the only one."""


def validate(context: typer.Context, config: ConfigOption = None) -> None:
    """Read everything as a start would, secrets included, and say what it means. Starts nothing, sends nothing.

    Exit status 0: it would start. 78: it would not; the one line on stderr names the key, what was found and what is
    expected. Warnings go to stderr.

    \b
    Example:  textgate config validate --config ./textgate.json5
    Then:     textgate up
    """
    from shared.settings import load_settings

    settings = load_settings(common(context, config).config, os.environ)
    for warning in settings.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for line in describe(settings):
        typer.echo(line)


def describe(settings: "Settings") -> "Iterator[str]":
    """What the settings mean, for people; shows where secrets come from and never what they are."""
    from shared.secrets import describe_origin

    yield f"valid: {settings.source or 'environment only'}"
    for account in settings.accounts.values():
        state = "" if account.enabled else ", switched off"
        default = ", default" if account.id == settings.default_account_id else ""
        sender = account.sender or "no sender"
        yield f"account {account.id}: {sender}, policy {account.dm_policy.value}{default}{state}"
        yield f"  auth token {describe_origin(account.auth_token)}"
        if account.receives:
            yield f"  webhook {account.webhook_path}, public {account.signed_url or 'not set'}"
    if not settings.accounts:
        yield "no account yet: try `textgate up --sandbox`, or set TWILIO_ACCOUNT_SID and its companions"
    yield f"agent: {settings.agent.kind.value}"
    redis = describe_origin(settings.redis.url) if settings.redis.url else "embedded, started by `textgate up`"
    yield f"redis: {redis}"
