"""User code as an agent: sync or async, well-behaved or not; it can fail its turn, never its worker."""

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ConfigError
from workers.agents import echo, python
from workers.agents.contract import Text, Turn, texts_of

TURN = Turn(
    key="c-1",
    conversation="c",
    account_id="default",
    sender="+15550001111",
    texts=(Text(message_sid="SM1", body="one", received_ms=1), Text(message_sid="SM2", body="two", received_ms=2)),
)


async def in_the_loop(turn: Turn) -> str:
    return f"{turn.prompt} in {threading.current_thread().name}"


def in_a_thread(turn: Turn) -> list[str]:
    return [turn.prompt, threading.current_thread().name]


class Object:
    async def __call__(self, turn: Turn) -> None:
        assert turn.key == "c-1"


AN_OBJECT = Object()


def raises(_: Turn) -> str:
    raise ValueError("not today")


def exits(_: Turn) -> str:
    sys.exit(3)


def stops(_: Turn) -> str:
    raise StopIteration


def wrong(_: Turn) -> dict[str, str]:
    return {"answer": "no"}


def agent(function: Callable[..., Any] | str) -> Any:
    name = function if isinstance(function, str) else function.__name__
    return python.load(f"{__name__}:{name}")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest imports this file under a name of its own."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])


async def test_a_coroutine_runs_in_the_loop_and_a_function_in_a_thread() -> None:
    assert await agent(in_the_loop)(TURN) == ("one\ntwo in MainThread",)
    assert await agent(in_a_thread)(TURN) == ("one\ntwo", "agent")
    assert await agent("AN_OBJECT")(TURN) == ()


@pytest.mark.parametrize(
    ("function", "error"), [(raises, ValueError), (exits, RuntimeError), (stops, RuntimeError), (wrong, TypeError)]
)
async def test_whatever_it_raises_is_the_turns(function: Callable[..., Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        await agent(function)(TURN)


async def test_one_that_is_too_slow_is_left_behind() -> None:
    go = threading.Event()
    slow = python.load(f"{__name__}:SLOW")
    SLOW.go = go
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await slow(TURN)
    go.set()


class Slow:
    go: threading.Event

    def __call__(self, _: Turn) -> str:
        self.go.wait(10)
        return "too late"


SLOW = Slow()


@pytest.mark.parametrize(
    "target", [None, "", "module", ":name", "no_such_module_here:reply", "math:no_such", "math:pi"]
)
def test_a_target_that_is_none_is_a_configuration_error(target: str | None) -> None:
    with pytest.raises(ConfigError, match=r"^agent\.callable: "):
        python.load(target)


def test_the_working_directory_can_replace_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ruling 25: appended, never prepended."""
    (tmp_path / "statistics.py").write_text("def mean(turn): return 'theirs'\n")
    (tmp_path / "my_own_agent.py").write_text("def reply(turn): return 'mine'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    python.load("my_own_agent:reply")
    assert sys.path[-1] == str(tmp_path)
    python.load("statistics:mean")
    assert str(tmp_path) not in str(sys.modules["statistics"].__file__)


async def test_echo_answers_with_the_words() -> None:
    assert await echo.answer(TURN) == "one\ntwo"


@pytest.mark.parametrize(
    ("answer", "texts"), [(None, ()), ("", ()), ("  \n", ()), ("a", ("a",)), (["a", " ", "b"], ("a", "b")), ((), ())]
)
def test_answers(answer: object, texts: tuple[str, ...]) -> None:
    assert texts_of(answer) == texts


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def reply(turn:\n", "line 1"),
        ("x = 1\n1 / 0\n", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("import no_such_dependency\n", "install what it imports"),
    ],
)
def test_a_module_that_breaks_at_import_is_a_configuration_error(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_agent_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(ConfigError) as caught:
        python.load(f"{name}:reply")
    assert said in str(caught.value)
