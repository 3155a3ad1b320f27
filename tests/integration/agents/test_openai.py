"""`agent.kind: "openai"` against a server on the loopback: what it is sent, and what becomes of each refusal."""

from typing import Any

import pytest

from shared.agent_backends import OpenAiBackend
from shared.errors import PermanentError
from tests.integration.agents.conftest import CONVERSATION, Desk
from tests.integration.agents.endpoint import Endpoint, completes, pours, says
from workers.agents.contract import Line, Role, Text, Turn
from workers.agents.openai import OpenAiAgent

PATH = "/v1/chat/completions"
KEY = "sk-the-key-of-the-model"


def openai(endpoint: Endpoint, **more: Any) -> dict[str, Any]:
    return {"kind": "openai", "openai": {"baseUrl": f"{endpoint.url}/v1/", "model": "m", **more}}


async def test_the_model_is_asked_with_key_headers_and_prompt(desk: Desk, endpoint: Endpoint) -> None:
    (desk.folder / "prompt.txt").write_text("Be brief.\n")
    endpoint.on(PATH, completes("**hi**"))
    given = openai(
        endpoint,
        apiKey={"source": "env", "id": "MODEL_KEY"},
        systemPromptFile="prompt.txt",
        headers={"X-Tenant": "$TENANT"},
        maxTokens=50,
    )
    desk.answer_with(given, MODEL_KEY=KEY, TENANT="t-1")
    await desk.text("hello")
    assert (await desk.turn()).outcome == "answered"
    (asked,) = endpoint.asked
    assert (asked.headers["authorization"], asked.headers["x-tenant"]) == (f"Bearer {KEY}", "t-1")
    assert asked.json["user"] == CONVERSATION
    system, said = asked.json["messages"]
    assert (system["role"], said) == ("system", {"role": "user", "content": "hello"})
    assert system["content"].startswith("Be brief.\n\n")
    (reply,) = await desk.said()
    assert (reply.texts, reply.markdown) == (("**hi**",), True)


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (400, "agent-400", "every key"),
        (401, "agent-401", "apiKey"),
        (403, "agent-403", "apiKey"),
        (404, "agent-404", "baseUrl"),
    ],
)
async def test_a_refusal_is_a_dead_letter_with_a_hint_and_without_the_key(
    desk: Desk, endpoint: Endpoint, status: int, code: str, hint: str
) -> None:
    endpoint.on(PATH, says({"error": {"message": f"no, not with {KEY} by +15557650001"}}, status=status))
    desk.answer_with(openai(endpoint, apiKey=KEY))
    await desk.text("hello")
    assert (await desk.turn()).outcome == "dead"
    (letter,) = await desk.letters()
    assert letter.code == code
    assert hint in letter.hint
    assert letter.message == f"the agent answered {status}: no, not with *** by +1555•••0001"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_model_is_asked_again_when_it_says(desk: Desk, endpoint: Endpoint, status: int) -> None:
    endpoint.on(
        PATH, says({"error": {"message": "busy"}}, status=status, headers={"retry-after": "42"}), completes("ok")
    )
    desk.answer_with(openai(endpoint))
    await desk.text("hello")
    turned = await desk.turn()
    assert turned.put_off is not None
    assert turned.put_off.delay_s >= 42
    assert (await desk.turn()).outcome == "answered"


async def test_a_model_that_is_not_there_is_asked_again(desk: Desk, endpoint: Endpoint) -> None:
    desk.answer_with({"kind": "openai", "openai": {"baseUrl": "http://127.0.0.1:1/v1", "model": "m"}})
    await desk.text("hello")
    turned = await desk.turn()
    assert turned.outcome == "transient"
    assert "cannot be reached" in turned.facts["reason"]


async def test_a_redirect_is_not_followed(desk: Desk, endpoint: Endpoint) -> None:
    endpoint.on(PATH, says("", status=307, headers={"location": f"{endpoint.url}/elsewhere"}))
    desk.answer_with(openai(endpoint, apiKey=KEY))
    await desk.text("hello")
    assert (await desk.turn()).outcome == "dead"
    assert len(endpoint.asked) == 1
    assert "redirects are not followed" in (await desk.letters())[0].hint


async def test_an_answer_without_an_end_is_cut_off(desk: Desk, endpoint: Endpoint) -> None:
    endpoint.on(PATH, pours)
    desk.answer_with(openai(endpoint))
    await desk.text("hello")
    assert (await desk.turn()).outcome == "dead"
    assert (await desk.letters())[0].code == "agent-answer-too-large"


async def test_a_model_that_knows_only_the_new_token_limit_gets_it_from_then_on(desk: Desk, endpoint: Endpoint) -> None:
    said = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    endpoint.on(PATH, says({"error": {"message": said, "param": "max_tokens"}}, status=400), completes("ok"))
    desk.answer_with(openai(endpoint, maxTokens=9))
    for _ in range(2):
        await desk.text("hello")
        assert (await desk.turn()).outcome == "answered"
    names = [[name for name in asked.json if name.startswith("max")] for asked in endpoint.asked]
    assert names == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]


async def test_a_model_that_calls_tools_alone_says_nothing(desk: Desk, endpoint: Endpoint) -> None:
    endpoint.on(PATH, completes(None, message={"content": None, "tool_calls": [{"id": "1"}]}))
    desk.answer_with(openai(endpoint))
    await desk.text("hello")
    assert (await desk.turn()).outcome == "silent"


TOO_LONG = says({"error": {"code": "context_length_exceeded", "message": "maximum context length is 10"}}, status=400)


def a_turn(lines: int) -> Turn:
    return Turn(
        key="c-1",
        conversation="c",
        account_id="default",
        sender="+15550001111",
        texts=(Text(message_sid="SM1", body="now", received_ms=9),),
        history=tuple(Line(role=Role.USER, body=f"line {n}", at_ms=n) for n in range(lines)),
    )


async def test_of_a_conversation_that_is_too_long_the_newer_half_is_kept(endpoint: Endpoint) -> None:
    endpoint.on(PATH, TOO_LONG, completes("ok"))
    agent = OpenAiAgent(OpenAiBackend(url=f"{endpoint.url}{PATH}", model="m"))
    assert await agent(a_turn(5)) == "ok"
    await agent.close()
    said = [[message["content"] for message in asked.json["messages"]] for asked in endpoint.asked]
    assert said == [["line 0", "line 1", "line 2", "line 3", "line 4", "now"], ["line 3", "line 4", "now"]]


@pytest.mark.parametrize(("lines", "requests"), [(0, 1), (1, 2), (50, 2)])
async def test_history_is_dropped_once(endpoint: Endpoint, lines: int, requests: int) -> None:
    endpoint.on(PATH, TOO_LONG)
    agent = OpenAiAgent(OpenAiBackend(url=f"{endpoint.url}{PATH}", model="m"))
    with pytest.raises(PermanentError, match="too long for the model") as caught:
        await agent(a_turn(lines))
    await agent.close()
    assert (caught.value.code, len(endpoint.asked)) == ("agent-too-long", requests)
