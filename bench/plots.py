"""The plots of docs/performance.md and docs/scale.md, made from `bench/results/*.json`: `make plots`.

Pure but for `write`. A bench that has not been run has no plots. The files hold no date: they differ only when the
figures do.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.summary import Report, Reports
from bench.svg import Figure, Mark, Plot, Row, bars, spans

IMAGES = Path(__file__).parents[1] / "docs" / "images"
PREFIX = "bench-"


def plots(reports: Reports) -> dict[str, str]:
    """By file name: the SVG."""
    found: dict[str, str] = {}
    if "ingress" in reports:
        found |= _ingress(reports["ingress"])
    if "pipeline" in reports:
        found |= _pipeline(reports["pipeline"])
    if "engine" in reports:
        found |= _engine(reports["engine"])
    if "scale" in reports:
        found |= _scale(reports["scale"])
    return {f"{PREFIX}{name}.svg": svg for name, svg in found.items()}


def write(reports: Reports, folder: Path) -> None:
    """Make the files anew, and drop those of benches that are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    made = plots(reports)
    for file in folder.glob(f"{PREFIX}*.svg"):
        if file.name not in made:
            file.unlink()
    for name, svg in made.items():
        (folder / name).write_text(svg, encoding="utf-8")


def title(svg: str) -> str:
    """What a plot is called."""
    return svg.partition('<title id="t">')[2].partition("</title>")[0]


def figure(report: Report, contender: str, name: str) -> Figure:
    """Median, least and most of the rounds."""
    median = float(report["contenders"][contender][name])
    every = [float(each[name]) for each in report.get("each_round", {}).get(contender, ()) if name in each] or [median]
    return Figure(median=median, low=min(every), high=max(every))


def _rows(report: Report, *names: str) -> tuple[Row, ...]:
    """The contenders that have all of these figures."""
    return tuple(
        Row(
            label=contender.replace("`", ""),
            figures=tuple(figure(report, contender, name) for name in names),
            ours=contender.lower().startswith(("textgate", "`textgate")),
        )
        for contender, figures in report["contenders"].items()
        if all(name in figures for name in names)
    )


def _sorted(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: -row.figures[0].median))


def _rounds(report: Report) -> str:
    count = int(report["rounds"])
    spread = "; whisker: least and most" if "each_round" in report else ""
    return f"Median of {count} rounds{spread}" if count > 1 else "One round"


def _multiples(report: Report, name: str, wanted: tuple[tuple[float, str, str], ...]) -> Iterator[Mark]:
    """Targets that are a multiple of a contender's figure, of those that took part."""
    for times, contender, label in wanted:
        if name in report["contenders"].get(contender, {}):
            yield Mark(at=times * report["contenders"][contender][name], label=f"target: {label}")


def _ingress(report: Report) -> dict[str, str]:
    throughput = Plot(
        title="Webhooks answered per second, one core",
        subtitle=f"32 connections, as fast as answers come; at OpenClaw's load and textgate up: 16. {_rounds(report)}",
        unit="signed webhooks per second (more is better)",
        rows=_sorted(_rows(report, "per_s")),
        marks=tuple(
            _multiples(
                report,
                "per_s",
                (
                    (4, "hand-written handler", "4 times the hand-written handler"),
                    (2, "Agent Connect", "2 times Agent Connect"),
                    (0.3, "bare ASGI", "0.30 of bare ASGI"),
                ),
            )
        ),
    )
    rows = _rows(report, "fixed_p50_ms", "fixed_p99_ms", "fixed_p999_ms")
    peers = [row.figures[1].median for row in rows if not row.ours]
    rate = next(iter(each["fixed_rate"] for each in report["contenders"].values() if "fixed_rate" in each), 0)
    latency = Plot(
        title="Latency of a webhook at the same load for all",
        subtitle=f"{rate:,.0f} webhooks per second, half of what the hand-written handler takes; counted from when due",
        unit="milliseconds, logarithmic (less is better)",
        rows=rows,
        marks=(Mark(at=min(peers), label="target: p99 below this, the lowest of the others"),) if peers else (),
        legend=("p50", "p99", "p99.9"),
    )
    memory = _rows(report, "pss_mb")
    theirs = report["contenders"].get("OpenClaw, SMS plugin", {}).get("pss_mb")
    held = Plot(
        title="Memory while it works",
        subtitle="Proportional set size of all processes of each; textgate up holds Redis, ingress and four workers",
        unit="MB (less is better)",
        rows=_sorted(memory),
        marks=(Mark(at=theirs * 2 / 3, label="target for textgate up: two thirds of OpenClaw"),) if theirs else (),
    )
    return {"ingress-throughput": bars(throughput), "ingress-latency": spans(latency), "memory": bars(held)}


