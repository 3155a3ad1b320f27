"""`bench/results/summary.json`: the ratios of all benches in one flat object, made anew from their JSON files.

Each bench owns the ratios that its own file names, so running one again replaces its part and leaves the others.
"""

import json
from pathlib import Path
from typing import Any

from bench.targets import missed, reached

BENCHES = ("ingress", "engine", "pipeline", "scale")
FILE = "summary.json"

Report = dict[str, Any]
"""The JSON of one bench."""

Reports = dict[str, Report]
"""By bench: its JSON."""


def load(folder: Path) -> Reports:
    """The reports of the benches that have been run."""
    files = {name: folder / f"{name}.json" for name in BENCHES}
    return {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}


def merged(reports: Reports) -> dict[str, Any]:
    """Ratios, targets and misses of all of them. Raises ValueError if two benches give one ratio."""
    ratios: dict[str, float] = {}
    targets: dict[str, Any] = {}
    for name, report in reports.items():
        twice = ratios.keys() & report["ratios"].keys()
        if twice:
            raise ValueError(f"{name} gives ratios that another bench gives too: {', '.join(sorted(twice))}")
        ratios |= report["ratios"]
        targets |= report.get("targets", {})
    return {
        "ratios": ratios,
        "targets": targets,
        "missed": missed(ratios, targets),
        "benches": {
            name: {"rounds": report["rounds"], "machine": report["machine"]} for name, report in reports.items()
        },
    }


def write(folder: Path) -> dict[str, Any]:
    """Make the file anew; what is in it."""
    found = merged(load(folder))
    (folder / FILE).write_text(json.dumps(found, indent=2) + "\n")
    return found


def text(found: dict[str, Any]) -> str:
    """For people: each ratio, its target, and whether it is reached."""
    lines = [f"{'ratio':50}{'measured':>12}{'target':>12}"]
    for name, value in found["ratios"].items():
        sign, wanted = found["targets"].get(name, ("", None))
        target = "" if wanted is None else f"{sign} {wanted:g}"
        verdict = "" if wanted is None else "  reached" if reached(value, sign, wanted) else "  MISSED"
        lines.append(f"{name:50}{value:>12g}{target:>12}{verdict}")
    lines += [f"not measured: {name}" for name in found["targets"] if name not in found["ratios"]]
    return "\n".join(lines)
