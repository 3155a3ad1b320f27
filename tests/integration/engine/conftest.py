"""Fixtures of the engine's tests: workers inside the test and as real processes, and a Redis that may be broken."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from arq.worker import func
from redis.asyncio import Redis

from shared.keys import Keys
from shared.redis_client import connect
from tests.integration.engine.rig import Fleet, Queue, Server, StartWorker, until
from workers.engine import EventWorker


@pytest.fixture
def queue(redis: Redis, keys: Keys) -> Queue:
    return Queue(redis, keys)


@pytest.fixture
async def start_worker(redis: Redis, redis_url: str, keys: Keys) -> AsyncIterator[StartWorker]:
    """Start a worker inside the test: `start_worker({name: function}, **options)`. Closed at the end."""
    running: list[tuple[EventWorker, asyncio.Task[None]]] = []

    def start(functions: dict[str, Any] | None = None, **options: Any) -> EventWorker:
        named = [func(function, name=name) for name, function in (functions or {}).items()]
        chosen: dict[str, Any] = {"redis_url": redis_url, "keys": keys, "stage": "agent", "handle_signals": False}
        worker = EventWorker(named, **(chosen | options))
        running.append((worker, asyncio.create_task(worker.async_run())))
        return worker

    yield start
    for worker, task in running:
        task.cancel()
        await asyncio.wait([task])
        await worker.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


@pytest.fixture
def fleet(tmp_path: Path, redis_url: str) -> Iterator[Fleet]:
    """Processes on the session's Redis."""
    fleet = Fleet(tmp_path, redis_url)
    yield fleet
    fleet.close()


@pytest.fixture
def own_server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="tg-") as folder:  # a socket's path must be short
        server = Server(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture
async def own_redis(own_server: Server) -> AsyncIterator[Redis]:
    client = connect(own_server.url)

    await until(client.ping, "Redis")
    yield client
    await client.aclose()


@pytest.fixture
def own_fleet(tmp_path: Path, own_server: Server) -> Iterator[Fleet]:
    """Processes on the Redis that the test may break."""
    fleet = Fleet(tmp_path, own_server.url)
    yield fleet
    fleet.close()


@pytest.fixture
def own_queue(own_redis: Redis, keys: Keys) -> Queue:
    return Queue(own_redis, keys)
