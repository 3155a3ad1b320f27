"""What every bench does with its rounds: medians, table, JSON file, summary, exit status."""

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import msgspec

from bench import summary
from bench.targets import Targets, missed
from bench.versions import machine

RESULTS = Path(__file__).parent / "results"

Rounds = dict[str, list[dict[str, float]]]
"""By contender: the figures of each round."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a bench has found."""

    rounds: Rounds
    names: dict[str, str]
    """By contender's key: its name for people, in the order of the table."""
    ratios: dict[str, float]
    targets: Targets
    pinning: str
    more: dict[str, Any] = {}
    """What this bench alone reports."""


def options(name: str, doc: str, argv: list[str]) -> argparse.Namespace:
    """The options that all benches share."""
    parser = argparse.ArgumentParser(prog=f"python -m bench {name}", description=doc.split("\n\n")[1])
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--rounds", type=int, help="how often each contender is measured")
    parser.add_argument("--quick", action="store_true", help="one small round, too small to be quoted")
    parser.add_argument(
        "--results", type=Path, help="folder of the JSON files; default bench/results, and none for --quick"
    )
    return parser.parse_args(argv)


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure that every round has."""
    shared = [name for name in rounds[0] if all(name in figures for figures in rounds)]
    return {name: round(statistics.median(figures[name] for figures in rounds), 3) for name in shared}


def table(report: dict[str, Any]) -> str:
    """The report for people: a row per figure, a column per contender."""
    columns: dict[str, dict[str, float]] = report["contenders"]
    heads = [[word[:13] for word in name.split()] for name in columns]
    depth = max(len(words) for words in heads)
    lines = [
        " " * 24 + "".join(f"{words[row] if row < len(words) else '':>14}" for words in heads) for row in range(depth)
    ]
    for figure in dict.fromkeys(name for figures in columns.values() for name in figures):
        cells = (
            f"{figures[figure]:,.{0 if figures[figure] >= 100 else 2}f}" if figure in figures else ""
            for figures in columns.values()
        )
        lines.append(f"{figure:24}" + "".join(f"{cell:>14}" for cell in cells))
    lines += ["", *(f"  {name:48}{ratio:>9.2f}" for name, ratio in report["ratios"].items())]
    return "\n".join(lines)


def report_of(outcome: Outcome) -> dict[str, Any]:
    """The JSON of a bench: medians, every round, ratios, targets and which were missed."""
    names = outcome.names
    return {
        "machine": machine(outcome.pinning),
        "rounds": max(len(figures) for figures in outcome.rounds.values()),
        "contenders": {names[key]: medians(figures) for key, figures in outcome.rounds.items()},
        "each_round": {names[key]: figures for key, figures in outcome.rounds.items()},
        "ratios": outcome.ratios,
        "targets": outcome.targets,
        "missed": missed(outcome.ratios, outcome.targets),
        **outcome.more,
    }


def finish(name: str, chosen: argparse.Namespace, outcome: Outcome) -> int:
    """Print the report, write it and the summary, and give the exit status: 1 if a target was missed.

    A quick run writes only where `--results` says, because it is too small to be quoted.
    """
    report = report_of(outcome)
    folder: Path | None = chosen.results or (None if chosen.quick else RESULTS)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n")
        summary.write(folder)
    print(json.dumps(report, indent=2) if chosen.json else table(report))
    for line in report["missed"]:
        print(f"target missed: {line}", file=sys.stderr)
    return 1 if report["missed"] else 0
