"""What every bench does with its rounds: medians, machine, table, JSON file, exit status."""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"

Rounds = dict[str, list[dict[str, float]]]
"""By contender: the figures of each round."""

Targets = dict[str, tuple[str, float]]
"""By ratio: `>=` or `<=`, and what is wanted."""


def options(name: str, doc: str, argv: list[str]) -> argparse.Namespace:
    """The options that all benches share."""
    parser = argparse.ArgumentParser(prog=f"python -m bench {name}", description=doc.split("\n\n")[1])
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--rounds", type=int, help="how often each contender is measured")
    parser.add_argument("--quick", action="store_true", help="one small round; nothing is written to bench/results")
    return parser.parse_args(argv)


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: round(statistics.median(figures[name] for figures in rounds), 3) for name in rounds[0]}


def missed(ratios: dict[str, float], targets: Targets) -> list[str]:
    """The targets that were not reached, in words."""
    wrong = []
    for name, (sign, wanted) in targets.items():
        if name not in ratios:
            wrong.append(f"{name}: not measured, target {sign} {wanted:g}")
        elif not (ratios[name] >= wanted if sign == ">=" else ratios[name] <= wanted):
            wrong.append(f"{name}: {ratios[name]:g}, target {sign} {wanted:g}")
    return wrong


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    packages = ("starlette", "uvicorn", "uvloop", "httptools", "arq", "redis", "hiredis", "msgspec", "twilio")
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "pinning": "the server under test on one core; the load generator and Redis on the other",
        "durability": "Redis with its append-only file on; appendfsync everysec, or always where it says fsync",
        **{name: importlib.metadata.version(name) for name in packages},
    }


def table(report: dict[str, Any]) -> str:
    """The report for people: a row per figure, a column per contender."""
    columns: dict[str, dict[str, float]] = report["contenders"]
    heads = [[word[:13] for word in name.split()] for name in columns]
    depth = max(len(words) for words in heads)
    lines = [
        " " * 16 + "".join(f"{words[row] if row < len(words) else '':>14}" for words in heads) for row in range(depth)
    ]
    for figure in dict.fromkeys(name for figures in columns.values() for name in figures):
        cells = (
            f"{figures[figure]:,.{0 if figures[figure] >= 100 else 2}f}" if figure in figures else ""
            for figures in columns.values()
        )
        lines.append(f"{figure:16}" + "".join(f"{cell:>14}" for cell in cells))
    lines += ["", *(f"  {name:44}{ratio:>9.2f}" for name, ratio in report["ratios"].items())]
    return "\n".join(lines)


def finish(
    name: str,
    chosen: argparse.Namespace,
    *,
    rounds: Rounds,
    names: dict[str, str],
    ratios: dict[str, float],
    targets: Targets,
    more: dict[str, Any] | None = None,
) -> int:
    """Print the report, write it unless it was a quick run, and give the exit status: 1 if a target was missed."""
    report = {
        "machine": machine(),
        "rounds": len(next(iter(rounds.values()))),
        "contenders": {names[key]: medians(figures) for key, figures in rounds.items()},
        "ratios": ratios,
        "missed": missed(ratios, targets),
        **(more or {}),
    }
    if not chosen.quick:  # too small to be quoted
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2) if chosen.json else table(report))
    for line in report["missed"]:
        print(f"target missed: {line}", file=sys.stderr)
    return 1 if report["missed"] else 0
