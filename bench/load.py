"""`python -m bench.load PLAN FILE`: post webhooks from a process of its own and report every answer.

Closed loop: each connection posts the next request when it has its answer, so the server is always busy. Open loop:
requests fall due at a fixed rate whether or not the server keeps up, and latency counts from the due time, so a
server that stalls cannot hide it. They come evenly, or as people text: independent of each other, so that some come
together (a Poisson process; the same moments for every contender). A thread keeps the time, because uvloop's timers
know whole milliseconds only. Requests are made before the clock starts, and answers are read with their status.
"""

import asyncio
import gc
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import msgspec
import uvloop

from bench.closed_loop import is_complete, post_all_at_once
from bench.cores import other_core
from bench.webhooks import Target, requests

CONNECT_LIMIT_S = 10.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One load."""

    target: Target
    first: int
    """Number of the first webhook; no two loads on one server share any."""
    count: int
    connections: int = 32
    rate: float = 0.0
    """Requests per second; 0: as fast as answers come."""
    random: bool = False
    """They fall due independently of each other, not evenly."""
    limit_s: float = 60.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    took_s: float
    statuses: dict[int, int]
    latencies_ms: list[float]
    """Sorted."""
    acknowledged: list[int]
    """Numbers of the webhooks answered 200."""
    due: dict[int, float]
    """When each was due (open loop) or posted, on the machine's `perf_counter` clock."""

    def quantile_ms(self, q: float) -> float:
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(len(self.latencies_ms) * q))]

    @property
    def per_s(self) -> float:
        return len(self.acknowledged) / self.took_s


class Load:
    """The requests that are left, and what is known of the others."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._left: Iterator[tuple[int, bytes]] = enumerate(requests(plan.target, plan.first, plan.count), plan.first)
        self.ready: deque[tuple[int, bytes]] = deque(self._left)
        self.idle: list[Connection] = []
        self.waiting: deque[tuple[int, bytes, float]] = deque()
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.acknowledged: list[int] = []
        self.due: dict[int, float] = {}
        self.open = plan.count
        self.done: asyncio.Event = asyncio.Event()

    def answered(self, index: int, status: int, since: float) -> None:
        self.latencies.append(time.perf_counter() - since)
        self.due[index] = since
        self.statuses[status] += 1
        if status == 200:
            self.acknowledged.append(index)
        self.open -= 1
        if not self.open:
            self.done.set()

    def next_for(self, connection: "Connection") -> None:
        """Give a free connection the request that has waited longest."""
        if self.waiting:
            connection.post(*self.waiting.popleft())
        else:
            self.idle.append(connection)

    async def pace(self) -> None:
        """Open loop: make each request due at its time."""
        await asyncio.to_thread(self._tick, asyncio.get_running_loop())

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        started = time.perf_counter()
        for offset in due_times(self.plan):
            due = started + offset
            pause = due - time.perf_counter()
            if pause > 0:
                time.sleep(pause)
            loop.call_soon_threadsafe(self._fall_due, due)

    def _fall_due(self, due: float) -> None:
        index, request = self.ready.popleft()
        if self.idle:
            self.idle.pop().post(index, request, due)
        else:
            self.waiting.append((index, request, due))


def due_times(plan: Plan) -> Iterator[float]:
    """When each request falls due, in seconds from the start."""
    rng, due = random.Random(0), 0.0
    for number in range(plan.count):
        yield due if plan.random else number / plan.rate
        due += rng.expovariate(plan.rate)


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._seen = b""
        self._index = 0
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # of a TCP connection

    def post(self, index: int, request: bytes, since: float) -> None:
        self._index, self._since = index, since
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if not is_complete(self._seen):
            return
        answer, self._seen = self._seen, b""
        self._load.answered(self._index, int(answer[9:12]), self._since)
        self._load.next_for(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._load.open:
            raise SystemExit(f"the server closed a connection: {exc}")


async def post_in_time(plan: Plan) -> Report:
    """The open loop. Raises TimeoutError past `limit_s`."""
    load = Load(plan)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_LIMIT_S):
        made = [
            await loop.create_connection(lambda: Connection(load), "127.0.0.1", plan.target.port)
            for _ in range(plan.connections)
        ]
    gc.collect()
    gc.disable()
    started = time.perf_counter()
    for _, connection in made:
        load.next_for(connection)
    async with asyncio.timeout(plan.limit_s):
        await load.pace()
        await load.done.wait()
    took_s = time.perf_counter() - started
    for transport, _ in made:
        transport.close()
    return Report(
        took_s=took_s,
        statuses=dict(load.statuses),
        latencies_ms=sorted(round(latency * 1000, 3) for latency in load.latencies),
        acknowledged=load.acknowledged,
        due=load.due,
    )


def post_at_once(plan: Plan) -> Report:
    """The closed loop. Raises SystemExit past `limit_s`."""
    ready = deque(enumerate(requests(plan.target, plan.first, plan.count), plan.first))
    found = post_all_at_once(ready, port=plan.target.port, connections=plan.connections, limit_s=plan.limit_s)
    return Report(
        took_s=found.took_s,
        statuses=dict(found.statuses),
        latencies_ms=sorted(round(latency * 1000, 3) for latency in found.latencies),
        acknowledged=found.acknowledged,
        due=found.due,
    )


def post(plan: Plan) -> Report:
    """The same from a process of its own on a core of its own. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "report.json"
        words = [sys.executable, "-m", "bench.load", msgspec.json.encode(plan).decode(), str(said)]
        subprocess.run(words, check=True, cwd=Path(__file__).parent.parent)
        return msgspec.json.decode(said.read_bytes(), type=Report, strict=False)


def main() -> None:
    """Run the plan in the first argument; the report goes as JSON into the file that the second names."""
    os.sched_setaffinity(0, other_core())
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    report = uvloop.run(post_in_time(plan)) if plan.rate else post_at_once(plan)
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(report))


if __name__ == "__main__":
    main()
