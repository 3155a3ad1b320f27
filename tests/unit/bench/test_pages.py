"""docs/performance.md, docs/scale.md, the plots and the summary are what bench/results/*.json gives."""

import json
import re
from pathlib import Path

import pytest

from bench import pages, plots, summary
from bench.pages import DOCS, PAGES, block, renewed
from bench.report import RESULTS
from tests.unit.bench.made_up import reports

RECORDED = summary.load(RESULTS)
NAMES = ("targets", "machine", "ingress", "pipeline", "engine", "rows", "kept", "callback", "growth", "ceiling")
RENEW = "to renew it: make plots"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_was_measured(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert text == renewed(text, RECORDED), RENEW


def test_the_plots_are_those_of_the_figures() -> None:
    there = {file.name: file.read_text(encoding="utf-8") for file in (DOCS / "images").glob(f"{plots.PREFIX}*")}
    assert there == plots.plots(RECORDED), RENEW


def test_the_summary_is_that_of_the_benches() -> None:
    assert json.loads((RESULTS / summary.FILE).read_text()) == json.loads(json.dumps(summary.merged(RECORDED))), RENEW


def test_every_block_stands_on_a_page_and_every_picture_of_a_page_is_there() -> None:
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in PAGES)
    assert sorted(re.findall(r"<!-- made: ([a-z-]+) -->", text)) == sorted(NAMES)
    assert text.count("<!-- end -->") == len(NAMES)
    for picture in re.findall(r"\]\((images/[^)]+)\)", text):
        assert (DOCS / picture).exists()


def test_prose_is_left_alone_and_a_second_time_changes_nothing() -> None:
    page = "before\n<!-- made: targets -->\nold\n<!-- end -->\nbetween\n<!-- made: rows -->\n<!-- end -->\nafter\n"
    once = renewed(page, reports())
    assert renewed(once, reports()) == once
    assert re.sub(r"(?s)-->.*?<!--", "--><!--", once) == re.sub(r"(?s)-->.*?<!--", "--><!--", page)
    assert "old" not in once
    assert once.startswith("before\n")
    assert once.endswith("after\n")


def test_a_bench_that_was_not_run_is_named() -> None:
    assert block("engine", reports()) == "Not measured yet: `python -m bench engine`, then `make plots`."
    assert "python -m bench scale" in block("growth", {})
    assert all(block(name, {}) for name in NAMES)


def test_a_target_that_was_missed_is_said() -> None:
    assert block("targets", reports()).splitlines()[2:] == [
        "| `ingress_vs_handwritten` | 5 | at least 4 | reached |",
        "| `pipeline_p50_ms` | 9 | at most 8 | **missed** |",
        "| `round_trips_per_text` |  | at most 8 | not measured |",
    ]


def test_a_table_gives_the_median_and_the_spread() -> None:
    (row,) = [line for line in block("ingress", reports()).splitlines() if line.startswith("| webhooks/s")]
    assert row == (
        "| webhooks/s | 11,000<br><sub>10,000 to 12,000</sub> | 1,000<br><sub>900 to 1,100</sub> "
        "| 5,000<br><sub>4,500 to 5,500</sub> |"
    )


def test_everything_is_renewed_at_once_and_plots_of_a_bench_that_is_gone_go(tmp_path: Path) -> None:
    results, docs = tmp_path / "results", tmp_path / "docs"
    results.mkdir()
    (docs / "images").mkdir(parents=True)
    (docs / "images" / "bench-old.svg").touch()
    for page in PAGES:
        (docs / page).write_text((DOCS / page).read_text(encoding="utf-8"), encoding="utf-8")
    for name, report in reports().items():
        (results / f"{name}.json").write_text(json.dumps(report))
    pages.write(results, docs)
    assert {file.name for file in (docs / "images").iterdir()} == set(plots.plots(reports()))
    assert (results / summary.FILE).exists()
    assert "![Webhooks answered per second, one core](images/bench-ingress-throughput.svg)" in (
        docs / "performance.md"
    ).read_text(encoding="utf-8")
