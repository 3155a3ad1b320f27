"""The plots can be read: every figure and target stands in them, in colours that hold in light and dark."""

import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from bench.plots import plots
from bench.svg import Figure, Mark, Plot, Row, bars, linear_ticks, log_ticks, number, spans
from bench.svg_style import DARK, LIGHT
from tests.unit.bench.made_up import reports

MADE = plots(reports())


def words(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_each_bench_has_its_plots_and_one_that_was_not_run_has_none() -> None:
    assert sorted(MADE) == [
        "bench-ingress-latency.svg",
        "bench-ingress-throughput.svg",
        "bench-memory.svg",
        "bench-pipeline-latency.svg",
        "bench-pipeline-processor.svg",
        "bench-pipeline-throughput.svg",
        "bench-scale-bytes.svg",
        "bench-scale-commands.svg",
    ]
    assert plots({}) == {}


def test_the_same_figures_give_the_same_bytes() -> None:
    assert plots(reports()) == MADE


def test_contenders_figures_and_targets_are_in_the_plot() -> None:
    said = words(MADE["bench-ingress-throughput.svg"])
    assert {"bare ASGI", "11,000", "hand-written handler", "1,000", "Textgate, everysec", "5,000"} <= set(said)
    assert {"target: 4 times the hand-written handler", "target: 0.30 of bare ASGI"} <= set(said)
    assert not any("Agent Connect" in word for word in said), "it did not take part, so nothing is a multiple of it"


def test_a_plot_has_a_title_and_a_description_for_those_who_do_not_see_it() -> None:
    root = ElementTree.fromstring(MADE["bench-pipeline-latency.svg"])  # noqa: S314 - our own
    found = {element.tag.partition("}")[2]: element.text for element in root}
    assert found["title"] == "From the webhook to the request that Twilio gets"
    assert "Textgate: 6.00, 12.0, 24.0" in str(found["desc"])


def test_names_are_escaped() -> None:
    row = Row(label="<&>", figures=(Figure(median=1, low=1, high=1),))
    assert "<&>" in words(bars(Plot(title="a < b", subtitle="", unit="", rows=(row,))))


def test_a_whisker_tells_the_least_and_the_most_of_the_rounds() -> None:
    def drawn(low: float, high: float) -> bool:
        row = Row(label="a", figures=(Figure(median=2, low=low, high=high),))
        return 'class="whisker"' in bars(Plot(title="", subtitle="", unit="", rows=(row,)))

    assert drawn(1, 3)
    assert not drawn(2, 2)


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=6), st.floats(0.01, 1e6))
def test_any_figures_fit_on_both_kinds_of_plot(values: list[float], target: float) -> None:
    rows = tuple(Row(label="a", figures=(Figure(median=v, low=v / 2, high=v * 1.1),)) for v in values)
    plot = Plot(title="", subtitle="", unit="", rows=rows, marks=(Mark(at=target, label="target"),))
    assert words(bars(plot)).count("a") == words(spans(plot)).count("a") == len(values)


@given(st.floats(0.001, 1e7))
def test_ticks_of_a_linear_axis_are_few_even_and_enclose(most: float) -> None:
    ticks = linear_ticks(most)
    assert ticks[0] == 0
    assert ticks[-1] >= most * (1 - 1e-6)
    assert 3 <= len(ticks) <= 8


@given(st.floats(0.002, 1e6), st.floats(1, 1000))
def test_ticks_of_a_logarithmic_axis_enclose(least: float, times: float) -> None:
    ticks = log_ticks(least, min(least * times, 4e6))
    assert ticks[0] <= least
    assert ticks[-1] >= min(least * times, 4e6) * (1 - 1e-6)
    assert all(before < after for before, after in pairwise(ticks))


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0.00"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (12345.6, "12,346")]
)
def test_a_figure_has_three_digits_that_say_something(value: float, said: str) -> None:
    assert number(value) == said


@pytest.mark.parametrize("tint", [LIGHT, DARK], ids=["light", "dark"])
def test_words_and_marks_stand_out_from_the_card(tint: dict[str, str]) -> None:
    """Source: WCAG 2.2, success criteria 1.4.3 (words) and 1.4.11 (marks)."""
    for name in ("ink", "soft", "mark"):
        assert contrast(tint[name], tint["card"]) >= 4.5, name
    for name in ("ours", "peer"):
        assert contrast(tint[name], tint["card"]) >= 3, name
    assert contrast(tint["ours"], tint["ours2"]) >= 1.5, "told apart by lightness too"


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
