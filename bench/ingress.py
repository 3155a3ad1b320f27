"""`python -m bench ingress`: webhooks per second and latency, Textgate beside what people run instead.

Every round measures each contender once, in turn; ratios are taken within a round, and the median of the rounds
counts. The server under test has one core to itself; the load generator and Redis share the other. Each webhook is
signed and has a MessageSid of its own. A figure of Textgate's is void unless everything that it answered 200 is in
Redis afterwards.
"""

import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis

from bench import cores, servers
from bench.fleet import commands, reset_commands
from bench.load import Plan, Report
from bench.webhooks import message_sid
from shared.keys import Keys
from shared.records import decode_inbound_text

Say = Callable[[str], None]


class LostError(Exception):
    """Something was answered 200 and is not in Redis."""


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One way to take webhooks in, and how many it is given at saturation: about three seconds' worth."""

    key: str
    name: str
    count: int
    fsync: str | None = None
    """Redis' appendfsync; None: it keeps nothing."""
    start: Callable[[Path, str], "contextlib.AbstractContextManager[servers.Server]"]
    ours: bool = False


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int
    share: float
    """Of each contender's `count`."""
    fixed_s: float
    openclaw_texts: int


FULL = Size(rounds=5, share=1.0, fixed_s=5.0, openclaw_texts=250)
QUICK = Size(rounds=1, share=0.2, fixed_s=1.0, openclaw_texts=100)

CONTENDERS = (
    Contender(key="a", name="bare ASGI", count=40_000, start=lambda _, __: servers.python_server("bare_asgi")),
    Contender(
        key="b", name="bare Starlette route", count=24_000, start=lambda _, __: servers.python_server("bare_starlette")
    ),
    Contender(
        key="c",
        name="hand-written handler",
        count=4_000,
        fsync="everysec",
        start=lambda _, url: servers.python_server("handwritten", redis_url=url),
    ),
    Contender(key="d", name="Agent Connect", count=8_000, start=lambda _, __: servers.agent_connect()),
    Contender(
        key="e",
        name="Textgate, everysec",
        count=20_000,
        fsync="everysec",
        start=lambda folder, url: servers.textgate_ingress(folder, redis_url=url),
        ours=True,
    ),
    Contender(
        key="f",
        name="Textgate, fsync before 200",
        count=20_000,
        fsync="always",
        start=lambda folder, url: servers.textgate_ingress(folder, redis_url=url),
        ours=True,
    ),
)

OPENCLAW = "g"
FIXED = ("c", "d", "e", "f")
"""Who is measured at a fixed offered load."""

Rounds = dict[str, list[dict[str, float]]]


def measure(size: Size, say: Say) -> Rounds:
    """All rounds of all contenders that are installed here."""
    rounds: Rounds = {}
    rate = 0.0
    for number in range(size.rounds):
        for contender in CONTENDERS:
            say(f"round {number + 1} of {size.rounds}: {contender.name}")
            with _server(contender) as (server, redis):
                figures = _saturate(contender, server, redis, size)
                if contender.key == "c" and not rate:
                    rate = figures["per_s"] / 2
                if contender.key in FIXED:
                    figures |= _at_rate(server, rate, size)
                if contender.ours and redis is not None:
                    figures["verified"] = _verify(redis, server)
            rounds.setdefault(contender.key, []).append(figures)
        _openclaw_round(rounds, size, say, number)
    return rounds


def _openclaw_round(rounds: Rounds, size: Size, say: Say, number: int) -> None:
    """OpenClaw and, at the same load, the whole of `textgate up`."""
    say(f"round {number + 1} of {size.rounds}: OpenClaw, and `textgate up` at its load")
    with tempfile.TemporaryDirectory() as folder:
        for key, start in ((OPENCLAW, servers.openclaw), ("up", servers.textgate_up)):
            try:
                with start(Path(folder)) as server:
                    report = _load(server, size.openclaw_texts, connections=16)
                    rss, pss = cores.memory_mb(server.pids())
            except servers.MissingPeerError as missing:
                say(str(missing))
                return
            rounds.setdefault(key, []).append({**_figures(report), "rss_mb": rss, "pss_mb": pss})


@contextlib.contextmanager
def _server(contender: Contender) -> Iterator[tuple[servers.Server, Redis | None]]:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder, redis, url = Path(name), None, ""
        if contender.fsync:
            url = stack.enter_context(servers.redis_server(folder / "r", appendfsync=contender.fsync))
            redis = stack.enter_context(Redis.from_url(url))
        yield stack.enter_context(contender.start(folder, url)), redis


