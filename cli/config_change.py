"""`textgate config set` and `textgate config patch`: change the file, and nothing else in it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import ConfigOption, JsonOption, common
from cli.output import print_json
from cli.plain_usage import PlainUsage

if TYPE_CHECKING:
    from cli.config_proposal import Proposal

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check and show the change, but write nothing.")]


def add_to(config: typer.Typer) -> None:
    """Register both commands."""
    config.command("set", cls=PlainUsage, short_help="Set one key in the file.")(set_)
    config.command(short_help="Merge a patch into the file.")(patch)


def set_(
    context: typer.Context,
    path: Annotated[str, typer.Argument(metavar="PATH", help="Keys joined by dots.", show_default=False)],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="JSON5, else text.", show_default=False)],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Set one key in the configuration file; comments and everything else stay as they are.

    VALUE replaces what is there, an object or a list as a whole; null is written as null (to remove a key, patch it
    with null). The result is checked as a start would check it, agent included; a wrong one is not written, exit status
    78. Without a file, one is made. A running gateway takes the change over by itself.

    \b
    Example:  textgate config set channels.sms.dmPolicy allowlist --dry-run
              textgate config set channels.sms.allowFrom '["+15551234567"]'
              textgate config set channels.sms.authToken \\
                '{source: "env", id: "TWILIO_AUTH_TOKEN"}'
    Then:     textgate config get channels.sms
    --json:   {"file", "changed", "written", "diff", "warnings"}
    """
    from cli.config_proposal import propose
    from cli.config_words import assign, is_plain_secret, parse_value
    from shared.config_edit_keys import find_type, split_path

    kind = find_type(path)
    wanted = parse_value(value, kind)
    proposal = propose(
        _file(context, config), lambda values: assign(values, split_path(path), wanted), environ=os.environ
    )
    finish(proposal, dry_run=dry_run, as_json=as_json)
    if is_plain_secret(wanted, kind):
        typer.echo(
            f"warning: {path} stands in the file in plain text, and the shell's history may hold it; better: "
            '{source: "env", id: "NAME_OF_A_VARIABLE"}',
            err=True,
        )


def patch(
    context: typer.Context,
    file: Annotated[
        str, typer.Option("--file", "-f", metavar="FILE", help="The patch, JSON5; - reads stdin.", show_default=False)
    ],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Merge a JSON5 patch into the configuration file: objects merge, null deletes, lists and values replace.

    Comments stay, except one behind a deleted key in its line. The result is checked as a start would check it, agent
    included; a wrong one is not written, exit status 78. Written in one step, mode 0600, never through a symbolic
    link. Without a file, one is made. A running gateway takes the change over by itself.

    \b
    Example:  textgate config patch --file sms.patch.json5 --dry-run
              echo '{channels: {sms: {defaultTo: null}}}' |
                textgate config patch --file -
    Then:     textgate config validate
    --json:   {"file", "changed", "written", "diff", "warnings"}
    """
    from cli.config_proposal import propose
    from cli.config_words import read_patch
    from shared.config_edit import merge_patch

    change = read_patch(file)
    proposal = propose(_file(context, config), lambda values: merge_patch(values, change), environ=os.environ)
    finish(proposal, dry_run=dry_run, as_json=as_json)


def finish(proposal: "Proposal", *, dry_run: bool, as_json: bool) -> None:
    """Write unless it is a dry run, and say what happened."""
    changes, file = proposal.changes_something, proposal.original.path
    writes = changes and not dry_run
    if writes:
        proposal.write()
    for warning in proposal.settings.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if writes and proposal.narrows_access:
        typer.echo(
            f"warning: {file} had mode {proposal.original.mode:04o} and has 0600 now: only its owner reads it", err=True
        )
    if as_json:
        print_json(
            {
                "file": str(file),
                "changed": changes,
                "written": writes,
                "diff": "\n".join(proposal.diff),
                "warnings": list(proposal.settings.warnings),
            }
        )
        return
    for line in proposal.diff:
        typer.echo(line)
    if not changes:
        typer.echo(f"Nothing to change: {file} says so already.")
    else:
        typer.echo(f"Written: {file}" if writes else f"Valid. A dry run writes nothing: {file} is as it was.")


def _file(context: typer.Context, config: Path | None) -> Path:
    from shared.config_edit_write import file_to_change

    return file_to_change(common(context, config).config, os.environ)
