"""Options that several commands share, and what they mean together.

`--config` and `--state-dir` may stand before or after the command's name; the later one wins.
"""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cli.account_completion import complete_account

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration file (JSON5). Else: $TEXTGATE_CONFIG, ./textgate.json5, ~/.config/textgate/.",
    ),
]
StateDirOption = Annotated[
    Path | None,
    typer.Option("--state-dir", metavar="DIR", help="State folder of `textgate up`. Else: state.dir."),
]
AccountOption = Annotated[
    str | None,
    typer.Option(
        "--account", metavar="ID", help="Which of several configured accounts.", autocompletion=complete_account
    ),
]
ChannelOption = Annotated[
    str | None, typer.Option("--channel", metavar="sms", help="The channel; sms is the only one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for programs.")]


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """Where a command finds its configuration and its state; None: not said."""

    config: Path | None = None
    state_dir: Path | None = None


def common(context: typer.Context, config: Path | None, state_dir: Path | None = None) -> Common:
    """What was said after the command's name, else before it."""
    before = context.find_object(Common) or Common()
    folder = state_dir or before.state_dir
    return Common(config=config or before.config, state_dir=folder and folder.expanduser().absolute())