def _saturate(contender: Contender, server: servers.Server, redis: Redis | None, size: Size) -> dict[str, float]:
    _load(server, 500)  # warm
    if redis is not None:
        reset_commands(redis)
    used_s = cores.cpu_s(server.pids())
    count = int(contender.count * size.share)
    report = _load(server, count)
    figures = _figures(report)
    figures["cpu_us"] = round((cores.cpu_s(server.pids()) - used_s) / count * 1e6, 1)
    figures["commands"] = round(commands(redis) / count, 2) if redis is not None else 0.0
    figures["rss_mb"], figures["pss_mb"] = cores.memory_mb(server.pids())
    return figures


def _at_rate(server: servers.Server, rate: float, size: Size) -> dict[str, float]:
    report = _load(server, int(rate * size.fixed_s), rate=rate)
    return {f"fixed_{name}": value for name, value in _figures(report).items()} | {"fixed_rate": round(rate)}


def _load(server: servers.Server, count: int, *, connections: int = 32, rate: float = 0.0) -> Report:
    plan = Plan(target=server.target, first=server.first, count=count, connections=connections, rate=rate)
    server.first += count
    words = [sys.executable, "-m", "bench.load", msgspec.json.encode(plan).decode()]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, cwd=servers.HERE.parent)
    report = msgspec.json.decode(done.stdout, type=Report, strict=False)
    if set(report.statuses) != {200}:
        raise SystemExit(f"answers other than 200: {report.statuses}")
    return report


def _figures(report: Report) -> dict[str, float]:
    quantiles = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}
    return {"per_s": round(report.per_s, 1)} | {name: report.quantile_ms(q) for name, q in quantiles.items()}


def _verify(redis: Redis, server: servers.Server) -> float:
    """How many webhooks were answered 200, all of which are in Redis. Raises LostError."""
    keys = Keys()
    stored = set()
    for lane in redis.scan_iter(match=f"{keys.prefix}lane:agent:*", count=1000):
        records: Any = redis.lrange(lane, 0, -1)
        stored |= {decode_inbound_text(record).message_sid for record in records}
    lost = {message_sid(index) for index in range(server.first)} - stored
    if lost:
        raise LostError(f"{len(lost)} of {server.first} webhooks were answered 200 and are not in Redis")
    return float(len(stored))


def ratios(rounds: Rounds) -> dict[str, float]:
    """The median of the ratios within a round; above 1 is better for Textgate."""

    def ratio(key: str, ours: str, theirs: str, *, less: bool = False) -> float | None:
        if ours not in rounds or theirs not in rounds:
            return None
        pairs = zip(rounds[ours], rounds[theirs], strict=True)
        found = statistics.median(t[key] / o[key] if less else o[key] / t[key] for o, t in pairs)
        return round(found, 2)

    found = {
        "ingress_vs_handwritten": ratio("per_s", "e", "c"),
        "ingress_vs_agent_connect": ratio("per_s", "e", "d"),
        "ingress_vs_bare_asgi": ratio("per_s", "e", "a"),
        "ingress_vs_openclaw": ratio("per_s", "up", OPENCLAW),
        "ingress_fsync_vs_everysec": ratio("per_s", "f", "e"),
        "ingress_fixed_p99_vs_handwritten": ratio("fixed_p99_ms", "e", "c", less=True),
        "ingress_fixed_p99_vs_agent_connect": ratio("fixed_p99_ms", "e", "d", less=True),
        "memory_vs_openclaw": ratio("pss_mb", "up", OPENCLAW),
    }
    return {name: value for name, value in found.items() if value is not None}


TARGETS = {
    "ingress_vs_handwritten": (">=", 4.0),
    "ingress_vs_agent_connect": (">=", 2.0),
    "ingress_vs_bare_asgi": (">=", 0.30),
    "ingress_vs_openclaw": (">=", 30.0),
    "ingress_fsync_vs_everysec": (">=", 0.8),
    "ingress_fixed_p99_vs_handwritten": (">=", 1.0),
    "ingress_fixed_p99_vs_agent_connect": (">=", 1.0),
    "memory_vs_openclaw": ("<=", 0.667),
}


def names() -> dict[str, str]:
    """Contenders by key, for people."""
    named = {contender.key: contender.name for contender in CONTENDERS}
    return named | {OPENCLAW: "OpenClaw, SMS plugin", "up": "`textgate up`, everything"}


def main(argv: list[str]) -> int:
    """Measure, print, write; the exit status."""
    from bench.report import finish, options

    chosen = options("ingress", __doc__ or "", argv)
    size = QUICK if chosen.quick else FULL
    if chosen.rounds:
        size = msgspec.structs.replace(size, rounds=chosen.rounds)
    rounds = measure(size, lambda line: print(line, file=sys.stderr))
    return finish("ingress", chosen, rounds=rounds, names=names(), ratios=ratios(rounds), targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
