"""`python -m bench engine`: our engine beside stock arq, interleaved in one run.

Every round measures each contender once, so what the machine does meanwhile strikes all alike; ratios are taken within
a round, and the median of the rounds counts. Redis is a real process of its own on a unix socket, not pinned to a
core, with `appendfsync everysec` unless told otherwise. Exit status 1 if a target is missed.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis

from bench.contenders.plan import Plan
from bench.loads import Drain, Hops, drain, hops, rerun_after_kill
from cli.embedded_redis import EmbeddedRedis

RESULTS = Path(__file__).parent / "results" / "engine.json"
WORKERS = (1, 2, 4)


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """A worker set up in one way, and how much it is given so that each measurement takes about a second."""

    name: str
    plan: Plan
    jobs: dict[int, int]
    """By number of workers."""
    gap_s: float = 0.05


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int
    texts: int
    idle_s: float
    lease_s: float


FULL = Size(rounds=3, texts=60, idle_s=6, lease_s=12)
QUICK = Size(rounds=1, texts=20, idle_s=3, lease_s=3)


def contenders(url: str, size: Size) -> list[Contender]:
    """Ours, stock as tuned as it gets, stock as it comes."""
    ours = Plan(contender="ours", redis_url=url, max_jobs=200, lease_s=size.lease_s)
    tuned = Plan(contender="stock", redis_url=url, max_jobs=200, poll_delay_s=0.01)
    default = Plan(contender="stock", redis_url=url, max_jobs=10, poll_delay_s=0.5)
    return [
        Contender(name="ours", plan=ours, jobs={1: 20_000, 2: 30_000, 4: 30_000}),
        Contender(name="stock tuned", plan=tuned, jobs={1: 1500, 2: 1500, 4: 1000}),
        Contender(name="stock default", plan=default, jobs={1: 40, 2: 80, 4: 160}),
    ]


Rounds = dict[str, list[dict[str, float]]]
"""By contender: the figures of each round."""


def measure(redis: Redis, url: str, size: Size, say: Callable[[str], None]) -> tuple[Rounds, float]:
    """All rounds, and the seconds until a killed worker's job ran again."""
    field = contenders(url, size)
    say("warm-up")
    for contender in field[:2]:
        drain(redis, contender.plan, workers=1, jobs=500)
    rounds: Rounds = {contender.name: [] for contender in field}
    for number in range(size.rounds):
        for contender in field:
            say(f"round {number + 1} of {size.rounds}: {contender.name}")
            rounds[contender.name].append(one_round(redis, contender, size))
    say("killing a worker")
    return rounds, rerun_after_kill(redis, field[0].plan)


def one_round(redis: Redis, contender: Contender, size: Size) -> dict[str, float]:
    """Every figure of one contender, once."""
    drains: dict[int, Drain] = {
        workers: drain(redis, contender.plan, workers=workers, jobs=contender.jobs[workers]) for workers in WORKERS
    }
    hopped: Hops = hops(redis, contender.plan, texts=size.texts, gap_s=contender.gap_s, idle_s=size.idle_s)
    return {
        **{f"jobs_per_s_{workers}": found.jobs_per_s for workers, found in drains.items()},
        **{f"commands_per_job_{workers}": found.commands_per_job for workers, found in drains.items()},
        "three_hop_p50_ms": hopped.p50_ms,
        "three_hop_p95_ms": hopped.p95_ms,
        "idle_commands_per_s": hopped.idle_commands_per_s,
    }


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: round(statistics.median(figures[name] for figures in rounds), 2) for name in rounds[0]}


def ratios(rounds: Rounds) -> dict[str, float]:
    """Ours against each other contender: the median of the ratios within a round. More is better."""
    found = {}
    for name in rounds:
        if name == "ours":
            continue
        pairs = list(zip(rounds["ours"], rounds[name], strict=True))
        for workers in WORKERS:
            key = f"jobs_per_s_{workers}"
            found[f"{key} vs {name}"] = statistics.median(ours[key] / theirs[key] for ours, theirs in pairs)
        key = "three_hop_p50_ms"
        found[f"{key} vs {name}"] = statistics.median(theirs[key] / ours[key] for ours, theirs in pairs)
    return {name: round(ratio, 1) for name, ratio in found.items()}


