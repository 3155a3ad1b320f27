"""The tables of the pages, in Markdown, made from the JSON of the benches. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from bench.plots import figure
from bench.summary import Report, Reports, merged
from bench.svg import number
from bench.targets import reached


class Line(msgspec.Struct, frozen=True):
    """A figure of the JSON and what people call it."""

    figure: str
    words: str


INGRESS = (
    Line("per_s", "webhooks/s"),
    Line("p50_ms", "p50 ms"),
    Line("p99_ms", "p99 ms"),
    Line("p999_ms", "p99.9 ms"),
    Line("fixed_p50_ms", "same load: p50 ms"),
    Line("fixed_p99_ms", "same load: p99 ms"),
    Line("fixed_p999_ms", "same load: p99.9 ms"),
    Line("cpu_us", "processor µs a webhook"),
    Line("commands", "Redis commands a webhook"),
    Line("rss_mb", "RSS MB"),
    Line("pss_mb", "PSS MB"),
    Line("verified", "answered 200 and found in Redis"),
)
PIPELINE = (
    Line("per_s_1", "texts/s, 1 worker per stage"),
    Line("per_s_2", "texts/s, 2 workers per stage"),
    Line("p50_ms", "p50 ms"),
    Line("p95_ms", "p95 ms"),
    Line("p99_ms", "p99 ms"),
    Line("p999_ms", "p99.9 ms"),
    Line("round_trips_per_text", "round trips, a text alone"),
    Line("commands_alone_per_text", "commands, a text alone"),
    Line("reads_per_text", "round trips a text, all at once"),
    Line("commands_per_text", "commands a text, all at once"),
    Line("cpu_us_ingress", "processor µs a text: ingress"),
    Line("cpu_us_agent", "agent worker"),
    Line("cpu_us_format", "format worker"),
    Line("cpu_us_outbound", "outbound worker"),
    Line("cpu_us_redis", "Redis"),
    Line("cpu_us", "all of them"),
    Line("idle_commands_per_s", "commands/s of an idle worker"),
    Line("idle_cpu_ms_per_s", "processor ms/s of an idle worker"),
    Line("rss_mb", "RSS MB without Redis"),
    Line("pss_mb", "PSS MB without Redis"),
    Line("sent_twice", "texts sent twice"),
)
ENGINE = (
    Line("jobs_per_s_1", "jobs/s, 1 worker"),
    Line("jobs_per_s_2", "jobs/s, 2 workers"),
    Line("jobs_per_s_4", "jobs/s, 4 workers"),
    Line("commands_per_job_1", "Redis commands a job, 1 worker"),
    Line("commands_per_job_4", "Redis commands a job, 4 workers"),
    Line("three_hop_p50_ms", "through three stages, p50 ms"),
    Line("three_hop_p95_ms", "through three stages, p95 ms"),
    Line("idle_commands_per_s", "commands/s of an idle worker"),
)
SCALE = (
    Line("commands_per_text", "commands a text"),
    Line("bytes_per_text", "bytes a text, both ways"),
    Line("aof_bytes_per_text", "bytes a text in the append-only file"),
    Line("ms_per_text", "ms a text (for information)"),
    Line("bytes_per_idle_conversation", "bytes of memory per idle conversation"),
)
LINES = {"ingress": INGRESS, "pipeline": PIPELINE, "engine": ENGINE, "scale": SCALE}

Cells = Sequence[str]


def markdown(head: Cells, rows: Iterable[Cells], *, numbers: bool = True) -> str:
    """A table; all columns but the first hold numbers."""
    ruler = ["---", *(["---:" if numbers else "---"] * (len(head) - 1))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows))


def contenders(name: str, report: Report) -> str:
    """A column per contender: the median, and below it the least and the most of the rounds."""
    columns = report["contenders"]
    lines = [line for line in LINES[name] if any(line.figure in figures for figures in columns.values())]
    rows = [[line.words, *(_cell(report, column, line.figure) for column in columns)] for line in lines]
    return markdown(["", *columns], rows)


def rows_down(name: str, report: Report) -> str:
    """The same with a row per contender: for benches with few figures."""
    columns = report["contenders"]
    lines = [line for line in LINES[name] if any(line.figure in figures for figures in columns.values())]
    rows = [[column, *(_cell(report, column, line.figure) for line in lines)] for column in columns]
    return markdown(["", *(line.words for line in lines)], rows)


def targets(reports: Reports) -> str:
    """Every target with what was measured, and whether it is reached."""
    found = merged(reports)
    rows = []
    for name, (sign, wanted) in found["targets"].items():
        value = found["ratios"].get(name)
        verdict = "not measured" if value is None else "reached" if reached(value, sign, wanted) else "**missed**"
        sign = {">=": "at least", "<=": "at most"}[sign]
        rows.append([f"`{name}`", "" if value is None else f"{value:g}", f"{sign} {wanted:g}", verdict])
    return markdown(["ratio", "measured", "target", ""], rows)


def machine(reports: Reports) -> str:
    """What each bench was run on; versions that are the same everywhere stand once."""
    rows = []
    for name, report in reports.items():
        on = report["machine"]
        hardware = f"{on['cores']} cores, {on.get('processor', on['architecture'])}, {on['system']}"
        rows.append([name, str(report["rounds"]), hardware, f"{on['server']}; {on['durability']}", on["pinning"]])
    table = markdown(["bench", "rounds", "machine", "Redis", "pinned"], rows, numbers=False)
    return f"{table}\n\n{_versions(reports)}"


def kept(report: Report) -> str:
    """What is left of a text in Redis when it is done."""
    rows = [
        [f"`{kind}`", number(each["keys"]), number(each["bytes"]), f"{each['days']:g}"]
        for kind, each in report["kept"].items()
    ]
    return markdown(["key", "keys a text", "bytes a text", "kept for days"], rows)


def callback(report: Report) -> str:
    """What a delivery callback costs."""
    told: dict[str, float] = report["callback"]
    words = {
        "commands": "commands",
        "bytes": "bytes, both ways",
        "aof_bytes": "bytes in the append-only file",
        "cpu_us_ingress": "processor µs: ingress",
        "cpu_us_redis": "Redis",
    }
    return markdown(["a callback", *words.values()], [["", *(number(told[name]) for name in words)]])


def _versions(reports: Reports) -> str:
    aside = {"cores", "architecture", "processor", "system", "server", "durability", "pinning", "peers"}
    ours: dict[str, set[str]] = {}
    peers: dict[str, set[str]] = {}
    for report in reports.values():
        for name, version in report["machine"].items():
            if name not in aside:
                ours.setdefault(name, set()).add(version)
        for name, version in report["machine"].get("peers", {}).items():
            peers.setdefault(name, set()).add(version)
    said = [
        f"{what}: {', '.join(' '.join([name, *sorted(versions)]) for name, versions in group.items())}."
        for what, group in (("Textgate runs on", ours), ("Beside it", peers))
        if group
    ]
    return "\n".join(said)


def _cell(report: Report, column: str, name: str) -> str:
    if name not in report["contenders"][column]:
        return ""
    value = figure(report, column, name)
    median = number(value.median)
    if value.low == value.high:
        return median
    return f"{median}<br><sub>{number(value.low)} to {number(value.high)}</sub>"
