"""Small plots as SVG text: bars, and spans on a logarithmic axis. Pure: the same figures give the same bytes.

Each is a card with a background of its own, light or dark as the reader's system is, so that it can be read on any
page. Colours are told apart by the colour-blind and differ in lightness; every figure stands beside its mark too.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

import msgspec

from bench.svg_style import STYLE

WIDTH = 860
LEFT = 228
RIGHT = 150
TOP = 74
TARGET_LINE = 17
AXIS = 40
WORDS = "<text"

Scale = Callable[[float], float]
"""From a value to its place on the axis."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """The median of the rounds, and the least and the most of them."""

    median: float
    low: float
    high: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One contender; several figures are bars below each other, or points of one span."""

    label: str
    figures: tuple[Figure, ...]
    ours: bool = False


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A target: a line across all rows."""

    at: float
    label: str


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown."""

    title: str
    subtitle: str
    unit: str
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...] = ()
    legend: tuple[str, ...] = ()
    """What the first, second, … figure of a row is."""


def number(value: float) -> str:
    """`12,345`, `123`, `12.3`, `1.23`: three digits that say something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def bars(plot: Plot) -> str:
    """Horizontal bars from zero; a whisker tells the least and the most of the rounds."""
    most = max([figure.high for row in plot.rows for figure in row.figures] + [mark.at for mark in plot.marks])
    ticks = linear_ticks(most)
    thick = 22 if max(len(row.figures) for row in plot.rows) == 1 else 16
    x = _linear(ticks[-1])
    body = []
    y = _top(plot)
    for row in plot.rows:
        body.append(_label(row, y + thick * len(row.figures) / 2))
        for index, figure in enumerate(row.figures):
            kind = ("ours" if row.ours else "peer") + ("2" if index else "")
            middle = y + thick / 2
            body.append(
                f'<rect class="{kind}" x="{LEFT}" y="{y + 1:.0f}" width="{max(x(figure.median) - LEFT, 1):.1f}" '
                f'height="{thick - 2}" rx="2"/>'
            )
            end = x(figure.median)
            if figure.high > figure.low:
                end = max(end, x(figure.high))
                body.append(
                    f'<path class="whisker" d="M{x(figure.low):.1f} {middle}H{x(figure.high):.1f}'
                    f'M{x(figure.low):.1f} {middle - 3}v6M{x(figure.high):.1f} {middle - 3}v6"/>'
                )
            bold = " bold" if row.ours else ""
            body.append(
                f'<text class="figure{bold}" x="{end + 7:.1f}" y="{middle + 4.5}">{number(figure.median)}</text>'
            )
            y += thick
        y += 12
    return _card(plot, y, [(x(tick), f"{tick:,.10g}") for tick in ticks], x, body)


def spans(plot: Plot) -> str:
    """Points on a logarithmic axis, joined: circle, diamond, square, for quantiles that rise."""
    values = [figure.median for row in plot.rows for figure in row.figures] + [mark.at for mark in plot.marks]
    ticks = log_ticks(min(values), max(values))
    scale = (WIDTH - LEFT - RIGHT) / math.log(ticks[-1] / ticks[0])

    def x(value: float) -> float:
        return LEFT + math.log(max(value, ticks[0]) / ticks[0]) * scale

    body = []
    y = _top(plot)
    for row in plot.rows:
        kind = "ours" if row.ours else "peer"
        middle = y + 15
        at = [x(figure.median) for figure in row.figures]
        body.append(_label(row, middle))
        body.append(f'<path class="span {kind}" d="M{at[0]:.1f} {middle}H{at[-1]:.1f}"/>')
        body += [_point(index, kind, place, middle) for index, place in enumerate(at)]
        said = " · ".join(number(figure.median) for figure in row.figures)
        bold = " bold" if row.ours else ""
        body.append(f'<text class="figure{bold}" x="{at[-1] + 12:.1f}" y="{middle + 4.5}">{said}</text>')
        y += 34
    return _card(plot, y, [(x(tick), f"{tick:,g}") for tick in ticks], x, body, points=True)


def linear_ticks(most: float) -> list[float]:
    """From 0 to at least `most`, four to eight steps of 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(most or 1))
    step = next(s * power for s in (0.2, 0.25, 0.5, 1, 2) if most / (s * power) <= 6)
    count = math.ceil(most / step - 1e-9)
    return [round(step * index, 10) for index in range(count + 1)]


