"""Redis behind Sentinel: the client follows the primary, asynchronous and blocking alike."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from cli.ports import free_ports
from cli.redis_binary import find_server
from shared.redis_client import AWAY, connect, connect_blocking
from shared.redis_sentinel import parse_sentinel

LIMIT_S = 30.0


class Trio:
    """A primary, a replica and a sentinel, on loopback ports."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.primary, self.replica, self.sentinel = free_ports(3)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel}/mymaster/0"

    def start(self) -> None:
        common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._spawn("primary", ["--port", str(self.primary), *common])
        self._spawn("replica", ["--port", str(self.replica), "--replicaof", "127.0.0.1", str(self.primary), *common])
        file = self._folder / "sentinel.conf"
        file.write_text(
            f"port {self.sentinel}\nbind 127.0.0.1\ndir {self._folder}\n"
            f"sentinel monitor mymaster 127.0.0.1 {self.primary} 1\n"
            "sentinel down-after-milliseconds mymaster 500\n"
            "sentinel failover-timeout mymaster 2000\n"
        )
        self._spawn("sentinel", [str(file), "--sentinel"])

    def _spawn(self, name: str, words: list[str]) -> None:
        folder = self._folder / name
        folder.mkdir()
        with (folder / "log").open("wb") as log:
            self.processes[name] = subprocess.Popen([str(find_server()), *words], cwd=folder, stdout=log, stderr=log)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


async def until(fact: Callable[[], object]) -> None:
    deadline = asyncio.get_running_loop().time() + LIMIT_S
    while True:
        try:
            if await asyncio.to_thread(fact):
                return
        except (*AWAY, RedisError):
            pass
        assert asyncio.get_running_loop().time() < deadline, "did not come true in time"
        await asyncio.sleep(0.05)


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = Trio(tmp_path)
    with ExitStack() as stack:
        stack.callback(made.stop)
        made.start()
        yield made


async def test_clients_follow_the_primary_through_a_failover(trio: Trio) -> None:
    blocking = connect_blocking(trio.url, limit_s=2.0)
    client = connect(trio.url)
    sentinel = connect_blocking(f"redis://127.0.0.1:{trio.sentinel}", limit_s=2.0)
    await until(blocking.ping)
    await until(lambda: sentinel.execute_command("SENTINEL", "REPLICAS", "mymaster"))  # type: ignore[no-untyped-call]
    await client.set("a", "1", px=60_000)
    await until(lambda: connect_blocking(f"redis://127.0.0.1:{trio.replica}", limit_s=2.0).get("a"))

    trio.processes["primary"].kill()
    trio.processes["primary"].wait()

    await until(lambda: blocking.set("b", "2", px=60_000))
    assert blocking.get("a") == b"1"
    assert await client.get("b") == b"2"
    for each in (blocking, sentinel):
        each.close()
    pool: Any = client.connection_pool
    for asked in pool.sentinel_manager.sentinels:
        await asked.aclose()
    await client.aclose()


@pytest.mark.parametrize(
    ("url", "hosts", "service", "login"),
    [
        ("redis+sentinel://one/mymaster", [("one", 26379)], "mymaster", {"db": 0}),
        (
            "redis+sentinel://:p%40ss@one:1,two:2/m/3",
            [("one", 1), ("two", 2)],
            "m",
            {"db": 3, "password": "p@ss"},
        ),
        ("redis+sentinel://u:p@[::1]:5/m", [("::1", 5)], "m", {"db": 0, "username": "u", "password": "p"}),
    ],
)
def test_the_url_names_sentinels_service_and_login(
    url: str, hosts: list[tuple[str, int]], service: str, login: dict[str, object]
) -> None:
    target = parse_sentinel(url)
    assert (target.hosts, target.service, target.login) == (hosts, service, login)


@pytest.mark.parametrize(
    "url", ["redis+sentinel://one:26379", "redis+sentinel:///m", "redis+sentinel://one:x/m", "redis+sentinel://one/m/x"]
)
def test_what_names_no_service_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match="expected redis"):
        parse_sentinel(url)
