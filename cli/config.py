"""`textgate config`: look at the configuration and change it, without starting anything."""

import typer

from cli import config_change, config_show

config = typer.Typer(
    name="config",
    help=(
        "Look at the configuration and change it: one JSON5 file, or the environment alone.\n\n"
        "\b\n"
        "textgate config validate                                would it start?\n"
        "textgate config get channels.sms                        what is in force\n"
        "textgate config set channels.sms.dmPolicy allowlist     change one key\n"
        "textgate config patch --file patch.json5 --dry-run      see a change first\n\n"
        "Comments in the file survive; secrets are never shown. First set-up: textgate init"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)
for register in (config_show, config_change):
    register.add_to(config)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    app.add_typer(config, short_help="Look at the configuration and change it.")
