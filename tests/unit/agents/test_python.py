"""User code as an agent: sync or async, well-behaved or not; it can fail its turn, never its worker."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.agent_backends import PythonBackend
from shared.errors import ConfigError
from workers.agents import echo, python
from workers.agents.contract import Reply, Text, Turn

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


async def bit_by_bit(turn: Turn) -> AsyncIterator[str | Reply | None]:
    for text in turn.texts:
        yield text.body
        yield None
    yield Reply(texts="three", media="https://example.com/3.png")


def bit_by_bit_in_a_thread(turn: Turn) -> Iterator[str]:
    for text in turn.texts:
        yield f"{text.body} in {threading.current_thread().name}"


def a_lambda_around_it(turn: Turn) -> Awaitable[str]:
    return in_the_loop(turn)


class Object:
    async def __call__(self, turn: Turn) -> None:
        assert turn.key == "c-1"


AN_OBJECT = Object()


def raises(_: Turn) -> str:
    raise ValueError("not today")


def exits(_: Turn) -> str:
    sys.exit(3)


async def exits_in_the_loop(_: Turn) -> str:
    sys.exit(3)


async def interrupts_the_loop(_: Turn) -> str:
    raise KeyboardInterrupt


async def cancels_itself(_: Turn) -> str:
    raise asyncio.CancelledError


async def exits_in_a_group(_: Turn) -> str:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))
        raise SystemExit(3)


def stops(_: Turn) -> str:
    raise StopIteration


def recurses(turn: Turn) -> str:
    return recurses(turn)


async def yields_numbers(_: Turn) -> AsyncIterator[int]:
    yield 1


def never_ends(_: Turn) -> Iterator[str]:
    while True:
        yield "more"


def agent(function: Callable[..., Any] | str) -> Any:
    return load(f"{__name__}:{function if isinstance(function, str) else function.__name__}")


def load(target: str, path: Path = Path("/")) -> Any:
    return python.load(PythonBackend(callable=target, path=path))


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest imports this file under a name of its own."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.setattr(sys, "path", list(sys.path))


async def test_a_coroutine_runs_in_the_loop_and_a_function_in_a_thread() -> None:
    assert await agent(in_the_loop)(TURN) == "one\ntwo in MainThread"
    assert await agent(a_lambda_around_it)(TURN) == "one\ntwo in MainThread"
    assert await agent(in_a_thread)(TURN) == ["one\ntwo", "agent"]
    assert await agent("AN_OBJECT")(TURN) is None


async def test_each_text_that_a_generator_yields_is_one_text_of_the_answer() -> None:
    reply = await agent(bit_by_bit)(TURN)
    assert (reply.texts, reply.media) == (["one", "two", "three"], ["https://example.com/3.png"])
    assert (await agent(bit_by_bit_in_a_thread)(TURN)).texts == ["one in agent", "two in agent"]


async def test_a_generator_without_an_end_is_stopped() -> None:
    assert len((await agent(never_ends)(TURN)).texts) == python.MOST_YIELDS


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (raises, ValueError),
        (exits, RuntimeError),
        (exits_in_the_loop, RuntimeError),
        (exits_in_a_group, RuntimeError),
        (interrupts_the_loop, RuntimeError),
        (cancels_itself, RuntimeError),
        (stops, RuntimeError),
        (recurses, RecursionError),
        (yields_numbers, TypeError),
    ],
)
async def test_whatever_it_raises_is_the_turns(function: Callable[..., Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        await agent(function)(TURN)


async def test_a_function_that_is_too_slow_is_left_behind() -> None:
    go = threading.Event()
    slow = agent("SLOW")
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


class Stubborn:
    go: asyncio.Event

    async def __call__(self, _: Turn) -> str:
        while not self.go.is_set():
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                continue
        return "too late"


STUBBORN = Stubborn()


async def test_a_coroutine_that_refuses_to_be_cancelled_is_left_behind() -> None:
    STUBBORN.go = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await agent("STUBBORN")(TURN)
    STUBBORN.go.set()


@pytest.mark.parametrize("target", ["", "module", ":name", "no_such_module_here:reply", "math:no_such", "math:pi"])
def test_a_target_that_is_none_is_a_configuration_error(target: str) -> None:
    with pytest.raises(ConfigError, match=r"^agent\.callable: "):
        load(target)


def test_a_files_name_where_a_modules_belongs_is_answered_with_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "my_filed_agent.py").write_text("def reply(turn): return 'mine'\n")
    with pytest.raises(ConfigError, match=r"write my_filed_agent:reply, without \.py$"):
        load("my_filed_agent.py:reply", tmp_path)


def test_the_agents_folder_can_replace_nothing(tmp_path: Path) -> None:
    """Ruling 25: appended, never prepended."""
    (tmp_path / "statistics.py").write_text("def mean(turn): return 'theirs'\n")
    (tmp_path / "my_own_agent.py").write_text("def reply(turn): return 'mine'\n")
    load("my_own_agent:reply", tmp_path)
    load("my_own_agent:reply", tmp_path)
    assert sys.path[-1] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1
    load("statistics:mean", tmp_path)
    assert str(tmp_path) not in str(sys.modules["statistics"].__file__)


async def test_echo_answers_with_the_words() -> None:
    assert await echo.answer(TURN) == "one\ntwo"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def reply(turn:\n", "line 1"),
        ("x = 1\n1 / 0\n", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("import no_such_dependency\n", "install what it imports"),
    ],
)
def test_a_module_that_breaks_at_import_is_a_configuration_error(source: str, said: str, tmp_path: Path) -> None:
    name = f"broken_agent_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    with pytest.raises(ConfigError) as caught:
        load(f"{name}:reply", tmp_path)
    assert said in str(caught.value)
