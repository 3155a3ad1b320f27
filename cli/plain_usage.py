"""A usage line that says what may be written: `[sms] CODE`, where typer makes `{[sms] CODE}...` of it."""

from typing import Any

from typer.core import TyperArgument, TyperCommand


class PlainUsage(TyperCommand):
    """A command whose arguments are shown by their metavars, word for word."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as typer calls it
        """What stands behind the command's name."""
        return ["[OPTIONS]", *(each.metavar or "" for each in self.params if isinstance(each, TyperArgument))]
