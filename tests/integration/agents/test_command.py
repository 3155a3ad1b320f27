"""`agent.kind: "command"`: what a program gets, what it may take, and that nothing of it is left behind."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.agents.conftest import CONVERSATION, Desk
from tests.integration.agents.gone import LIMIT_S, until_gone


def command(*argv: str, timeout_s: float = 20, **more: Any) -> dict[str, Any]:
    return {"kind": "command", "timeoutSeconds": timeout_s, "command": {"argv": [*argv], **more}}


def python(source: str, **more: Any) -> dict[str, Any]:
    return command(sys.executable, "-I", "-c", source, **more)


async def answered(desk: Desk) -> str:
    turned = await desk.turn()
    assert turned.outcome == "answered", turned
    return (await desk.said())[-1].texts[0]


async def test_the_turn_comes_on_stdin_and_the_answer_goes_to_stdout(desk: Desk) -> None:
    desk.answer_with(command("cat"))
    await desk.text("hello")
    document = json.loads(await answered(desk))
    assert (document["conversation"], document["prompt"]) == (CONVERSATION, "hello")


async def test_nothing_is_a_shell(desk: Desk) -> None:
    desk.answer_with(command("echo", "$HOME", "; ls", "`id`", "* 'quoted'"))
    await desk.text("hello")
    assert await answered(desk) == "$HOME ; ls `id` * 'quoted'"


async def test_it_runs_in_the_agents_folder_and_a_relative_path_leads_there(desk: Desk) -> None:
    folder = desk.folder / "agent"
    folder.mkdir()
    desk.answer_with(command(program_in(folder, "#!/bin/sh\npwd\n")) | {"path": "agent"})
    await desk.text("hello")
    assert await answered(desk) == str(folder)


async def test_it_sees_no_variable_that_it_was_not_given(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "inherited by nobody")
    given = python(
        "import os; print(sorted(os.environ.items()))", passEnv=["MY_SETTING"], env={"MY_KEY": "$KEY", "LANG": "C"}
    )
    desk.answer_with(given, TWILIO_AUTH_TOKEN="secret", MY_SETTING="1", KEY="k", LC_ALL="C.UTF-8")
    await desk.text("hello")
    seen = dict(eval(await answered(desk)))  # noqa: S307 - what the test's own program printed
    seen.pop("__CF_USER_TEXT_ENCODING", None)  # macOS adds it to every process
    assert seen == {
        "HOME": str(desk.folder),
        "LANG": "C",
        "LC_ALL": "C.UTF-8",
        "MY_KEY": "k",
        "MY_SETTING": "1",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }


async def test_json_is_read_if_it_is_said_to_be_json(desk: Desk) -> None:
    document = json.dumps({"texts": ["a", "b"], "media": ["https://example.com/c.png"]})
    desk.answer_with(command("echo", document, output="json"))
    await desk.text("hello")
    await desk.turn()
    (reply,) = await desk.said()
    assert (reply.texts, reply.media) == (("a", "b"), ("https://example.com/c.png",))


@pytest.mark.parametrize("source", ["import sys; sys.exit(3)", "import os; os.kill(os.getpid(), 9)", "1 / 0"])
async def test_a_bad_end_is_tried_again_and_told_with_the_end_of_stderr(desk: Desk, source: str) -> None:
    desk.answer_with(
        python(f"import sys; sys.stderr.write('x' * 100_000 + ' the reason\\n'); sys.stderr.flush(); {source}")
    )
    await desk.text("hello")
    for _ in range(3):
        turned = await desk.turn()
        assert turned.outcome == "transient"
    assert (await desk.turn()).outcome == "dead"
    (letter,) = await desk.letters()
    assert letter.code == "agent-command-failed"
    assert "the reason" in letter.message or "ZeroDivisionError" in letter.message
    assert len(letter.message) < 700


async def test_a_program_that_says_too_much_is_stopped_for_good(desk: Desk) -> None:
    desk.answer_with(command("yes", maxOutputBytes=100_000))
    await desk.text("hello")
    assert (await desk.turn()).outcome == "dead"
    assert (await desk.letters())[0].code == "agent-answer-too-large"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not keep RLIMIT_AS")
async def test_a_program_that_takes_too_much_memory_fails_alone(desk: Desk) -> None:
    source = "print(len('x' * 300_000_000))"
    desk.answer_with(python(source, memoryMb=200))
    await desk.text("hello")
    turned = await desk.turn()
    assert turned.outcome == "transient"
    assert "MemoryError" in turned.facts["reason"]
    desk.answer_with(python(source, memoryMb=2000))
    assert await answered(desk) == "300000000"


async def test_a_program_that_does_not_read_is_fine(desk: Desk) -> None:
    desk.answer_with(command("echo", "hi"))
    await desk.text("x" * 1_000_000)
    assert await answered(desk) == "hi"


async def test_what_a_program_leaves_behind_holds_nothing_up_and_is_killed(desk: Desk) -> None:
    desk.answer_with(command("sh", "-c", "sleep 60 & echo $!"))
    await desk.text("hello")
    left = int(await answered(desk))
    await until_gone(left)


@pytest.mark.parametrize("how", ["timeout", "cancelled"])
async def test_at_the_time_limit_and_when_the_worker_leaves_the_whole_group_is_killed(desk: Desk, how: str) -> None:
    script = "trap '' TERM INT HUP; echo $$ > group; sleep 60 & echo $! >> group; mv group pids; wait"
    desk.answer_with(command("sh", "-c", script, timeout_s=1 if how == "timeout" else 20))
    await desk.text("hello")
    running = asyncio.create_task(desk.turn())
    pids = [int(pid) for pid in (await appears(desk.folder / "pids")).split()]
    assert len(pids) == 2
    if how == "cancelled":
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    else:
        assert "took too long" in (await running).facts["reason"]
    for pid in pids:
        await until_gone(pid)


async def test_a_program_that_escaped_its_group_holds_nothing_up(desk: Desk) -> None:
    child = "os.setsid(); open('new', 'w').write(str(os.getpid())); os.rename('new', 'pid'); time.sleep(60)"
    parent = "\nwhile not os.path.exists('pid'): time.sleep(0.01)\nprint('hi')"
    desk.answer_with(python(f"import os, time\nif not os.fork(): {child}{parent}"))
    await desk.text("hello")
    assert await answered(desk) == "hi"
    os.kill(int(await appears(desk.folder / "pid")), 9)


async def test_a_program_that_vanished_is_a_dead_letter_with_a_hint(desk: Desk) -> None:
    desk.answer_with(command(program_in(desk.folder)))
    (desk.folder / "answer").unlink()
    await desk.text("hello")
    assert (await desk.turn()).outcome == "dead"
    (letter,) = await desk.letters()
    assert (letter.code, letter.hint) == ("agent-command", "check agent.command.argv and agent.path")


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
async def test_node_runs_without_a_memory_limit(desk: Desk) -> None:
    node = shutil.which("node")
    assert node is not None
    desk.answer_with(command(node, "-e", "console.log('from node')"))
    await desk.text("hello")
    assert await answered(desk) == "from node"


def program_in(folder: Path, script: str = "#!/bin/sh\n") -> str:
    file = folder / "answer"
    file.write_text(script)
    file.chmod(0o755)
    return "./answer"


async def appears(file: Path) -> str:
    def text() -> str | None:
        return file.read_text() if file.exists() else None

    async with asyncio.timeout(LIMIT_S):
        while not (found := text()):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    return found