def missed(figures: dict[str, float], found: dict[str, float], rerun_s: float, lease_s: float) -> list[str]:
    """The targets that were not reached, in words."""
    checks = [
        ("jobs/s, one worker, against tuned stock arq", found["jobs_per_s_1 vs stock tuned"], ">=", 8.0),
        ("jobs/s, four workers, against tuned stock arq", found["jobs_per_s_4 vs stock tuned"], ">=", 20.0),
        ("three hops, p50 in ms", figures["three_hop_p50_ms"], "<", 8.0),
        ("commands/s of an idle worker", figures["idle_commands_per_s"], "<=", 2.0),
        ("seconds until a killed worker's job ran again", round(rerun_s, 2), "<=", lease_s),
    ]
    holds: dict[str, Callable[[float, float], bool]] = {
        ">=": lambda value, target: value >= target,
        "<=": lambda value, target: value <= target,
        "<": lambda value, target: value < target,
    }
    return [
        f"{what}: {value}, target {sign} {target:g}"
        for what, value, sign, target in checks
        if not holds[sign](value, target)
    ]


def machine(redis: Redis, fsync: str) -> dict[str, Any]:
    """What the figures were taken on."""
    server: Any = redis.info("server")
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "server": f"{server.get('server_name', 'redis')} {server.get('valkey_version', server['redis_version'])}",
        "durability": f"append-only file, appendfsync {fsync}",
        "redis_pinned": False,
        **{name: importlib.metadata.version(name) for name in ("arq", "redis", "hiredis", "uvloop", "msgspec")},
    }


def table(report: dict[str, Any]) -> str:
    """The report for people."""
    rows = [
        ("jobs/s, 1 worker", "jobs_per_s_1", "{:,.0f}"),
        ("jobs/s, 2 workers", "jobs_per_s_2", "{:,.0f}"),
        ("jobs/s, 4 workers", "jobs_per_s_4", "{:,.0f}"),
        ("commands per job, 1 worker", "commands_per_job_1", "{:.1f}"),
        ("commands per job, 4 workers", "commands_per_job_4", "{:.1f}"),
        ("three hops, p50 ms", "three_hop_p50_ms", "{:.1f}"),
        ("three hops, p95 ms", "three_hop_p95_ms", "{:.1f}"),
        ("commands/s, idle worker", "idle_commands_per_s", "{:.1f}"),
    ]
    names = list(report["contenders"])
    lines = [f"{'':32}" + "".join(f"{name:>16}" for name in names)]
    for label, key, shape in rows:
        lines.append(f"{label:32}" + "".join(f"{shape.format(report['contenders'][name][key]):>16}" for name in names))
    lines += ["", "ours is better by a factor of"]
    lines += [f"  {name:48}{ratio:>8.1f}" for name, ratio in report["ratios"].items()]
    within = "within" if report["rerun_s"] <= report["lease_s"] else "NOT within"
    lines += [
        "",
        f"a killed worker's job ran again after {report['rerun_s']} s, {within} the lease of {report['lease_s']} s",
    ]
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Measure, print, write; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench engine", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--rounds", type=int, help=f"rounds to measure; default {FULL.rounds}")
    parser.add_argument("--quick", action="store_true", help="one small round, under a minute")
    parser.add_argument("--fsync", choices=("everysec", "always", "no"), default="everysec", help="Redis' appendfsync")
    options = parser.parse_args(argv)
    size = QUICK if options.quick else FULL
    if options.rounds:
        size = msgspec.structs.replace(size, rounds=options.rounds)

    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder), appendfsync=options.fsync) as server:
        redis = Redis.from_url(server.url)
        rounds, rerun_s = measure(redis, server.url, size, lambda line: print(line, file=sys.stderr))
        report: dict[str, Any] = {
            "machine": machine(redis, options.fsync),
            "rounds": size.rounds,
            "took_s": round(time.monotonic() - started),
            "contenders": {name: medians(figures) for name, figures in rounds.items()},
            "ratios": ratios(rounds),
            "rerun_s": round(rerun_s, 2),
            "lease_s": size.lease_s,
        }
        redis.close()
    report["missed"] = missed(report["contenders"]["ours"], report["ratios"], rerun_s, size.lease_s)
    if not options.quick:  # too small to be quoted
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2) if options.json else table(report))
    for line in report["missed"]:
        print(f"target missed: {line}", file=sys.stderr)
    return 1 if report["missed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
