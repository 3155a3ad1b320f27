"""`textgate format`: what a reply would be sent as, before anybody sends it.

Formats with the code of the format worker. Touches no Redis and no network, needs no configuration and no secret.
"""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cli.options import AccountOption, Common, ConfigOption, JsonOption, common
from cli.output import print_json
from cli.terminal import Paint
from shared.errors import UsageError

if TYPE_CHECKING:
    from workers.text.render import RenderedPart


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How replies are formatted; the defaults are those of an account that says nothing."""

    limit: int = 1500
    smart_encoding: bool = True
    counters: bool = False
    strip_artifacts: bool = False


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(name="format", short_help="Show what a reply would be sent as.")(format_reply)


def format_reply(
    context: typer.Context,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, max=1600, help="Longest part. Else: textChunkLimit.")
    ] = None,
    price: Annotated[
        float | None, typer.Option("--price", metavar="P", min=0, help="Price of one segment, to add up the cost.")
    ] = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Read an agent's Markdown from stdin; show the texts that would be sent, what they cost, and send nothing.

    Formats as the account would: --account, else the default one, else (no configuration) the defaults.

    \b
    Example:  textgate format < reply.md
    Or:       pbpaste | textgate format --limit 320 --price 0.0079
    --json:   {"parts": [{"text", "encoding", "segments"}]}, with "cost" if there
              is a --price
    """
    rules = _rules(common(context, config), account)
    parts = _parts(_read(), rules if limit is None else msgspec.structs.replace(rules, limit=limit))
    cost = None if price is None else round(price * sum(part.segments for part in parts), 6)
    if as_json:
        shown = [{"text": part.body, "encoding": part.encoding.value, "segments": part.segments} for part in parts]
        print_json({"parts": shown} if cost is None else {"parts": shown, "cost": cost})
        return
    from cli.format_words import tell

    for line in tell(parts, cost, Paint.for_stdout()):
        typer.echo(line)


def _read() -> str:
    if sys.stdin.isatty():
        typer.echo("Write or paste Markdown; end with Ctrl-D on a line of its own.", err=True)
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"stdin is not UTF-8 (byte {error.start}): convert it, for example with iconv") from None


def _rules(where: Common, named: str | None) -> Rules:
    """Those of the account. Raises UsageError for an account that there is not, ConfigError for a wrong file."""
    from shared.settings import load_settings

    settings = load_settings(where.config, os.environ, secrets=False)
    account_id = named or settings.default_account_id
    if account_id is None:
        return Rules(strip_artifacts=settings.agent.strip_artifacts)
    if account_id not in settings.accounts:
        known = ", ".join(settings.accounts) or "none is configured"
        raise UsageError(f"there is no account {account_id}: choose one of {known}")
    account = settings.accounts[account_id]
    return Rules(
        limit=account.text_chunk_limit,
        smart_encoding=account.smart_encoding,
        counters=account.part_counters,
        strip_artifacts=account.agent.strip_artifacts,
    )


def _parts(markdown: str, rules: Rules) -> "tuple[RenderedPart, ...]":
    from workers.text.artifacts import without_artifacts
    from workers.text.render import render

    return render(
        without_artifacts(markdown) if rules.strip_artifacts else markdown,
        limit=rules.limit,
        smart_encoding=rules.smart_encoding,
        counters=rules.counters,
    )
