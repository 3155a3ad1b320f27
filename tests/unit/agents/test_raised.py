"""Where an agent raised: its own file and line, behind our frames and before a library's."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.agents.failures import MAX_CHARACTERS as MAX_OF_ONE
from workers.agents.raised import MAX_CHARACTERS, Raised, where_raised
from workers.agents.user_code import in_daemon_thread, in_own_task

HERE = Path(__file__)


def fails_by_itself() -> None:
    raise KeyError("a")  # 18


def fails_in_a_library() -> None:
    json.loads("{")  # 22


def leaves() -> None:
    raise SystemExit(3)  # 26


FAILURES = [(fails_by_itself, 18), (fails_in_a_library, 22), (leaves, 26)]


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


def raised_by(function: Callable[[], None]) -> Raised:
    with pytest.raises(BaseException) as failed:  # noqa: PT011 - whatever it is
        function()
    return where_raised(failed.value)


def test_a_working_folder_that_is_gone_leaves_the_place_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert raised_by(fails_by_itself).at == f"{HERE}:18"


def in_a_circle() -> BaseException:
    first, second = RuntimeError("first"), RuntimeError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def test_causes_in_a_circle_are_looked_at_once() -> None:
    assert where_raised(in_a_circle()) == Raised()


def fails_in_a_circle() -> None:
    raise in_a_circle()


def test_causes_in_a_circle_are_told_once() -> None:
    told = raised_by(fails_in_a_circle).traceback
    assert [told.count(word) for word in ("RuntimeError: first", "RuntimeError: second")] == [1, 1]


def quotes(words: str) -> Callable[[], None]:
    def fails() -> None:
        try:
            try:
                raise ValueError(words)
            except ValueError as error:
                error.add_note(words)
                raise LookupError(words) from error
        except LookupError:
            raise ExceptionGroup(words, [KeyError(words), OSError(words)])  # noqa: B904 - a context, not a cause

    return fails


def test_words_that_each_error_of_a_chain_quotes_are_shortened_and_masked() -> None:
    told = raised_by(quotes("the secret began here " + "and went on " * 200 + "+15557650001")).traceback
    assert "secret" not in told
    assert "+15557650001" not in told
    assert told.count("and went on") <= 5 * MAX_OF_ONE / len("and went on ")
    assert "direct cause" in told
    assert "During handling" in told


def test_short_words_of_a_chain_are_all_told_as_python_does() -> None:
    told = raised_by(quotes("why")).traceback
    lines = [line.strip(" |") for line in told.splitlines()]
    kinds = ["ValueError: why", "LookupError: why", "ExceptionGroup: why (2 sub-exceptions)", "KeyError: 'why'"]
    assert [lines.index(kind) for kind in kinds] == sorted(lines.index(kind) for kind in kinds)
    assert lines[-1] == "OSError: why"
    assert told.count("Traceback (most recent call last):") == 3
    assert "raise LookupError(words) from error" in told


def test_a_traceback_is_bounded_and_keeps_its_end() -> None:
    def fails() -> None:
        errors = [KeyError("x" * 1000 + str(number)) for number in range(1000)]
        for error, cause in itertools.pairwise(errors):
            error.__cause__ = cause
        raise ExceptionGroup("many", errors) from errors[0]

    told = raised_by(fails).traceback
    assert told.startswith("...\n")
    assert len(told) <= MAX_CHARACTERS + len("...\n")