def log_ticks(least: float, most: float) -> list[float]:
    """1, 2 and 5 times powers of ten that enclose both."""
    steps = [s * 10.0**power for power in range(-3, 7) for s in (1, 2, 5)]
    first = max(index for index, step in enumerate(steps) if step <= least or index == 0)
    last = min(index for index, step in enumerate(steps) if step >= most or index == len(steps) - 1)
    return [round(step, 6) for step in steps[first : max(last, first + 1) + 1]]


def _linear(most: float) -> Scale:
    return lambda value: LEFT + value / most * (WIDTH - LEFT - RIGHT)


def _top(plot: Plot) -> float:
    """Where the first row begins: below title, legend and the labels of the targets."""
    return TOP + (TARGET_LINE if plot.legend else 0) + TARGET_LINE * len(plot.marks)


def _label(row: Row, middle: float) -> str:
    bold = ' class="bold"' if row.ours else ""
    return f'<text{bold} x="{LEFT - 12}" y="{middle + 4.5}" text-anchor="end">{escape(row.label)}</text>'


def _point(index: int, kind: str, x: float, y: float) -> str:
    """Circle, diamond, square, triangle: told apart without colour."""
    shapes = (
        f'<circle class="point {kind}" cx="{x:.1f}" cy="{y}" r="6"/>',
        f'<path class="point {kind}" d="M{x:.1f} {y - 7.5}l7.5 7.5l-7.5 7.5l-7.5 -7.5z"/>',
        f'<rect class="point {kind}" x="{x - 5.5:.1f}" y="{y - 5.5}" width="11" height="11"/>',
        f'<path class="point {kind}" d="M{x:.1f} {y - 7}l7 13h-14z"/>',
    )
    return shapes[index]


def _legend(plot: Plot, *, points: bool) -> Iterator[str]:
    x = float(LEFT)
    for index, words in enumerate(plot.legend):
        if points:
            yield _point(index, "peer", x + 6, 68)
        else:
            shade = "2" if index else ""
            yield f'<rect class="ours{shade}" x="{x:.0f}" y="62" width="12" height="12" rx="2"/>'
            yield f'<rect class="peer{shade}" x="{x + 13:.0f}" y="62" width="12" height="12" rx="2"/>'
        start = x + (20 if points else 32)
        yield f'<text class="soft" x="{start:.0f}" y="72">{escape(words)}</text>'
        x = start + 7 * len(words) + 20


def _marks(plot: Plot, x: Scale, bottom: float) -> Iterator[str]:
    """The targets. Their labels stand one below the other, so that no line runs through another's label."""
    half = LEFT + (WIDTH - LEFT - RIGHT) * 0.55
    left = sorted((mark for mark in plot.marks if x(mark.at) < half), key=lambda mark: mark.at)
    right = sorted((mark for mark in plot.marks if x(mark.at) >= half), key=lambda mark: -mark.at)
    y = TOP + (TARGET_LINE if plot.legend else 0) - 2
    for mark in [*right, *left]:
        at, after = x(mark.at), x(mark.at) < half
        yield f'<path class="mark" d="M{at:.1f} {y - 9:.0f}V{bottom:.0f}"/>'
        yield (
            f'<text class="marked" x="{at + (6 if after else -6):.1f}" y="{y:.0f}" '
            f'text-anchor="{"start" if after else "end"}">{escape(mark.label)}</text>'
        )
        y += TARGET_LINE


def _card(
    plot: Plot, bottom: float, ticks: Sequence[tuple[float, str]], x: Scale, body: list[str], *, points: bool = False
) -> str:
    height = bottom + AXIS
    axis = [
        f'<path class="grid" d="M{at:.1f} {_top(plot) - 6:.0f}V{bottom:.0f}"/>'
        f'<text class="soft" x="{at:.1f}" y="{bottom + 14:.0f}" text-anchor="middle">{said}</text>'
        for at, said in ticks
    ]
    said = "; ".join(f"{row.label}: {', '.join(number(figure.median) for figure in row.figures)}" for row in plot.rows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" aria-labelledby="t d">',
        f'<title id="t">{escape(plot.title)}</title>',
        f'<desc id="d">{escape(f"{plot.unit}. {said}")}</desc>',
        STYLE,
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8"/>',
        f'<text class="title" x="20" y="30">{escape(plot.title)}</text>',
        f'<text class="soft" x="20" y="50">{escape(plot.subtitle)}</text>',
        *_legend(plot, points=points),
        *axis,
        f'<text class="soft" x="{LEFT}" y="{bottom + 31:.0f}">{escape(plot.unit)}</text>',
        *(mark for mark in body if not mark.startswith(WORDS)),
        *_marks(plot, x, bottom),
        *(words for words in body if words.startswith(WORDS)),  # last, so that no line runs through a figure
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
