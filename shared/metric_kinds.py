"""The kinds of metrics that `shared/metrics.py` is written in: cheap to count, and never too many series.

Counting is one look into a dict and one addition, a tenth of what the library's own counters cost with their locks and
strings; the library writes the page, from what lies here when somebody asks. So count in one thread, the event loop's:
any thread may read. Each label takes `MOST_VALUES` different values at most, the rest is counted as `other`: an account
or a code that nobody foresaw must not fill the memory of whoever scrapes. Touches no Redis.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

MOST_VALUES = 250
OTHER = "other"

REGISTRY = CollectorRegistry()
"""What this process counts itself. Not the library's own registry, which other libraries write to."""

Value = str | int
Cell = list[float]
"""What one series holds: its count, or the counts of its buckets and behind them the sum of all measurements."""


class Kind:
    """A metric: its name, what it means, and the names of its labels."""

    kind = ""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        self.name = name
        self.help_text = help_text
        self.labels = tuple(labels)
        self._values: list[set[str]] = [set() for _ in labels]

    def bounded(self, values: Iterable[Value]) -> list[str]:
        """The values as text, with `other` for those past the limit."""
        bounded = []
        for known, value in zip(self._values, values, strict=True):
            text = str(value)
            if len(known) < MOST_VALUES:
                known.add(text)
            bounded.append(text if text in known else OTHER)
        return bounded


class Counted(Kind, Collector):
    """A metric that this process keeps itself."""

    cell_size = 1

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, help_text, labels)
        self._series: dict[tuple[str, ...], Cell] = {}
        """By the text of the labels, as the page shows them."""
        self._cells: dict[tuple[Value, ...], Cell] = {}
        """The same cells by the values that are counted with: a short way to them."""
        REGISTRY.register(self)
        if not labels:
            self.start()

    def start(self, *values: Value) -> Cell:
        """Make the series, at 0: an alert on its growth needs to see it before the first event."""
        cell = self._series.setdefault(tuple(self.bounded(values)), [0.0] * self.cell_size)
        if len(self._cells) < MOST_VALUES**2:
            self._cells[values] = cell
        return cell

    def describe(self) -> Iterable[Metric]:
        """Its name, for the registry."""
        return [Metric(self.name.removesuffix("_total"), self.help_text, self.kind)]


class Count(Counted):
    """Only ever grows, by `inc`."""

    kind = "counter"

    def inc(self, *values: Value, by: float = 1) -> None:
        """Count `by` more in the series of these values."""
        (self._cells.get(values) or self.start(*values))[0] += by

    def collect(self) -> Iterable[Metric]:
        """All series, as they stand."""
        family = CounterMetricFamily(self.name, self.help_text, labels=self.labels)
        for values, (count,) in self._series.copy().items():
            family.add_metric(values, count)
        return [family]


class Spread(Counted):
    """How a measure spreads over `buckets`, each of which ends at its bound, the last one nowhere."""

    kind = "histogram"

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = (), *, buckets: Sequence[float]) -> None:
        self.cell_size = len(buckets) + 2
        self._bounds = tuple(buckets)
        super().__init__(name, help_text, labels)

    def observe(self, measure: float, *values: Value) -> None:
        """Add one measurement to the series of these values."""
        cell = self._cells.get(values) or self.start(*values)
        cell[bisect_left(self._bounds, measure)] += 1
        cell[-1] += measure

    def collect(self) -> Iterable[Metric]:
        """All series, as they stand; the page counts a bucket's measurements in all buckets above it, too."""
        family = HistogramMetricFamily(self.name, self.help_text, labels=self.labels)
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for values, cell in self._series.copy().items():
            *counts, total = cell
            family.add_metric(values, list(zip(names, accumulate(counts), strict=True)), total)
        return [family]


class Watched(Kind):
    """A state that is looked up when somebody asks (`metrics_at_scrape.py`), and nowhere before."""

    kind = "gauge"

    def family(self, readings: Iterable[tuple[Sequence[Value], float]] = ()) -> GaugeMetricFamily:
        """The metric with these readings: values of the labels, and the number."""
        family = GaugeMetricFamily(self.name, self.help_text, labels=self.labels)
        for values, number in readings:
            family.add_metric([str(value) for value in values], number)
        return family
