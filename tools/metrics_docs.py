"""Write docs/metrics.md: the prose of tools/metrics_template.md, and tables made from `shared/metrics.py`.

    .venv/bin/python -m tools.metrics_docs

A test fails while the file differs from what this gives.
"""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.registry import CollectorRegistry

from shared.metric_kinds import Kind, Watched
from shared.metrics import ALL

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "tools/metrics_template.md"
TARGET = ROOT / "docs/metrics.md"


def render() -> str:
    """Give the whole document."""
    text = TEMPLATE.read_text(encoding="utf-8")
    text = text.replace("{{ counted }}", _table(kind for kind in ALL if not isinstance(kind, Watched)))
    text = text.replace("{{ watched }}", _table(kind for kind in ALL if isinstance(kind, Watched)))
    return text.replace("{{ process }}", ", ".join(f"`{name}`" for name in process_metrics()))


def process_metrics() -> list[str]:
    """Names of what the library measures of a process on Linux."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    families = [family for family in registry.collect() if family.samples]
    return sorted(family.name + ("_total" if family.type == "counter" else "") for family in families)


def _table(kinds: Iterable[Kind]) -> str:
    rows = [(f"`{k.name}`", k.kind, ", ".join(f"`{label}`" for label in k.labels), k.help_text) for k in kinds]
    lines = [("name", "type", "labels", "meaning"), ("---",) * 4, *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines)


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
