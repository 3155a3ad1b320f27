"""`agent.kind: "openai"` against chat-completions servers that others wrote; `tools/openai_servers` installs them."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cli.ports import free_ports
from shared.agent_backends import OpenAiBackend
from tests.integration.agents.conftest import CONVERSATION, Desk
from workers.agents.contract import Line, Role, Text, Turn
from workers.agents.openai import OpenAiAgent

HOME = Path(__file__).parents[3] / ".cache/openai-servers"
KEY = "sk-test-key"
LIMIT_S = 30.0

Start = Callable[..., Awaitable[str]]
"""Start a program of `HOME` with the port as its last word; the base URL of its API."""


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    with contextlib.ExitStack() as stack:

        async def run(program: str, *words: str, **environ: str) -> str:
            if not (HOME / program).exists():
                pytest.skip("not installed: run tools/openai_servers")
            (port,) = free_ports(1)
            process = spawn(tmp_path, [str(HOME / program), *words, str(port)], environ)
            stack.callback(process.wait, LIMIT_S)
            stack.callback(process.kill)
            await until_it_listens(port)
            return f"http://127.0.0.1:{port}/v1"

        yield run


def spawn(folder: Path, argv: list[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), **environ}
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(argv, env=environ, cwd=folder, stdout=log, stderr=log)


async def until_it_listens(port: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


async def aimock(start: Start, folder: Path) -> str:
    """npm `@copilotkit/aimock`: answers by rules, wants the key, tells what it was sent."""
    rules: list[dict[str, Any]] = [
        {"match": {"userMessage": "hello"}, "response": {"content": "**hi** from aimock"}},
        {"match": {"userMessage": "weather"}, "response": {"toolCalls": [{"name": "f", "arguments": "{}"}]}},
        {"match": {"userMessage": "busy"}, "response": {"error": {"message": "Rate limited"}, "status": 429}},
    ]
    (folder / "rules.json").write_text(json.dumps({"fixtures": rules}))
    program = "node/node_modules/.bin/llmock"
    return await start(program, "--strict", "-f", "rules.json", "-p", AIMOCK_API_KEYS=KEY)


async def fakellm(start: Start, folder: Path) -> str:
    """PyPI `fakellm`: answers by rules."""
    rules: list[dict[str, Any]] = [
        {"name": "a", "when": {"messages_contain": "hello"}, "respond": {"content": "**hi** from fakellm"}},
        {"name": "b", "when": {"messages_contain": "busy"}, "respond": {"status": 429, "error": "Rate limited"}},
    ]
    (folder / "rules.yaml").write_text(json.dumps({"version": 1, "rules": rules}))  # JSON is YAML
    return await start("venv/bin/fakellm", "serve", "--config", "rules.yaml", "--port")


async def llmock(start: Start, folder: Path) -> str:
    """PyPI `llmock`: says what it was told, and knows how much a model can hold."""
    words = ("--response-style", "echo", "--context-window", "60")
    return await start("venv/bin/llmock", "serve", *words, "--port")


@pytest.mark.parametrize(
    ("server", "said"),
    [(aimock, "**hi** from aimock"), (fakellm, "**hi** from fakellm"), (llmock, "Hello! You said: Be brief.")],
)
async def test_a_text_is_answered(desk: Desk, start: Start, server: Any, said: str) -> None:
    base = await server(start, desk.folder)
    desk.answer_with(section(base, systemPrompt="Be brief."))
    await desk.text("hello")
    turned = await desk.turn()
    assert turned.outcome == "answered", turned
    assert (await desk.said())[0].texts[0].startswith(said)


@pytest.mark.parametrize("server", [aimock, fakellm])
async def test_one_that_is_busy_is_asked_again(desk: Desk, start: Start, server: Any) -> None:
    desk.answer_with(section(await server(start, desk.folder)))
    await desk.text("busy")
    turned = await desk.turn()
    assert turned.outcome == "transient"
    assert "429: Rate limited" in turned.facts["reason"]


async def test_it_sees_key_conversation_and_messages(desk: Desk, start: Start) -> None:
    base = await aimock(start, desk.folder)
    desk.answer_with(section(base, systemPrompt="Be brief.", temperature=0, maxTokens=9))
    await desk.text("hello")
    await desk.turn()
    journal = f"{base.removesuffix('/v1')}/__aimock/journal"
    async with (
        aiohttp.ClientSession(headers={"authorization": f"Bearer {KEY}"}) as session,
        session.get(journal) as response,
    ):
        body = (await response.json())[-1]["body"]
    assert (body["user"], body["temperature"], body["max_tokens"]) == (CONVERSATION, 0, 9)
    system, hello = (message["content"] for message in body["messages"])
    assert (system[:9], hello) == ("Be brief.", "hello")


async def test_a_wrong_key_is_a_dead_letter_with_a_hint(desk: Desk, start: Start) -> None:
    desk.answer_with(section(await aimock(start, desk.folder), apiKey="sk-another"))
    await desk.text("hello")
    assert (await desk.turn()).outcome == "dead"
    (letter,) = await desk.letters()
    assert (letter.code, letter.hint) == ("agent-401", "check agent.openai.apiKey")


async def test_tool_calls_alone_say_nothing(desk: Desk, start: Start) -> None:
    desk.answer_with(section(await aimock(start, desk.folder)))
    await desk.text("weather")
    assert (await desk.turn()).outcome == "silent"


async def test_a_conversation_that_is_too_long_goes_on_with_its_newer_half(desk: Desk, start: Start) -> None:
    base = await llmock(start, desk.folder)
    lines = [Line(role=Role.USER, body=f"number {n} and more words", at_ms=n) for n in range(16)]
    turn = Turn(
        key="c-1",
        conversation="c",
        account_id="default",
        sender="+15557650001",
        texts=(Text(message_sid="SM1", body="hello", received_ms=1),),
        history=tuple(lines),
    )
    agent = OpenAiAgent(OpenAiBackend(url=f"{base}/chat/completions", model="gpt-4o"))
    answer = await agent(turn)
    await agent.close()
    assert str(answer).startswith("Hello! You said: number 8 and more words")


def section(base: str, **more: Any) -> dict[str, Any]:
    return {"kind": "openai", "openai": {"baseUrl": base, "model": "gpt-4o", "apiKey": KEY, **more}}
