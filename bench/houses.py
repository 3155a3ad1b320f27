"""Whole pipelines as real processes, Textgate's and those of other queues: each can be fed, its processes are known."""

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis

from bench import cores, servers
from bench.edge import Edge
from bench.load import Plan, post
from bench.versions import CACHE
from bench.webhooks import AUTH_TOKEN, Target
from cli.embedded_redis import EmbeddedRedis
from cli.ports import free_ports
from shared.keys import Stage

PEER_START_S = 2.0
"""Until another queue's workers have connected."""

SENDERS = 100_000
"""More than a load has texts: what somebody texts behind a text that waits joins its turn and shares its answer."""

STAGES = tuple(stage.value for stage in Stage)

Roots = dict[str, list[int]]
"""By kind of process (`ingress`, `agent`, `format`, `outbound`, `redis`): those that were started."""


class House(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline that runs."""

    edge: Edge
    redis: Redis
    roots: Roots
    target: Target
    """Where webhooks go."""

    def feed(self, first: int, count: int, rate: float) -> dict[int, float]:
        """Post webhooks; when each was due."""
        report = post(Plan(target=self.target, first=first, count=count, rate=rate))
        if set(report.statuses) != {200}:
            raise SystemExit(f"answers other than 200: {report.statuses}")
        return report.due

    def pids(self, kind: str) -> list[int]:
        """All processes of this kind, those that the first ones have started too."""
        return [pid for root in self.roots[kind] for pid in cores.family(root)]

    def cpu_s(self) -> dict[str, float]:
        """Processor time used so far, by kind."""
        return {kind: cores.cpu_s(self.pids(kind)) for kind in self.roots}

    def traffic(self) -> int:
        """Bytes that Redis has received and sent."""
        stats: Any = self.redis.info("stats")
        return int(stats["total_net_input_bytes"]) + int(stats["total_net_output_bytes"])

    def written(self) -> int:
        """Bytes of the append-only file."""
        persistence: Any = self.redis.info("persistence")
        return int(persistence["aof_current_size"])


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One queue, and how many texts it is given to drain: some seconds' worth."""

    key: str
    name: str
    count: int
    venv: str | None = None
    """Its virtual environment under `.cache/bench`; None: ours."""
    command: tuple[str, ...] = ()
    """A peer's module and its own words."""
    streams: bool = False
    """Its queues are streams: what comes before a worker has made its consumer group would be lost to it."""


CONTENDERS = (
    Contender(key="textgate", name="Textgate", count=6000),
    Contender(key="tuned", name="arq, tuned", count=1500, command=("bench.peers.arq_app", "tuned")),
    Contender(key="stock", name="arq, as it comes", count=60, command=("bench.peers.arq_app", "stock")),
    Contender(key="saq", name="saq", count=1500, venv="saq", command=("bench.peers.saq_app",)),
    Contender(
        key="taskiq",
        name="taskiq, streams",
        count=3000,
        venv="taskiq",
        command=("bench.peers.taskiq_app",),
        streams=True,
    ),
    Contender(key="celery", name="celery", count=1500, venv="celery", command=("bench.peers.celery_app",)),
)


@contextlib.contextmanager
def running(contender: Contender, workers: int) -> Iterator[House]:
    """A contender with this many workers per stage, on an empty Redis. Raises MissingPeerError."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(EmbeddedRedis(folder / "r", appendfsync="everysec"))
        edge = Edge(stack.enter_context(servers.stand_in()))
        redis = stack.enter_context(Redis.from_url(server.url))
        target = Target(port=free_ports(1)[0], path="/webhooks/sms", senders=SENDERS)
        house = House(edge=edge, redis=redis, roots={"redis": [server.pid]}, target=target)
        start = _textgate if contender.key == "textgate" else _peer
        stack.enter_context(start(contender, house, folder, server.url, workers))
        yield house


@contextlib.contextmanager
def _textgate(_: Contender, house: House, folder: Path, url: str, workers: int) -> Iterator[None]:
    """Ingress and workers as they are deployed."""
    config = folder / "textgate.json5"
    config.write_text(json.dumps(servers.configuration(house.target.port)))
    environ = {
        "TEXTGATE_CONFIG": str(config),
        "TEXTGATE_REDIS_URL": url,
        "TEXTGATE_TWILIO_API_BASE": house.edge.url,
    }
    program = [sys.executable, "-m", "cli.main"]
    with _processes(house, [*program, "ingress"], [*program, "worker"], environ, workers):
        until(
            lambda: sum(1 for _ in house.redis.scan_iter("tg:queue:*:health:*", 1000)) == workers * len(STAGES),
            "the workers did not start",
        )
        yield


@contextlib.contextmanager
def _peer(contender: Contender, house: House, _: Path, url: str, workers: int) -> Iterator[None]:
    """The handler that people write, and another queue's workers. Raises MissingPeerError if it is not installed."""
    python = sys.executable if contender.venv is None else str(CACHE / contender.venv / "bin" / "python")
    if not Path(python).exists():
        raise servers.MissingPeerError(f"{contender.name} is missing: run bench/install-peers")
    program = [python, "-m", *contender.command]
    environ = {
        "BENCH_REDIS_URL": url,
        "BENCH_API_BASE": house.edge.url,
        "BENCH_AUTH_TOKEN": AUTH_TOKEN,
        "PYTHONPATH": str(servers.HERE.parent),
    }
    front = [*program, "serve", str(house.target.port)]
    with _processes(house, front, [*program, "work"], environ, workers):
        until(lambda: not contender.streams or house.redis.exists(*STAGES) == len(STAGES), "its queues did not appear")
        time.sleep(PEER_START_S)
        yield


@contextlib.contextmanager
def _processes(
    house: House, front: Sequence[str], work: Sequence[str], environ: Mapping[str, str], workers: int
) -> Iterator[None]:
    """Start what takes webhooks in, and so many workers of each stage."""
    with contextlib.ExitStack() as stack:
        ingress = stack.enter_context(servers.running(front, house.target.port, environ, pinned=False))
        house.roots["ingress"] = [ingress]
        for stage in STAGES * workers:
            started = stack.enter_context(servers.process([*work, stage], environ))
            house.roots.setdefault(stage, []).append(started.pid)
        yield


def until(fact: Callable[[], bool], otherwise: str) -> None:
    """Wait for a fact. Raises SystemExit with these words if it does not come."""
    deadline = time.monotonic() + servers.START_LIMIT_S
    while not fact():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise)
        time.sleep(0.05)
