"""`python -m bench ingress`: webhooks per second and latency, Textgate beside what people run instead.

Every round measures each contender once, in turn; ratios are taken within a round, and the median of the rounds
counts. The server under test has one core to itself; the load generator and Redis share the other. Each webhook is
signed and has a MessageSid of its own. A figure of Textgate's is void unless everything that it answered 200 is in
Redis afterwards.
"""

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis

from bench import cores, servers
from bench.fleet import commands, reset_commands
from bench.ingress_field import AT_OPENCLAWS_LOAD, CONTENDERS, EVERYSEC_AT_IT, FIXED, OPENCLAW, Contender, names
from bench.load import Plan, Report, post
from bench.report import Outcome, Rounds, finish, options
from bench.targets import Targets
from bench.webhooks import message_sid
from shared.keys import Keys
from shared.records import decode_inbound_text

SETTLE_S = 1.0
"""Until the workers of `textgate up` have answered what it was warmed with."""

Say = Callable[[str], None]


class LostError(Exception):
    """Something was answered 200 and is not in Redis."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int
    share: float
    """Of each contender's `count`."""
    fixed_s: float
    openclaw_texts: int
    openclaw_warm: int
    """Before them."""
    openclaw_pause_s: float
    """Between the two: a limiter that stops at 300 texts a minute has to forget the first."""


FULL = Size(rounds=5, share=1.0, fixed_s=5.0, openclaw_texts=250, openclaw_warm=250, openclaw_pause_s=61)
QUICK = Size(rounds=1, share=0.2, fixed_s=1.0, openclaw_texts=100, openclaw_warm=100, openclaw_pause_s=1)


def measure(size: Size, say: Say) -> Rounds:
    """All rounds of all contenders that are installed here; the others are left out with a sentence."""
    rounds: Rounds = {}
    missing: set[str] = set()
    by_key = {contender.key: contender for contender in CONTENDERS}
    for number in range(size.rounds):
        for key, name in names().items():
            if key in missing:
                continue
            say(f"round {number + 1} of {size.rounds}: {name}")
            try:
                if key in by_key:
                    figures = _one_round(by_key[key], size, _fixed_rate(rounds))
                else:
                    figures = _at_openclaws_load(key, size)
            except servers.MissingPeerError as error:
                missing.add(key)
                say(f"left out: {error}")
            else:
                rounds.setdefault(key, []).append(figures)
    return rounds


def _fixed_rate(rounds: Rounds) -> float:
    """Half of what the hand-written handler, the slowest, took in the first round; 0 before that."""
    return rounds["c"][0]["per_s"] / 2 if "c" in rounds else 0.0


def _one_round(contender: Contender, size: Size, rate: float) -> dict[str, float]:
    """Saturation, then the fixed load, then the proof that nothing is lost."""
    with _server(contender) as (server, redis):
        figures = _saturate(contender, server, redis, size)
        if contender.key in FIXED:
            figures |= _at_rate(server, rate or figures["per_s"] / 2, size)
        if contender.ours and redis is not None:
            figures["verified"] = _verify(redis, server)
        return figures


def _at_openclaws_load(key: str, size: Size) -> dict[str, float]:
    _, start = AT_OPENCLAWS_LOAD[key]
    with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as server:
        _load(server, size.openclaw_warm, connections=16)
        time.sleep(size.openclaw_pause_s if key == OPENCLAW else SETTLE_S)
        used_s = cores.cpu_s(server.pids())
        report = _load(server, size.openclaw_texts, connections=16)
        used_s = cores.cpu_s(server.pids()) - used_s
        rss, pss = cores.memory_mb(server.pids())
    figures = {"cpu_us": round(used_s / size.openclaw_texts * 1e6, 1), "rss_mb": rss, "pss_mb": pss}
    return {**_figures(report), **figures}


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
    report = _load(server, int(rate * size.fixed_s), rate=rate, random=True)
    return {f"fixed_{name}": value for name, value in _figures(report).items()} | {"fixed_rate": round(rate)}


def _load(
    server: servers.Server, count: int, *, connections: int = 32, rate: float = 0.0, random: bool = False
) -> Report:
    first = server.first
    plan = Plan(target=server.target, first=first, count=count, connections=connections, rate=rate, random=random)
    server.first += count
    report = post(plan)
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
        "ingress_fsync_vs_handwritten": ratio("per_s", "f", "c"),
        "ingress_fsync_vs_agent_connect": ratio("per_s", "f", "d"),
        "ingress_vs_bare_asgi": ratio("per_s", "e", "a"),
        "ingress_vs_openclaw": ratio("per_s", EVERYSEC_AT_IT, OPENCLAW),
        "ingress_of_textgate_up_vs_openclaw": ratio("per_s", "up", OPENCLAW),
        "ingress_fsync_vs_everysec": ratio("per_s", "f", "e"),
        "ingress_fixed_p99_vs_handwritten": ratio("fixed_p99_ms", "e", "c", less=True),
        "ingress_fixed_p99_vs_agent_connect": ratio("fixed_p99_ms", "e", "d", less=True),
        "memory_vs_openclaw": ratio("pss_mb", "up", OPENCLAW),
    }
    return {name: value for name, value in found.items() if value is not None}


PINNING = "the server under test on one core, the load and Redis on the other; OpenClaw and `textgate up` not pinned"
TARGETS: Targets = {
    "ingress_vs_handwritten": (">=", 4.0),
    "ingress_vs_agent_connect": (">=", 2.0),
    "ingress_vs_bare_asgi": (">=", 0.30),
    "ingress_vs_openclaw": (">=", 30.0),
    "ingress_fsync_vs_everysec": (">=", 0.8),
    "ingress_fixed_p99_vs_handwritten": (">=", 1.0),
    "ingress_fixed_p99_vs_agent_connect": (">=", 1.0),
    "memory_vs_openclaw": ("<=", 0.667),
}


def main(argv: list[str]) -> int:
    """Measure, print, write; the exit status."""
    chosen = options("ingress", __doc__ or "", argv)
    size = QUICK if chosen.quick else FULL
    if chosen.rounds:
        size = msgspec.structs.replace(size, rounds=chosen.rounds)
    rounds = measure(size, lambda line: print(line, file=sys.stderr))
    outcome = Outcome(rounds=rounds, names=names(), ratios=ratios(rounds), targets=TARGETS, pinning=PINNING)
    return finish("ingress", chosen, outcome)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
