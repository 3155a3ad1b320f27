"""What the engine's tests work with: a hand on the queue, worker processes, a Redis to break, and how to wait."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import msgspec
from arq.connections import ArqRedis
from redis.asyncio import Redis

from cli.redis_binary import find_server
from shared.keys import Keys, Stage
from shared.lanes import append, hand_over
from shared.queue import deserialize, serialize, split_job_id
from shared.redis_client import AWAY
from shared.round_trip import execute
from shared.scripts import Call
from workers.engine import EventWorker

LIMIT_S = 30.0
"""Longest wait for anything; no test relies on how long something takes."""

SCRIPT = Path(__file__).parent / "worker_process.py"


async def until(holds: Callable[[], Any], what: str = "it") -> None:
    """Wait until a condition (plain or async) holds; while Redis is away it does not."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(*AWAY):
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what} did not come")


async def fill(redis: Redis, keys: Keys, conversation: str, *records: bytes) -> None:
    """Append to an agent lane, as admission does."""
    lane = keys.lane(Stage.AGENT, conversation)
    (reply,) = await execute(redis, [append(lane=lane, stage=Stage.AGENT, records=records)])
    assert isinstance(reply, int)


def pass_on(keys: Keys, ctx: dict[str, Any], *, turn: str | None = None) -> Call:
    """The commit of a turn that hands its records to the format lane."""
    list_key, own_turn = split_job_id(ctx["job_id"])
    _, conversation = keys.lane_of_list(list_key)
    return hand_over(
        source=keys.lane(Stage.AGENT, conversation),
        source_stage=Stage.AGENT,
        turn=turn or own_turn,
        taken=len(ctx["records"]),
        target=keys.lane(Stage.FORMAT, conversation),
        target_stage=Stage.FORMAT,
        records=tuple(ctx["records"]),
    )


class Queue:
    """The test's own hand on the queue of the agent stage."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.name = keys.queue("agent")
        self.bell = keys.bell("agent")
        self._number = 0
        self.pool = ArqRedis(
            redis.connection_pool,
            job_serializer=serialize,
            job_deserializer=deserialize,
            default_queue_name=self.name,
        )

    async def put(self, function: str, *args: Any, job_id: str, **options: Any) -> None:
        """Enqueue as stock arq does, but due for sure (arq rounds up to a ms that may not have come), and ring."""
        assert await self.pool.enqueue_job(function, *args, _job_id=f"test:{job_id}", **options)
        self._number += 1
        if "_defer_by" not in options:
            await self.redis.zadd(self.name, {f"test:{job_id}": self._number})
        await self.ring()

    async def ring(self) -> None:
        await cast("Awaitable[int]", self.redis.lpush(self.bell, "1"))

    async def score(self, job_id: str) -> float | None:
        found: float | None = await self.redis.zscore(self.name, f"test:{job_id}")
        return found

    async def has(self, job_id: str) -> bool:
        return await self.score(job_id) is not None

    async def is_gone(self, job_id: str) -> bool:
        return not await self.has(job_id) and await self.holder(job_id) is None

    async def is_empty(self) -> bool:
        return int(await self.redis.zcard(self.name)) == 0

    async def holder(self, job_id: str) -> bytes | None:
        found: bytes | None = await self.redis.get(f"arq:in-progress:test:{job_id}")
        return found

    async def attempts(self, job_id: str) -> int:
        return int(await self.redis.get(f"arq:retry:test:{job_id}") or 0)


StartWorker = Callable[..., EventWorker]


class Process:
    """One worker process."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        plan = msgspec.json.encode({"folder": str(folder), **options}).decode()
        self.output = folder / f"output-{len(list(folder.iterdir()))}"
        with self.output.open("wb") as output:
            self.popen = subprocess.Popen([sys.executable, SCRIPT, plan], stdout=output, stderr=output)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    async def leave(self) -> int:
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        return await asyncio.to_thread(self.popen.wait, LIMIT_S)

    async def said(self, words: str) -> None:
        """Wait for these words in its log."""
        await until(lambda: words in self.output.read_text(), words)


class Fleet:
    """Worker processes on one Redis, and what their jobs told."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.redis_url = redis_url
        self.processes: list[Process] = []

    def start(self, **options: Any) -> Process:
        process = Process(self.folder, {"redis_url": self.redis_url, **options})
        self.processes.append(process)
        return process

    def open_gate(self) -> None:
        (self.folder / "gate").touch()

    def events(self, what: str) -> list[list[str]]:
        """The words of each line of this kind so far: pid, job id, ..."""
        told = self.folder / "events"
        lines = told.read_text().splitlines() if told.exists() else []
        return [line.split()[1:] for line in lines if line.split()[0] == what]

    async def event(self, what: str, number: int = 1) -> list[str]:
        """Wait for the `number`th event of a kind."""
        await until(lambda: len(self.events(what)) >= number, f"{what} no. {number}")
        return self.events(what)[number - 1]

    def close(self) -> None:
        for process in self.processes:
            if process.alive:
                process.kill()


class Server:
    """A Redis that the test may kill and start again, on the same data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "s"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        words = f"--port 0 --unixsocket {self._socket} --appendonly yes --appendfsync always --dir {self._folder}"
        self._process = subprocess.Popen([find_server(), *words.split(), "--save", ""], stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
