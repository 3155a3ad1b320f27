"""`python -m bench pipeline`: from the webhook to the request that reaches Twilio, beside other queues.

Three hops (echo agent, format, send to a stand-in on loopback), one worker process each. Textgate is fed signed
webhooks through its ingress and keeps all its promises: policy, order, a journal before each send, Redis with its
append-only file. The others are fed by a script that enqueues, do no formatting and promise nothing: a generous
comparison. Latency is taken at 30 % of each one's own throughput, from the time a text was due. Nothing is pinned:
there are more processes than cores. Rounds interleave; ratios are taken within a round, and their median counts.
"""

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis

from bench import servers
from bench.edge import Edge
from bench.fleet import commands, reset_commands
from bench.load import Plan, Report
from bench.webhooks import Target
from cli.embedded_redis import EmbeddedRedis
from cli.ports import free_ports
from shared.keys import Stage

SHARE = 0.3
STAGES = tuple(stage.value for stage in Stage)

Feed = Callable[[int, int, float], dict[int, float]]
"""(first, count, rate) -> when each text was due."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int
    share: float
    latency_s: float
    idle_s: float
    workers: tuple[int, ...]


FULL = Size(rounds=5, share=1.0, latency_s=5.0, idle_s=6.0, workers=(1, 2))
QUICK = Size(rounds=1, share=0.2, latency_s=2.0, idle_s=2.0, workers=(1,))


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One queue, and how many texts it is given to drain: some seconds' worth."""

    key: str
    name: str
    count: int
    venv: str | None = None
    """Its virtual environment under `.cache/bench`; None: ours."""
    command: tuple[str, ...] = ()
    """A peer's module and its own words."""


CONTENDERS = (
    Contender(key="textgate", name="Textgate", count=6000),
    Contender(key="tuned", name="arq, tuned", count=1500, command=("bench.peers.arq_app", "tuned")),
    Contender(key="stock", name="arq, as it comes", count=60, command=("bench.peers.arq_app", "stock")),
    Contender(key="saq", name="saq", count=1500, venv="saq", command=("bench.peers.saq_app",)),
    Contender(key="taskiq", name="taskiq, streams", count=3000, venv="taskiq", command=("bench.peers.taskiq_app",)),
    Contender(key="celery", name="celery", count=1500, venv="celery", command=("bench.peers.celery_app",)),
)

Rounds = dict[str, list[dict[str, float]]]


@contextlib.contextmanager
def textgate(folder: Path, url: str, edge: Edge, workers: int) -> Iterator[Feed]:
    """Ingress and workers as they are deployed."""
    (port,) = free_ports(1)
    config = folder / "textgate.json5"
    config.write_text(json.dumps(servers.configuration(port)))
    environ = {
        "TEXTGATE_CONFIG": str(config),
        "TEXTGATE_REDIS_URL": url,
        "TEXTGATE_TWILIO_API_BASE": edge.url,
    }
    program = [sys.executable, "-m", "cli.main"]
    with contextlib.ExitStack() as stack:
        stack.enter_context(servers.running([*program, "ingress"], port, environ, pinned=False))
        for stage in STAGES * workers:
            stack.enter_context(servers.process([*program, "worker", stage], environ))
        redis = stack.enter_context(Redis.from_url(url))
        _wait_until(lambda: len(redis.keys("tg:queue:*:health:*")) == workers * len(STAGES))
        target = Target(port=port, path="/webhooks/sms")

        def feed(first: int, count: int, rate: float) -> dict[int, float]:
            plan = Plan(target=target, first=first, count=count, rate=rate)
            words = [sys.executable, "-m", "bench.load", msgspec.json.encode(plan).decode()]
            done = subprocess.run(words, stdout=subprocess.PIPE, check=True, cwd=servers.HERE.parent)
            return msgspec.json.decode(done.stdout, type=Report, strict=False).due

        yield feed


@contextlib.contextmanager
def peer(contender: Contender, url: str, edge: Edge, workers: int) -> Iterator[Feed]:
    """Another queue's workers. Raises MissingPeerError if it is not installed."""
    python = sys.executable if contender.venv is None else str(servers.CACHE / contender.venv / "bin" / "python")
    if not Path(python).exists():
        raise servers.MissingPeerError(f"{contender.name} is missing: run bench/install-peers")
    program = [python, "-m", *contender.command]
    environ = {"BENCH_REDIS_URL": url, "BENCH_API_BASE": edge.url, "PYTHONPATH": str(servers.HERE.parent)}

    def feed(first: int, count: int, rate: float) -> dict[int, float]:
        plan = json.dumps({"first": first, "count": count, "rate": rate})
        with servers.process([*program, "feed", plan], environ, stdout=subprocess.PIPE) as running:
            said, _ = running.communicate()
        return {int(number): due for number, due in json.loads(said).items()}

    with contextlib.ExitStack() as stack:
        for stage in STAGES * workers:
            stack.enter_context(servers.process([*program, "work", stage], environ))
        yield feed


def measure(size: Size, say: Callable[[str], None]) -> Rounds:
    """All rounds of all contenders that are installed here."""
    rounds: Rounds = {}
    missing: set[str] = set()
    for number in range(size.rounds):
        for contender in CONTENDERS:
            if contender.key in missing:
                continue
            say(f"round {number + 1} of {size.rounds}: {contender.name}")
            try:
                figures = one_round(contender, size)
            except servers.MissingPeerError as error:
                missing.add(contender.key)
                say(str(error))
            else:
                rounds.setdefault(contender.key, []).append(figures)
    return rounds


