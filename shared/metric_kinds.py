"""The kinds of metrics that `shared/metrics.py` is written in: cheap to count, and never too many series.

A series is looked up in one dict, by the values themselves; Prometheus' own look-up, with its lock and its strings,
happens once per series. Each label takes `MOST_VALUES` different values at most, the rest is counted as `other`: an
account or a code that nobody foresaw must not fill the memory of whoever scrapes. Touches no Redis.
"""

from collections.abc import Iterable, Sequence

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily

MOST_VALUES = 250
OTHER = "other"

REGISTRY = CollectorRegistry()
"""What this process counts itself. Not the library's own registry, which other libraries write to."""

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each: not needed

Value = str | int


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


class Count(Kind):
    """Only ever grows, by `inc`."""

    kind = "counter"

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, help_text, labels)
        self._family = Counter(name, help_text, labels, registry=REGISTRY)
        self._series: dict[tuple[Value, ...], Counter] = {}
        if not labels:
            self.start()

    def inc(self, *values: Value, by: float = 1) -> None:
        """Count `by` more in the series of these values."""
        series = self._series.get(values)
        (self.start(*values) if series is None else series).inc(by)

    def start(self, *values: Value) -> Counter:
        """Make the series, at 0: an alert on its growth needs to see it before the first event."""
        series = self._family.labels(*self.bounded(values)) if self.labels else self._family
        if len(self._series) < MOST_VALUES**2:
            self._series[values] = series
        return series


class Spread(Kind):
    """How a measure spreads over `buckets`."""

    kind = "histogram"

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = (), *, buckets: Sequence[float]) -> None:
        super().__init__(name, help_text, labels)
        self._family = Histogram(name, help_text, labels, registry=REGISTRY, buckets=buckets)
        self._series: dict[tuple[Value, ...], Histogram] = {}

    def observe(self, measure: float, *values: Value) -> None:
        """Add one measurement to the series of these values."""
        series = self._series.get(values)
        (self._start(values) if series is None else series).observe(measure)

    def _start(self, values: tuple[Value, ...]) -> Histogram:
        series = self._family.labels(*self.bounded(values)) if self.labels else self._family
        if len(self._series) < MOST_VALUES**2:
            self._series[values] = series
        return series


class Watched(Kind):
    """A state that is looked up when somebody asks (`metrics_at_scrape.py`), and nowhere before."""

    kind = "gauge"

    def family(self, readings: Iterable[tuple[Sequence[Value], float]] = ()) -> GaugeMetricFamily:
        """The metric with these readings: values of the labels, and the number."""
        family = GaugeMetricFamily(self.name, self.help_text, labels=self.labels)
        for values, number in readings:
            family.add_metric([str(value) for value in values], number)
        return family
