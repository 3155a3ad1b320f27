"""Agents of every kind behind a whole gateway: answers that come later, programs under a worker that stops, crashes."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.agents.endpoint import Endpoint, completes, says, serving
from tests.integration.agents.gone import until_gone
from tests.journeys.house import House

ANN = "+12025550188"
TOKEN = "token-of-the-agent"
HERE = Path(__file__).parent


def reconfigure(house: House, agent: dict[str, Any]) -> None:
    """Change the file under the running gateway."""
    house.config["agent"] = agent
    (house.folder / "textgate.json5").write_text(json.dumps(house.config))


async def test_an_answer_may_come_later_and_comes_once(house: House) -> None:
    house.open_door()
    house.config["api"] = {"tokens": {"agent": {"token": TOKEN, "scopes": ["messages:send"]}}}
    async with serving() as endpoint:
        endpoint.on("/turn", says("", status=202), says({"text": "at once"}))
        house.config["agent"] = {"kind": "http", "http": {"url": f"{endpoint.url}/turn", "secret": "s"}}
        await house.start()
        await house.text(ANN, "a hard question")
        await house.until(asked(endpoint, 1))
        await house.text(ANN, "an easy one")
        assert await house.receives(ANN, 1) == ["at once"]

        turn = endpoint.asked[0].json["turn"]
        assert await post(house, {"turn": turn, "text": "**42**"}) == 202
        assert await post(house, {"turn": turn, "text": "**42**"}) == 202
        assert await post(house, {"turn": turn, "text": "43"}) == 409
        assert await post(house, {"turn": endpoint.asked[1].json["turn"], "text": "again"}) == 409
        assert await house.receives(ANN, 2) == ["at once", "42"]
        await house.idle()
        assert len(house.got(ANN)) == 2


async def test_a_worker_that_stops_takes_its_program_along_and_the_text_is_answered_by_the_next(house: House) -> None:
    house.open_door()
    script = "if [ -e go ]; then echo answered; else echo $$ > new; sleep 60 & echo $! >> new; mv new pids; wait; fi"
    house.config["agent"] = {"kind": "command", "command": {"argv": ["sh", "-c", script]}}
    await house.start()
    await house.text(ANN, "hello")
    await house.until(exists(house.folder / "pids"))
    house.processes["agent"].send_signal(signal.SIGTERM)
    house.kill("agent", signal.SIGTERM)  # the second ends the grace
    for pid in (house.folder / "pids").read_text().split():
        await until_gone(int(pid))

    (house.folder / "go").write_text("")
    house.spawn("agent")
    assert await house.receives(ANN, 1) == ["answered"]


@pytest.mark.parametrize("kind", ["function", "coroutine", "command", "openai"])
async def test_one_worker_outlives_every_crash_of_its_agent(house: House, kind: str) -> None:
    house.open_door()
    async with serving() as endpoint:
        endpoint.on("/v1/chat/completions", says("no", status=500), completes("**well** again"))
        house.config["agent"] = crashing(kind, endpoint)
        await house.start()
        worker = house.processes["agent"]
        await house.text(ANN, "hello")
        await house.until(logged(house, "transient"))
        if kind != "openai":
            reconfigure(house, {"kind": "echo"})
        expected = "well again" if kind == "openai" else "hello"
        assert await house.receives(ANN, 1) == [expected]
        assert worker.poll() is None


def crashing(kind: str, endpoint: Endpoint) -> dict[str, Any]:
    match kind:
        case "command":
            return {"kind": "command", "command": {"argv": [sys.executable, "-c", "import os; os.abort()"]}}
        case "openai":
            return {"kind": "openai", "openai": {"baseUrl": f"{endpoint.url}/v1", "model": "m"}}
    return {"kind": "python", "callable": f"agents_for_tests:exits_as_{kind}", "path": str(HERE)}


async def post(house: House, document: dict[str, Any]) -> int:
    async with (
        aiohttp.ClientSession(headers={"authorization": f"Bearer {TOKEN}"}) as session,
        session.post(f"{house.url}/v1/messages", json=document) as response,
    ):
        return response.status


def asked(endpoint: Endpoint, times: int) -> Any:
    async def was_asked() -> bool:
        return len(endpoint.asked) >= times

    return was_asked


def exists(file: Path) -> Any:
    async def is_there() -> bool:
        return await asyncio.to_thread(file.exists)

    return is_there


def logged(house: House, words: str) -> Any:
    async def is_logged() -> bool:
        return words in house.log("agent")

    return is_logged
