"""`python -m bench.pages`, or `make plots`: renew everything that is made from `bench/results/*.json`.

That is the summary of the ratios, the plots in docs/images/, and what stands between `<!-- made: NAME -->` and
`<!-- end -->` in docs/performance.md and docs/scale.md. The prose around it is written by hand. A test fails while a
file differs from what this gives.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from bench import growth, plots, summary, tables
from bench.report import RESULTS
from bench.summary import Report, Reports

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("performance.md", "scale.md")

OF_ALL: dict[str, Callable[[Reports], str]] = {"targets": tables.targets, "machine": tables.machine}
OF_ONE: dict[str, tuple[str, Callable[[Report], str]]] = {
    "ingress": ("ingress", lambda report: tables.contenders("ingress", report)),
    "pipeline": ("pipeline", lambda report: tables.contenders("pipeline", report)),
    "engine": ("engine", lambda report: tables.contenders("engine", report)),
    "rows": ("scale", lambda report: tables.rows_down("scale", report)),
    "kept": ("scale", tables.kept),
    "callback": ("scale", tables.callback),
}
"""By block: the bench that it needs, and how it is made."""

_BLOCK = re.compile(r"(<!-- made: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def block(name: str, reports: Reports) -> str:
    """What stands between the marks of this name. Raises KeyError for a name that is not known."""
    if name in OF_ALL:
        return OF_ALL[name](reports) if reports else "Nothing has been measured yet: `make bench`."
    if name in ("growth", "ceiling"):
        return _growth(name, reports)
    bench, make = OF_ONE[name]
    if bench not in reports:
        return _not_yet(bench)
    pictures = [] if name in ("kept", "callback") else _pictures(bench, reports)
    return "\n\n".join([*pictures, make(reports[bench])])


def renewed(page: str, reports: Reports) -> str:
    """The page with every block made anew."""
    return _BLOCK.sub(lambda found: f"{found[1]}{block(found[2], reports)}\n{found[3]}", page)


def write(results: Path, docs: Path) -> None:
    """Renew summary, plots and pages."""
    reports = summary.load(results)
    summary.write(results)
    plots.write(reports, docs / "images")
    for page in PAGES:
        path = docs / page
        path.write_text(renewed(path.read_text(encoding="utf-8"), reports), encoding="utf-8")


def _pictures(bench: str, reports: Reports) -> list[str]:
    """Where a page shows the plots of a bench; what they say stands in the table as well."""
    made = plots.plots({bench: reports[bench]})
    return [f"![{plots.title(svg)}](images/{name})" for name, svg in made.items()]


def _growth(name: str, reports: Reports) -> str:
    text = growth.measured(reports)
    if text is None:
        return _not_yet("pipeline` and `python -m bench scale")
    if name == "ceiling":
        return growth.ceiling(text)
    head = ["texts a day", *(f"{volume:,}" for volume in growth.VOLUMES)]
    return tables.markdown(head, growth.table_rows(text))


def _not_yet(bench: str) -> str:
    return f"Not measured yet: `python -m bench {bench}`, then `make plots`."


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else RESULTS, DOCS)
