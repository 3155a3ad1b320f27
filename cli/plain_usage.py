"""Usage and help of a command by its metavars alone: `[sms] CODE`, where typer makes `{[sms] CODE}...` of it, and
`ID`, where it makes `ID <list[str]>` of it.
"""

from typing import Any

from typer.core import TyperArgument, TyperCommand


class PlainUsage(TyperCommand):
    """A command that shows its arguments by their metavars; those without a help text in the usage line only."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as typer calls it
        """What stands behind the command's name."""
        return ["[OPTIONS]", *(each.metavar or "" for each in self.params if isinstance(each, TyperArgument))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments first, then options."""
        arguments = [
            (each.metavar or "", each.help) for each in self.params if isinstance(each, TyperArgument) and each.help
        ]
        options = [each.get_help_record(ctx) for each in self.get_params(ctx) if not isinstance(each, TyperArgument)]
        for title, rows in (("Arguments", arguments), ("Options", [each for each in options if each])):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
