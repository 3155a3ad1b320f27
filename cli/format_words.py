"""Parts as people see them: each in a frame as wide as a phone, with what it costs. Pure."""

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from cli.terminal import Paint
from workers.text.render import RenderedPart

PHONE_COLUMNS = 40
_MARK = re.compile(r"\s*(?:(?:-|\d+[.)]|\[.\])\s)?")


def tell(parts: Sequence[RenderedPart], cost: float | None, paint: Paint) -> Iterator[str]:
    """Lines for people."""
    for number, part in enumerate(parts, start=1):
        facts = f"{part.encoding.value}, {part.units} units, {counted(part.segments, 'segment')}"
        yield f"{paint('╭─', 'dim')} {paint(f'part {number} of {len(parts)}', 'bold')} {paint(facts, 'dim')}"
        for line in part.body.rstrip().split("\n"):
            yield from (f"{paint('│', 'dim')} {row}".rstrip() for row in wrapped(line, PHONE_COLUMNS))
        yield paint("╰─", "dim")
    if not parts:
        yield "Nothing would be sent: there is nothing in it that a reader would see."
        return
    total = f"{counted(len(parts), 'part')}, {counted(sum(part.segments for part in parts), 'segment')}"
    yield total if cost is None else f"{total}, {cost:g} in all"


def counted(number: int, what: str) -> str:
    """`1 part`, `2 parts`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def wrapped(line: str, columns: int) -> list[str]:
    """A line as rows of at most so many cells; what continues an item hangs below it, a long word stays whole."""
    mark = _MARK.match(line)
    hang = " " * (len(mark[0]) if mark else 0)
    rows = [line[: len(hang)]]
    filled = False
    for word in line[len(hang) :].split(" "):
        longer = f"{rows[-1]} {word}" if filled else rows[-1] + word
        if filled and cell_len(longer) > columns:
            rows.append(hang + word)
        else:
            rows[-1] = longer
        filled = True
    return rows
