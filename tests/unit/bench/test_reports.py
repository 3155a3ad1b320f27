"""Medians, ratios within a round, targets, and the one object that holds the ratios of all benches."""

import argparse
import json
from pathlib import Path

import pytest

from bench import engine, ingress, pipeline, scale, summary
from bench.report import finish, medians, report_of
from bench.targets import missed
from tests.unit.bench.made_up import outcome, reports


def chosen(*, results: Path | None, quick: bool = False) -> argparse.Namespace:
    return argparse.Namespace(json=True, quick=quick, results=results)


def test_the_median_of_the_rounds_counts_and_each_round_is_kept() -> None:
    report = report_of(outcome(some_ratio=2.5))
    assert report["contenders"] == {"a name": {"per_s": 2.0}}
    assert report["each_round"] == {"a name": [{"per_s": 1.0}, {"per_s": 3.0}, {"per_s": 2.0}]}
    assert report["rounds"] == 3


def test_a_figure_that_not_every_round_has_gets_no_median() -> None:
    assert medians([{"a": 1.0, "b": 1.0}, {"a": 3.0}]) == {"a": 2.0}


def test_a_target_is_missed_below_above_and_unmeasured() -> None:
    targets = {"more": (">=", 2.0), "less": ("<=", 2.0), "none": (">=", 1.0)}
    assert missed({"more": 2.0, "less": 2.0, "none": 1.0}, targets) == []
    assert missed({"more": 1.9, "less": 2.1}, targets) == [
        "more: 1.9, target >= 2",
        "less: 2.1, target <= 2",
        "none: not measured, target >= 1",
    ]


def test_ratios_are_taken_within_a_round() -> None:
    """The machine halves between the rounds: the ratio does not notice, a ratio of medians over both would."""
    speeds = {"e": (4000.0, 2000.0, 8000.0), "c": (1000.0, 500.0, 1000.0)}
    found = ingress.ratios({key: [{"per_s": s, "fixed_p99_ms": 1e6 / s} for s in each] for key, each in speeds.items()})
    assert found["ingress_vs_handwritten"] == 4.0
    assert found["ingress_fixed_p99_vs_handwritten"] == 4.0  # how many times less
    assert "ingress_vs_agent_connect" not in found  # it did not take part


def test_the_pipeline_is_measured_without_any_peer() -> None:
    alone = {"p50_ms": 5.0, "p99_ms": 9.0, "per_s_1": 100.0, "per_s_2": 150.0, "idle_commands_per_s": 1.0}
    found = pipeline.ratios({"textgate": [{**alone, "round_trips_per_text": 8.0, "commands_alone_per_text": 125.0}]})
    assert found == {
        "pipeline_p50_ms": 5.0,
        "pipeline_p99_ms": 9.0,
        "round_trips_per_text": 8.0,
        "commands_per_text": 125.0,
        "idle_commands_per_s": 1.0,
        "pipeline_two_workers_vs_one": 1.5,
    }


def test_the_dearest_row_is_held_against_the_first() -> None:
    rows = {"small": (100.0, 1000.0), "middle": (90.0, 1100.0), "large": (112.0, 990.0)}
    found = scale.ratios(
        {name: [{"commands_per_text": c, "bytes_per_text": b}] for name, (c, b) in rows.items()}
        | {"known": [{"commands_per_text": 100.0, "bytes_per_text": 1000.0, "bytes_per_idle_conversation": 290.0}]}
    )
    assert found == {
        "scale_commands_dearest_row_vs_first": 1.12,
        "scale_bytes_dearest_row_vs_first": 1.1,
        "bytes_per_idle_conversation": 290.0,
    }


def test_the_ratios_that_issue_and_guard_ask_for_have_their_targets() -> None:
    wanted = ingress.TARGETS | pipeline.TARGETS | scale.TARGETS | engine.TARGETS
    assert {
        "ingress_vs_handwritten",
        "ingress_vs_agent_connect",
        "ingress_vs_bare_asgi",
        "pipeline_throughput_vs_tuned_arq",
        "pipeline_p50_ms",
        "round_trips_per_text",
    } <= wanted.keys()
    assert len(wanted) == sum(len(each.TARGETS) for each in (ingress, pipeline, scale, engine)), "no name twice"


def test_running_one_bench_again_replaces_its_part_of_the_summary_and_no_other(tmp_path: Path) -> None:
    finish("ingress", chosen(results=tmp_path), outcome(ingress_vs_handwritten=1.0, ingress_vs_gone=3.0))
    finish("pipeline", chosen(results=tmp_path), outcome(pipeline_p50_ms=5.0))
    assert finish("ingress", chosen(results=tmp_path), outcome(ingress_vs_handwritten=4.0)) == 0
    found = json.loads((tmp_path / summary.FILE).read_text())
    assert found["ratios"] == {"ingress_vs_handwritten": 4.0, "pipeline_p50_ms": 5.0}
    assert found["missed"] == []


def test_a_quick_run_writes_only_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.report.RESULTS", tmp_path / "results")
    assert finish("engine", chosen(results=None, quick=True), outcome(a=1.0)) == 1  # a target is missed
    assert not (tmp_path / "results").exists()
    finish("engine", chosen(results=tmp_path / "aside", quick=True), outcome(a=1.0))
    assert (tmp_path / "aside" / "engine.json").exists()


def test_two_benches_never_give_the_same_ratio() -> None:
    both = reports()
    both["scale"]["ratios"]["pipeline_p50_ms"] = 1.0
    with pytest.raises(ValueError, match="pipeline_p50_ms"):
        summary.merged(both)


def test_the_summary_says_of_each_ratio_whether_it_is_reached() -> None:
    said = summary.text(summary.merged(reports())).splitlines()
    assert [line.split() for line in said[1:4]] == [
        ["ingress_vs_handwritten", "5", ">=", "4", "reached"],
        ["pipeline_p50_ms", "9", "<=", "8", "MISSED"],
        ["bytes_per_idle_conversation", "300"],
    ]
    assert said[-1] == "not measured: round_trips_per_text"
