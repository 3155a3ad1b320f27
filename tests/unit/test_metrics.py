"""The metrics' names keep to the conventions, their series are bounded, and docs/metrics.md says what there is."""

import re

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from shared.metric_kinds import MOST_VALUES, OTHER, REGISTRY, Count, Kind, Spread, Watched
from shared.metrics import ALL, code_of_answer, code_of_callback
from shared.twilio_codes import CODES
from tools.metrics_docs import TARGET, render


def test_the_page_is_what_the_code_says() -> None:
    assert TARGET.read_text() == render(), "run `make docs`"


def test_every_metric_of_the_page_exists_and_the_other_way_round() -> None:
    said = re.findall(r"^\| `(textgate_\w+)` \|", TARGET.read_text(), flags=re.MULTILINE)
    assert said == sorted(said, key=[kind.name for kind in ALL].index)
    assert set(said) == {kind.name for kind in ALL}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_name_keeps_to_the_conventions(kind: Kind) -> None:
    assert re.fullmatch(r"textgate_[a-z]+(_[a-z]+)*", kind.name)
    assert kind.name.endswith("_total") == isinstance(kind, Count)
    assert not re.search(r"_(ms|milliseconds|minutes|kb|percent)(_|$)", kind.name), "base units only"
    assert kind.help_text.endswith(".")


def test_a_process_serves_what_it_counts_before_anything_has_happened() -> None:
    families = {family.name for family in text_string_to_metric_families(generate_latest(REGISTRY).decode())}
    assert {kind.name.removesuffix("_total") for kind in ALL if not isinstance(kind, Watched)} <= families


def test_values_past_the_limit_are_counted_together() -> None:
    count = Count("textgate_test_bounded_total", "For this test.", ("account",))
    for i in range(MOST_VALUES + 20):
        count.inc(f"account-{i}")
    count.inc("account-0")
    (family,) = [family for family in REGISTRY.collect() if family.name == "textgate_test_bounded"]
    values = {sample.labels["account"]: sample.value for sample in family.samples}
    assert len(values) == MOST_VALUES + 1
    assert (values["account-0"], values[OTHER]) == (2, 20)


def test_a_spread_is_bounded_too() -> None:
    spread = Spread("textgate_test_spread_seconds", "For this test.", ("stage",), buckets=(1, 2))
    for i in range(MOST_VALUES + 5):
        spread.observe(1.5, f"stage-{i}")
    assert REGISTRY.get_sample_value("textgate_test_spread_seconds_count", {"stage": OTHER}) == 5


def test_codes_come_from_the_table() -> None:
    assert {code_of_callback(code) for code in CODES} == {str(code) for code in CODES}
    assert code_of_callback(99999) == OTHER
    answers = [(400, 21211), (503, None), (404, 1), (302, None)]
    assert [code_of_answer(*each) for each in answers] == ["21211", "5xx", "4xx", OTHER]
    assert len(CODES) + 10 <= MOST_VALUES, "each code keeps a series of its own"


def test_alerts_name_only_metrics_and_labels_that_exist() -> None:
    page = (TARGET.parent / "operations.md").read_text()
    known = {kind.name: set(kind.labels) for kind in ALL}
    named = re.findall(r"(textgate_[a-z_]+[a-z])(?:\{(\w+)[=!]~?\")?", page.partition("## Watching it")[2])
    assert len(named) > 10
    for name, label in named:
        kind = name.removesuffix("_bucket")
        assert kind in known, name
        assert not label or label in known[kind], (name, label)
