"""Processes die in the worst moment; people notice nothing but a delay."""

import asyncio
import os
import signal

from tests.journeys.house import STAGES, House

ANN = "+12025550111"


async def test_a_worker_killed_in_mid_turn_answers_once(house: House) -> None:
    house.open_door()
    house.config["agent"] = {"kind": "python", "callable": "tests.journeys.agents_for_tests:dies_once"}
    await house.start()

    await house.text(ANN, "are you there?")

    async def died() -> bool:
        return house.processes["agent"].poll() is not None

    await house.until(died)
    assert house.processes.pop("agent").returncode == -signal.SIGKILL
    house.spawn("agent")
    assert await house.receives(ANN, 1) == ["answer to are you there?"]
    await house.idle()
    assert house.bodies(ANN) == ["answer to are you there?"]


async def test_everything_that_was_answered_200_survives_the_death_of_everything(house: House) -> None:
    house.open_door()
    await house.start("ingress")
    for i in range(10):
        await house.text(ANN, f"text {i}")
    house.kill("ingress")
    os.kill(house.redis_server.pid, signal.SIGKILL)

    assert await asyncio.to_thread(house.redis_server.wait_gone)
    assert await asyncio.to_thread(house.redis_server.restart_if_gone)
    await house.start(*STAGES)
    await house.idle()
    assert "\n".join(house.bodies(ANN)) == "\n".join(f"text {i}" for i in range(10))


async def test_a_deploy_in_mid_turn_loses_nothing(house: House) -> None:
    house.open_door()
    house.config["agent"] = {"kind": "python", "callable": "tests.journeys.agents_for_tests:blocks"}
    await house.start()
    await house.text(ANN, "hello")

    async def under_way() -> bool:
        return bool(await house.redis.keys("arq:in-progress:*agent*"))

    await house.until(under_way)
    house.spawn("agent-2")
    await house.until(house.is_up)
    (house.folder / "go").write_text("")
    house.kill("agent", signal.SIGTERM)
    assert await house.receives(ANN, 1) == ["answer to hello"]
    await house.idle()
    assert len(house.bodies(ANN)) == 1