def one_round(contender: Contender, size: Size) -> dict[str, float]:
    """Every figure of one contender, once."""
    figures: dict[str, float] = {}
    for workers in size.workers:
        with _running(contender, workers) as (feed, edge, redis):
            _warm(feed, edge)
            if workers == 1:
                figures |= _idle(redis, size)
            per_s, cost = _drain(feed, edge, redis, max(20, int(contender.count * size.share)))
            figures[f"per_s_{workers}"] = per_s
            if workers == 1:
                figures |= cost | _latency(feed, edge, per_s * SHARE, size)
            figures["sent_twice"] = figures.get("sent_twice", 0) + edge.doubled
            if contender.key == "textgate" and edge.doubled:
                raise SystemExit(f"Textgate sent {edge.doubled} texts twice: no figure of this run counts")
    return figures


@contextlib.contextmanager
def _running(contender: Contender, workers: int) -> Iterator[tuple[Feed, Edge, Redis]]:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(EmbeddedRedis(folder / "r", appendfsync="everysec")).url
        edge = Edge(stack.enter_context(servers.stand_in()))
        if contender.key == "textgate":
            feed = stack.enter_context(textgate(folder, url, edge, workers))
        else:
            feed = stack.enter_context(peer(contender, url, edge, workers))
        yield feed, edge, stack.enter_context(Redis.from_url(url))


def _warm(feed: Feed, edge: Edge) -> None:
    feed(0, 20, 20.0)
    edge.wait_for(20)


def _idle(redis: Redis, size: Size) -> dict[str, float]:
    time.sleep(0.5)
    reset_commands(redis)
    time.sleep(size.idle_s)
    return {"idle_commands_per_s": round(commands(redis) / size.idle_s / len(STAGES), 2)}


def _drain(feed: Feed, edge: Edge, redis: Redis, count: int) -> tuple[float, dict[str, float]]:
    reset_commands(redis)
    before = _reads(redis)
    due = feed(1_000_000, count, 0.0)
    arrived = edge.wait_for(count)
    per_s = count / (max(arrived.values()) - min(due.values()))
    cost = {
        "commands_per_text": round(commands(redis) / count, 2),
        "reads_per_text": round((_reads(redis) - before) / count, 2),
    }
    return round(per_s, 1), cost


def _latency(feed: Feed, edge: Edge, rate: float, size: Size) -> dict[str, float]:
    count = max(20, int(rate * size.latency_s))
    due = feed(2_000_000, count, rate)
    arrived = edge.wait_for(count)
    took = sorted((arrived[number] - since) * 1000 for number, since in due.items())
    return {
        f"{name}_ms": round(took[min(count - 1, int(count * q))], 2)
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }


def _reads(redis: Redis) -> int:
    """How often Redis has read from a socket: a pipeline of any length that arrives whole counts once."""
    stats: Any = redis.info("stats")
    return int(stats["total_reads_processed"])


def _wait_until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + servers.START_LIMIT_S
    while not fact():
        if time.monotonic() > deadline:
            raise SystemExit("the workers did not start")
        time.sleep(0.05)


def ratios(rounds: Rounds) -> dict[str, float]:
    """The median of the ratios within a round."""
    ours = rounds["textgate"]

    def against(key: str, figure: str) -> float | None:
        if key not in rounds:
            return None
        pairs = zip(ours, rounds[key], strict=True)
        return round(statistics.median(mine[figure] / theirs[figure] for mine, theirs in pairs), 2)

    best = [max(rounds[key][i]["per_s_1"] for key in rounds if key != "textgate") for i in range(len(ours))]
    found = {
        "pipeline_throughput_vs_tuned_arq": against("tuned", "per_s_1"),
        "pipeline_throughput_vs_best_peer": round(
            statistics.median(mine["per_s_1"] / theirs for mine, theirs in zip(ours, best, strict=True)), 2
        ),
        "pipeline_p50_ms": statistics.median(mine["p50_ms"] for mine in ours),
        "pipeline_p99_ms": statistics.median(mine["p99_ms"] for mine in ours),
        "idle_commands_per_s": statistics.median(mine["idle_commands_per_s"] for mine in ours),
    }
    if "per_s_2" in ours[0]:
        found["pipeline_two_workers_vs_one"] = round(
            statistics.median(mine["per_s_2"] / mine["per_s_1"] for mine in ours), 2
        )
    return {name: value for name, value in found.items() if value is not None}


TARGETS = {
    "pipeline_throughput_vs_tuned_arq": (">=", 5.0),
    "pipeline_throughput_vs_best_peer": (">=", 1.0),
    "pipeline_p50_ms": ("<=", 8.0),
    "pipeline_p99_ms": ("<=", 40.0),
    "idle_commands_per_s": ("<=", 2.0),
}


def main(argv: list[str]) -> int:
    """Measure, print, write; the exit status."""
    from bench.report import finish, options

    chosen = options("pipeline", __doc__ or "", argv)
    size = QUICK if chosen.quick else FULL
    if chosen.rounds:
        size = msgspec.structs.replace(size, rounds=chosen.rounds)
    rounds = measure(size, lambda line: print(line, file=sys.stderr))
    named = {contender.key: contender.name for contender in CONTENDERS}
    return finish("pipeline", chosen, rounds=rounds, names=named, ratios=ratios(rounds), targets=TARGETS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