def _pipeline(report: Report) -> dict[str, str]:
    doubled = all("per_s_2" in figures for figures in report["contenders"].values())
    throughput = Plot(
        title="Texts through the whole pipeline per second",
        subtitle=f"Agent, format, send: three hops on 2 cores that also hold Redis and the load. {_rounds(report)}",
        unit="texts per second (more is better)",
        rows=_sorted(_rows(report, "per_s_1", "per_s_2") if doubled else _rows(report, "per_s_1")),
        marks=tuple(_multiples(report, "per_s_1", ((5, "arq, tuned", "5 times arq, tuned"),))),
        legend=("1 worker per stage", "2 workers per stage") if doubled else (),
    )
    latency = Plot(
        title="From the webhook to the request that Twilio gets",
        subtitle="At 30 % of each one's own throughput, counted from when a text was due",
        unit="milliseconds, logarithmic (less is better)",
        rows=tuple(sorted(_rows(report, "p50_ms", "p95_ms", "p99_ms"), key=lambda row: row.figures[0].median)),
        marks=(Mark(at=8, label="target: p50 at most 8 ms"), Mark(at=40, label="target: p99 at most 40 ms")),
        legend=("p50", "p95", "p99"),
    )
    cpu = Plot(
        title="Processor time of a text, all processes together",
        subtitle=f"Workers and Redis, and Textgate's ingress; the others are fed without one. {_rounds(report)}",
        unit="microseconds of processor time per text (less is better)",
        rows=tuple(sorted(_rows(report, "cpu_us"), key=lambda row: row.figures[0].median)),
    )
    return {
        "pipeline-throughput": bars(throughput),
        "pipeline-latency": spans(latency),
        "pipeline-processor": bars(cpu),
    }


def _engine(report: Report) -> dict[str, str]:
    one, four = (
        tuple(_multiples(report, f"jobs_per_s_{workers}", ((times, "arq, tuned", words),)))
        for workers, times, words in (
            (1, 8, "1 worker, 8 times arq, tuned"),
            (4, 20, "4 workers, 20 times arq, tuned"),
        )
    )
    throughput = Plot(
        title="Jobs per second that do nothing",
        subtitle=f"The queue alone: what it costs to claim, run and finish a job. {_rounds(report)}",
        unit="jobs per second (more is better)",
        rows=_rows(report, "jobs_per_s_1", "jobs_per_s_4"),
        marks=one + four,
        legend=("1 worker", "4 workers"),
    )
    return {"engine-throughput": bars(throughput)}


def _scale(report: Report) -> dict[str, str]:
    found = {}
    for name, title, unit in (
        ("commands_per_text", "Redis commands per text as the house grows", "commands, those inside scripts too"),
        ("bytes_per_text", "Bytes to and from Redis per text as the house grows", "bytes"),
    ):
        rows = tuple(Row(label=_short(row.label), figures=row.figures, ours=True) for row in _rows(report, name))
        limit = Mark(at=rows[0].figures[0].median * 1.15, label="target: at most 15 % above the first row")
        plot = Plot(
            title=title,
            subtitle=f"{report['texts']:,} texts through the whole pipeline. {_rounds(report)}",
            unit=unit,
            rows=rows,
            marks=(limit,),
        )
        found[f"scale-{name.partition('_')[0]}"] = bars(plot)
    return found


def _short(label: str) -> str:
    return label.partition(",")[0] if label.startswith("1 worker") else label
