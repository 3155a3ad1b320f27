"""The `textgate` command: one group of commands per file, registered here.

Loads nothing heavy: commands import what they need when they run, so that `textgate --help` answers at once and the
ingress never carries the weight of Twilio's client. Mistakes of people end in one line on stderr that names the next
step, and in an exit status: 1 refused or failed, 2 not understood, 78 the configuration is wrong. A traceback is a
bug of ours.
"""

import os
import sys
from typing import Annotated

import typer

from cli import (
    account,
    channels,
    config,
    deadletter,
    demo,
    doctor,
    explain,
    format as preview,
    init,
    message,
    optout,
    pairing,
    person,
    services,
    up,
)
from cli.lifeline import follow_parent
from cli.options import Common, ConfigOption, StateDirOption
from cli.plain_mistakes import PlainMistakes
from shared.errors import EX_CONFIG, ConfigError, NotUnderstoodError, TextgateError

app = typer.Typer(
    name="textgate",
    cls=PlainMistakes,
    help=(
        "Connect an AI agent to a phone number: SMS in, the agent's answer out, through Twilio.\n\n"
        "\b\n"
        "New here?      textgate demo             a whole conversation, no account\n"
        "               textgate up --sandbox     the same gateway, yours to play with\n"
        "A real number: textgate init             then: textgate up\n"
    ),
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for register in (
    up,
    demo,
    services,
    pairing,
    optout,
    message,
    preview,
    deadletter,
    explain,
    account,
    person,
    channels,
    doctor,
    config,
    init,
):
    register.add_to(app)


def main() -> None:
    """Run the command line and leave with its exit status."""
    follow_parent(os.environ)
    try:
        app(prog_name="textgate")
    except ConfigError as error:
        _fail(f"configuration: {error}", status=EX_CONFIG)
    except NotUnderstoodError as error:
        _fail(str(error), status=2)
    except TextgateError as error:
        _fail(str(error), status=1)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"textgate {version('textgate')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    context.obj = Common(config=config, state_dir=state_dir)


def _fail(message: str, *, status: int) -> None:
    typer.echo(f"textgate: {' '.join(message.split())}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
