"""Every kind of agent in every way that agents go wrong: the turn fails or is bounded, worker and text survive."""

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.records import Origin
from tests.integration.agents.conftest import Desk
from tests.integration.agents.endpoint import Endpoint, completes, hangs, hangs_up, says
from tests.integration.agents.misbehaving_agent import MEGABYTE, wait_for_go

HERE = Path(__file__).parent
KINDS = ("function", "coroutine", "generator", "command", "http", "openai")
LIMIT_S = 30.0


def agent_of(kind: str, behaviour: str, endpoint: Endpoint, **more: Any) -> dict[str, Any]:
    """The section `agent` of an agent that behaves like this."""
    own: dict[str, Any]
    match kind:
        case "function" | "coroutine" | "generator":
            own = {"kind": "python", "callable": f"misbehaving_agent:{behaviour}_{kind}"}
        case "command":
            argv = [sys.executable, str(HERE / "misbehaving_agent.py"), behaviour]
            own = {"kind": "command", "command": {"argv": argv, "output": "json", "maxOutputBytes": 4_000_000}}
        case "http":
            serve(endpoint, behaviour, "", lambda text: says({"texts": [text]}))
            own = {"kind": "http", "http": {"url": f"{endpoint.url}/{behaviour}"}}
        case _:
            serve(endpoint, behaviour, "/v1/chat/completions", completes)
            own = {"kind": "openai", "openai": {"baseUrl": f"{endpoint.url}/{behaviour}/v1", "model": "m"}}
    return {"path": str(HERE), "timeoutSeconds": 20, **own, **more}


def serve(endpoint: Endpoint, behaviour: str, path: str, answers: Callable[[str], Any]) -> None:
    async def slow(request: Any) -> Any:
        document = endpoint.asked[-1].json
        folder = document["prompt"] if "prompt" in document else document["messages"][-1]["content"]
        await asyncio.to_thread(wait_for_go, folder)
        return await answers("fine, at last")(request)

    script = {
        "fine": answers("fine, 1"),
        "timeout": hangs,
        "crash": hangs_up,
        "garbage": says("<html>502 Bad Gateway</html>", headers={"content-type": "text/html"}),
        "megabyte": answers(MEGABYTE),
        "empty": answers(""),
        "slow": slow,
    }[behaviour]
    endpoint.on(f"/{behaviour}{path}", script)


@pytest.mark.parametrize("behaviour", ["timeout", "crash", "garbage"])
@pytest.mark.parametrize("kind", KINDS)
async def test_what_fails_is_tried_again_and_the_text_is_answered_when_the_agent_is_well(
    desk: Desk, endpoint: Endpoint, kind: str, behaviour: str
) -> None:
    limit = {"timeoutSeconds": 0.3} if behaviour == "timeout" else {}
    desk.answer_with(agent_of(kind, behaviour, endpoint, **limit))
    await desk.text("hello")
    turned = await desk.turn()
    assert (turned.outcome, turned.facts["failures"]) == ("transient", 1), turned
    assert turned.put_off is not None
    assert not turned.put_off.counted
    assert ("took too long" in turned.facts["reason"]) == (behaviour == "timeout")
    assert await desk.said() == []

    desk.answer_with(agent_of(kind, "fine", endpoint))
    assert (await desk.turn()).outcome == "answered"
    (reply,) = await desk.said()
    assert (reply.texts, reply.origin) == (("fine, 1",), Origin.AGENT)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_megabyte_is_cut(desk: Desk, endpoint: Endpoint, kind: str) -> None:
    desk.answer_with(agent_of(kind, "megabyte", endpoint, maxReplyCharacters=5000))
    await desk.text("hello")
    turned = await desk.turn()
    assert (turned.outcome, turned.facts["left_out"]) == ("answered", ("text over agent.maxReplyCharacters",))
    (reply,) = await desk.said()
    assert 4000 < len("".join(reply.texts)) <= 5000
    assert reply.texts[-1].endswith("word [...]")


