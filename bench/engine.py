"""`python -m bench engine`: our engine beside stock arq, interleaved in one run.

Every round measures each contender once, so what the machine does meanwhile strikes all alike; ratios are taken within
a round, and the median of the rounds counts. Redis is a real process of its own on a unix socket, not pinned to a
core, with `appendfsync everysec`. Exit status 1 if a target is missed.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from redis import Redis

from bench.contenders.plan import Plan
from bench.loads import Drain, Hops, drain, hops, rerun_after_kill
from bench.report import Outcome, Rounds, finish, medians, options
from bench.targets import Targets
from cli.embedded_redis import EmbeddedRedis

OURS = "Textgate's engine"
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
        Contender(name=OURS, plan=ours, jobs={1: 20_000, 2: 30_000, 4: 30_000}),
        Contender(name="arq, tuned", plan=tuned, jobs={1: 1500, 2: 1500, 4: 1000}),
        Contender(name="arq, default", plan=default, jobs={1: 40, 2: 80, 4: 160}),
    ]


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


def ratios(rounds: Rounds, rerun_s: float, lease_s: float) -> dict[str, float]:
    """Ours against each other contender: the median of the ratios within a round (more is better); and our own."""
    found = {}
    for name in rounds:
        if name == OURS:
            continue
        pairs = list(zip(rounds[OURS], rounds[name], strict=True))
        for workers in WORKERS:
            key = f"jobs_per_s_{workers}"
            found[_versus(key, name)] = statistics.median(ours[key] / theirs[key] for ours, theirs in pairs)
        key = "three_hop_p50_ms"
        found[_versus(key, name)] = statistics.median(theirs[key] / ours[key] for ours, theirs in pairs)
    ours = medians(rounds[OURS])
    found["engine_three_hop_p50_ms"] = ours["three_hop_p50_ms"]
    found["engine_idle_commands_per_s"] = ours["idle_commands_per_s"]
    found["engine_rerun_after_kill_leases"] = rerun_s / lease_s
    return {name: round(ratio, 2) for name, ratio in found.items()}


def _versus(figure: str, name: str) -> str:
    """`engine_jobs_per_s_4_vs_tuned_arq`."""
    return f"engine_{figure}_vs_{name.replace(',', '').split()[-1]}_arq"


TARGETS: Targets = {
    "engine_jobs_per_s_1_vs_tuned_arq": (">=", 8.0),
    "engine_jobs_per_s_4_vs_tuned_arq": (">=", 20.0),
    "engine_three_hop_p50_ms": ("<=", 8.0),
    "engine_idle_commands_per_s": ("<=", 2.0),
    "engine_rerun_after_kill_leases": ("<=", 1.0),
}


def main(argv: list[str]) -> int:
    """Measure, print, write; the exit status."""
    chosen = options("engine", __doc__ or "", argv)
    size = QUICK if chosen.quick else FULL
    if chosen.rounds:
        size = msgspec.structs.replace(size, rounds=chosen.rounds)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder), appendfsync="everysec") as server:
        redis = Redis.from_url(server.url)
        rounds, rerun_s = measure(redis, server.url, size, lambda line: print(line, file=sys.stderr))
        redis.close()
    outcome = Outcome(
        rounds=rounds,
        names={name: name for name in rounds},
        ratios=ratios(rounds, rerun_s, size.lease_s),
        targets=TARGETS,
        pinning="nothing; Redis on a unix socket",
        more={
            "took_s": round(time.monotonic() - started),
            "rerun_s": round(rerun_s, 2),
            "lease_s": size.lease_s,
        },
    )
    return finish("engine", chosen, outcome)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
