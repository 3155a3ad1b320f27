"""docs/agents.md does what it says: every example is run, from a person's text to the answer."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.ports import free_ports
from shared.config_file import parse_json5
from shared.settings import AgentKind, load_settings
from tests.integration.agents.conftest import Desk
from tests.integration.agents.endpoint import Endpoint, completes
from tests.integration.agents.test_openai_servers import until_it_listens
from workers.agents.wire import TurnDocument

TEXT = (Path(__file__).parents[3] / "docs/agents.md").read_text(encoding="utf-8")
ENVIRON = {
    "OPENAI_API_KEY": "k",
    "VLLM_API_KEY": "k",
    "OPENCLAW_GATEWAY_TOKEN": "k",
    "AGENT_SECRET": "s",
    "TWILIO_AUTH_TOKEN": "t",
}


def blocks(section: str, language: str) -> list[str]:
    """The code blocks of one section."""
    body = TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", body, re.DOTALL)


def agents(section: str) -> list[dict[str, Any]]:
    """The `agent` sections that are shown."""
    return [parse_json5(block.encode(), name=section)["agent"] for block in blocks(section, "json5")]


async def answer(desk: Desk, agent: dict[str, Any]) -> tuple[str, ...]:
    desk.answer_with(agent, **ENVIRON)
    await desk.text("hello")
    turned = await desk.turn()
    assert turned.outcome == "answered", turned
    return (await desk.said())[-1].texts


def test_every_kind_has_a_section() -> None:
    assert all(f"\n## {kind.value}\n" in TEXT and agents(kind.value) for kind in AgentKind)


async def test_echo(desk: Desk) -> None:
    assert await answer(desk, agents("echo")[0]) == ("hello",)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, ("You said **hello**",)),
        (1, ("You said **hello**, 0 lines after we began.",)),
        (2, ("Here it is:", "# A cat")),
        (3, ("On **hello**: yes.",)),
    ],
)
async def test_python(desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int, said: tuple[str, ...]) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_agent", raising=False)
    (desk.folder / "my_agent.py").write_text(blocks("python", "python")[number])
    assert await answer(desk, agents("python")[0]) == said
    monkeypatch.delitem(sys.modules, "my_agent")


@pytest.mark.parametrize("number", range(4))
async def test_openai(desk: Desk, endpoint: Endpoint, number: int) -> None:
    """Everything as shown, but for the address: nobody listens at the shown ones here."""
    (desk.folder / "prompt.txt").write_text("Be brief.")
    agent = agents("openai")[number]
    endpoint.on("/v1/chat/completions", completes("**hi**"))
    desk.load(agent, **ENVIRON)
    agent["openai"]["baseUrl"] = f"{endpoint.url}/v1"
    assert await answer(desk, agent) == ("**hi**",)
    assert endpoint.asked[0].json["model"] == agent["openai"]["model"]


async def test_http(desk: Desk) -> None:
    (port,) = free_ports(1)
    (server,), (agent,) = blocks("http", "python"), agents("http")
    assert len(server.strip().splitlines()) <= 26
    agent["http"]["url"] = agent["http"]["url"].replace("8000", str(port))
    process = spawn(desk.folder, server.replace("8000", str(port)))
    try:
        await until_it_listens(port)
        assert await answer(desk, agent) == ("You said **hello**",)
        desk.answer_with(agent, **ENVIRON | {"AGENT_SECRET": "another"})
        await desk.text("hello")
        assert (await desk.turn()).outcome == "dead"
    finally:
        process.kill()
        process.wait()


def spawn(folder: Path, source: str) -> subprocess.Popen[bytes]:
    with (folder / "server.log").open("ab") as log:
        words = [sys.executable, "-I", "-c", source]
        return subprocess.Popen(words, env=ENVIRON, stdout=log, stderr=log)


def test_the_turn_that_is_shown_has_every_field() -> None:
    (shown,) = blocks("http", "json")
    decoded = msgspec.json.decode(shown, type=TurnDocument)
    assert json.loads(shown) == json.loads(msgspec.json.encode(decoded))


async def test_command(desk: Desk) -> None:
    file = desk.folder / "answer"
    file.write_text(blocks("command", "python")[0])
    file.chmod(0o755)
    assert await answer(desk, agents("command")[0]) == ("You said **hello**",)


def test_an_agent_for_each_number(tmp_path: Path) -> None:
    file = tmp_path / "textgate.json5"
    file.write_text(blocks("An agent for each number", "json5")[0])
    settings = load_settings(file, {"HOME": str(tmp_path), **ENVIRON})
    assert settings.agent_label == "support: openai, llama3.2; alerts: echo"
    assert settings.accounts["support"].agent.openai.system_prompt == "You are the support desk."