@pytest.mark.parametrize("kind", KINDS)
async def test_an_empty_answer_says_nothing(desk: Desk, endpoint: Endpoint, kind: str) -> None:
    desk.answer_with(agent_of(kind, "empty", endpoint))
    await desk.text("hello")
    assert (await desk.turn()).outcome == "silent"
    assert await desk.said() == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_slow_answer_is_waited_for(desk: Desk, endpoint: Endpoint, kind: str) -> None:
    desk.answer_with(agent_of(kind, "slow", endpoint))
    await desk.text(str(desk.folder))
    running = asyncio.create_task(desk.turn())
    async with asyncio.timeout(LIMIT_S):
        while not (desk.folder / "asked").exists():  # noqa: ASYNC110 - another process says so
            await asyncio.sleep(0.01)
    assert not running.done()
    (desk.folder / "go").write_text("")
    assert (await running).outcome == "answered"
    assert (await desk.said())[0].texts[-1] == "fine, at last"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_fails_to_the_end_is_a_dead_letter_with_its_cause_and_an_apology(
    desk: Desk, endpoint: Endpoint, kind: str
) -> None:
    desk.answer_with(agent_of(kind, "crash", endpoint, apology="Sorry."))
    await desk.text("hello")
    outcomes = [(await desk.turn()).outcome for _ in range(4)]
    assert outcomes == ["transient"] * 3 + ["dead"]
    (letter,) = await desk.letters()
    assert letter.code in ("agent-failed", "agent-unreachable", "agent-command-failed")
    assert letter.message
    assert len(letter.records) == 1
    (reply,) = await desk.said()
    assert (reply.texts, reply.origin, reply.markdown) == (("Sorry.",), Origin.APOLOGY, False)


@pytest.mark.parametrize("kind", ["function", "coroutine", "generator"])
async def test_what_it_raised_is_told_with_its_own_line_and_a_traceback_without_ours(desk: Desk, kind: str) -> None:
    own = {"kind": "python", "callable": f"misbehaving_agent:crash_{kind}"}
    desk.answer_with({"path": str(HERE), **own})
    await desk.text("hello")
    with capture_logs() as logged:
        await desk.turn()
    (told,) = [event for event in logged if event["event"] == "agent_failed"]
    assert told["log_level"] == "error"
    assert re.search(r"misbehaving_agent\.py:[0-9]+$", told["at"])
    assert told["exception"].splitlines()[-1].partition(":")[0] in told["error"]
    assert "user_code.py" not in told["exception"]


async def test_an_error_that_cannot_be_told_fails_its_turn_as_any_other(desk: Desk) -> None:
    desk.answer_with({"path": str(HERE), "kind": "python", "callable": "misbehaving_agent:in_vain_function"})
    await desk.text("hello")
    with capture_logs() as logged:
        turned = await desk.turn()
    assert (turned.outcome, turned.facts["reason"]) == ("transient", "the agent failed: ValueError: in vain")
    assert [event["error"] for event in logged if event["event"] == "agent_failed"] == ["ValueError: in vain"]


async def test_a_turn_that_fails_where_the_working_folder_is_gone_comes_again(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.answer_with({"path": str(HERE), "kind": "python", "callable": "misbehaving_agent:crash_function"})
    await desk.text("hello")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with capture_logs() as logged:
        assert (await desk.turn()).outcome == "transient"
    (told,) = [event for event in logged if event["event"] == "agent_failed"]
    assert told["at"].startswith(str(HERE / "misbehaving_agent.py"))


async def test_a_body_that_an_error_quotes_is_not_logged_whole(desk: Desk) -> None:
    desk.answer_with({"path": str(HERE), "kind": "python", "callable": "misbehaving_agent:quoting_function"})
    body = "this is how it began, " + "and so on " * 100
    await desk.text(body)
    with capture_logs() as logged:
        assert (await desk.turn()).outcome == "transient"
    assert "how it began" not in str(logged)
    (told,) = [event for event in logged if event["event"] == "agent_failed"]
    assert "direct cause" in told["exception"]
