"""Tables: a grammar that forgives what language models get wrong, and a short record per row.

GitHub's grammar drops cells beyond the header, and mistune's plugin gives up on the whole table when one row is too
short or too long. Here every row of a table is a row, and no cell is lost.
"""

import re
from collections.abc import Sequence

from workers.text.marks import BETWEEN_CELLS, BULLET

TABLE = (
    r"^ {0,3}(?=[^\n|]*\|)[^\s][^\n]*\n"
    r" {0,3}(?=[^\n|]*\|)\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*(?:\n|$)"
    r"(?:(?=[^\n|]*\|)[^\n]*(?:\n|$))*"
)
"""A line with a pipe, a line of dashes and pipes, and all lines with a pipe that follow."""

_PIPE = re.compile(r"(?<!\\)\|")


def split_rows(table: str) -> list[list[str]]:
    """The cells of each row as Markdown, header first, without the line of dashes."""
    lines = table.strip("\n").split("\n")
    return [_split_cells(line) for line in (lines[0], *lines[2:])]


def table_records(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The lines of each record: its title, then `- Header: cell` for every other cell that is not empty.

    The title column's own header comes first, as a record of one line, and with it those of columns in which no
    row has a word, so that no word of the table is lost.
    """
    header, *body = rows
    if not body:
        return [[BETWEEN_CELLS.join(cell for cell in header if cell)]]
    if len(header) == 1:
        return [[header[0], *(f"{BULLET}{cell}" for row in body for cell in row if cell)]]
    shown = {index for row in body for index, cell in enumerate(row) if index and cell}
    unshown = [name.rstrip(":") for index, name in enumerate(header) if name and index not in shown]
    title = f"{BETWEEN_CELLS.join(unshown)}:" if unshown else ""
    return [lines for lines in ([title], *(_record(header, row) for row in body)) if any(lines)]


def _record(header: Sequence[str], row: Sequence[str]) -> list[str]:
    lines = [row[0]] if row[0] else []
    for index, cell in enumerate(row[1:], start=1):
        name = header[index].rstrip(":") if index < len(header) else ""
        if cell:
            lines.append(f"{BULLET}{name}: {cell}" if name else f"{BULLET}{cell}")
    return lines


def _split_cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [cell.strip().replace("\\|", "|") for cell in _PIPE.split(line)]
