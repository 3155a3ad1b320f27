"""Data of a newer version lies in Redis: every process of this one says so and ends, and nothing is taken or changed.

Refusing is an answer to a mistake at a deployment, so it must be quick, plain, and the same whenever Redis comes.
"""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from redis.asyncio import Redis

from cli.readiness import answers_200
from sandbox.config import DEFAULT_ACCOUNT_SID
from sandbox.inbound import post_webhook, receive
from shared.errors import EX_CONFIG
from shared.version import version
from tests.journeys.house import LIMIT_S, OURS, STAGES, House

ANN = "+12025550111"
ROLES = ("ingress", *STAGES, "probe")
SAYS = ("redis.prefix", "version 2, written by Textgate 9.9.9", f"this is Textgate {version()}", "update this process")


async def ended(house: House, name: str) -> str:
    """Wait for the end of a process, which must be a refusal; what it has written."""
    status = await asyncio.to_thread(house.processes.pop(name).wait, LIMIT_S)
    assert status == EX_CONFIG, house.log(name)
    return house.log(name)


async def contents(redis: Redis) -> dict[bytes, bytes | None]:
    return {key: await redis.dump(key) async for key in redis.scan_iter(count=1000)}


async def offer(house: House, body: str) -> int | None:
    """Ann texts; the status that Twilio gets, None if there is no answer."""
    number = house.sandbox.state.directory.number(DEFAULT_ACCOUNT_SID, OURS)
    assert number is not None
    message = receive(house.sandbox.state, number, from_=ANN, body=body, media=())
    return (await post_webhook(house.sandbox.state, message))[-1].status


async def test_a_gateway_marks_its_data_and_works_on_data_of_its_version(house: House) -> None:
    house.open_door()
    await house.start(*ROLES)
    assert await house.redis.get(house.keys.data_version) == f"1 {version()}".encode()
    await house.redis.set(house.keys.data_version, "1 0.0.1")  # an older one of the same data version came first
    house.kill("ingress", signal.SIGTERM)
    await house.start("ingress")
    await house.text(ANN, "hello")
    await house.receives(ANN, 1)


async def test_every_process_refuses_newer_data_and_leaves_what_waits_alone(house: House) -> None:
    house.open_door()
    await house.start("ingress")
    await house.text(ANN, "this text waits")
    house.kill("ingress", signal.SIGTERM)
    await house.redis.set(house.keys.data_version, "2 9.9.9")
    before = await contents(house.redis)
    for name in ROLES:
        house.spawn(name)
    house.spawn("up", ("up", "--state-dir", str(house.folder / "up")))
    for name in (*ROLES, "up"):
        said = await ended(house, name)
        assert all(words in said for words in SAYS), said
        assert "Traceback" not in said
    assert await contents(house.redis) == before
    assert house.bodies(ANN) == []


@pytest.mark.parametrize("kind", ["agent", "probe"])
async def test_a_stock_arq_worker_refuses_newer_data_too(house: House, kind: str) -> None:
    house.open_door()
    house.write_config()
    await house.redis.set(house.keys.data_version, "2 9.9.9")
    command = (sys.executable, "-m", "arq", f"workers.{kind}.WorkerSettings")
    done = await asyncio.to_thread(
        subprocess.run, command, env=house.environ, cwd=house.folder, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == EX_CONFIG, done.stderr
    assert all(words in done.stderr for words in SAYS), done.stderr


async def test_commands_refuse_newer_data(house: House) -> None:
    house.write_config()
    await house.redis.set(house.keys.data_version, "2 9.9.9")
    before = await contents(house.redis)
    said = await house.cli("message", "send", "--target", ANN, "--message", "hello", status=EX_CONFIG)
    assert all(words in said for words in SAYS), said
    doctor = await house.cli("doctor", status=1, stream="out")
    assert "lies data of version 2, written by Textgate 9.9.9" in doctor
    assert await contents(house.redis) == before


async def test_processes_that_started_without_redis_refuse_when_it_comes(house: House) -> None:
    """Until then the ingress answers 503 and the workers wait, as ever."""
    house.open_door()
    await house.redis.set(house.keys.data_version, "2 9.9.9")
    before = await contents(house.redis)
    os.kill(house.redis_server.pid, signal.SIGKILL)
    assert await asyncio.to_thread(house.redis_server.wait_gone)
    house.write_config()
    for name in ROLES:
        house.spawn(name)
    await house.until(lambda: answers_200(f"{house.url}/healthz"))
    assert await offer(house, "before") == 503
    await house.until(lambda: all_wait(house))
    assert await asyncio.to_thread(house.redis_server.restart_if_gone)
    assert await offer(house, "after") in (503, None)
    for name in ROLES:
        said = await ended(house, name)
        assert all(words in said for words in SAYS), said
    assert await contents(house.redis) == before


async def all_wait(house: House) -> bool:
    assert all(process.poll() is None for process in house.processes.values())
    return all("redis_away" in house.log(name) for name in ROLES)


async def test_a_gateway_that_started_without_redis_works_when_it_comes(house: House) -> None:
    house.open_door()
    os.kill(house.redis_server.pid, signal.SIGKILL)
    assert await asyncio.to_thread(house.redis_server.wait_gone)
    house.write_config()
    for name in ROLES:
        house.spawn(name)
    await house.until(lambda: answers_200(f"{house.url}/healthz"))
    assert await offer(house, "before") == 503
    assert await asyncio.to_thread(house.redis_server.restart_if_gone)
    await house.until(house.is_up)
    await house.text(ANN, "hello")
    await house.receives(ANN, 1)
    assert await house.redis.get(house.keys.data_version) == f"1 {version()}".encode()


@pytest.mark.parametrize("options", [("--workers", "2"), ()])
async def test_a_running_ingress_ends_when_the_redis_behind_it_turns_newer(
    house: House, options: tuple[str, ...]
) -> None:
    """A backup of a later version was restored under it: the next connection finds out."""
    house.open_door()
    house.write_config()
    house.spawn("ingress", ("ingress", *options))
    await house.until(lambda: answers_200(f"{house.url}/readyz"))
    await house.redis.set(house.keys.data_version, "2 9.9.9")
    await house.redis.client_kill_filter(_type="normal", skipme=True)
    said = await ended(house, "ingress")
    assert all(words in said for words in SAYS), said
