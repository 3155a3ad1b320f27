"""How commands print: JSON for programs, a plain table for people. Both go to stdout and hold in 80 columns."""

import json
from collections.abc import Mapping, Sequence

import typer


def print_json(document: Mapping[str, object]) -> None:
    """One object, indented, keys in the order given."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in (heading, *rows)) for column in range(len(heading))]
    for row in (heading, *rows):
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
