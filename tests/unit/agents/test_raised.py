"""Where an agent raised: its own file and line, behind our frames and before a library's."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.agents.raised import Raised, where_raised
from workers.agents.user_code import in_daemon_thread, in_own_task

HERE = Path(__file__)


def fails_by_itself() -> None:
    raise KeyError("a")  # 16


def fails_in_a_library() -> None:
    json.loads("{")  # 20


def leaves() -> None:
    raise SystemExit(3)  # 24


FAILURES = [(fails_by_itself, 16), (fails_in_a_library, 20), (leaves, 24)]


@pytest.mark.parametrize(("function", "line"), FAILURES)
@pytest.mark.parametrize("kind", ["thread", "coroutine"])
async def test_the_place_is_the_last_line_of_the_agents_own(
    function: Callable[[], None], line: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start() -> None:
        function()

    monkeypatch.chdir(HERE.parent)
    with pytest.raises(Exception) as failed:  # noqa: PT011 - whatever it is
        await (in_daemon_thread(function) if kind == "thread" else in_own_task(start))
    raised = where_raised(failed.value)
    assert raised.at == f"{HERE.name}:{line}"
    assert raised.traceback.startswith("Traceback")
    assert "user_code.py" not in raised.traceback


def test_an_error_that_is_not_of_the_agents_code_has_no_place() -> None:
    assert where_raised(TypeError("an answer of a wrong kind")) == Raised()


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise SystemExit


def test_an_error_whose_text_cannot_be_read_is_told_all_the_same() -> None:
    with pytest.raises(UnreadableError) as failed:
        raise UnreadableError
    assert "UnreadableError" in where_raised(failed.value).traceback
