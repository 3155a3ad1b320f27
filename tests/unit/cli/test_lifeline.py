"""A process that no supervisor started must not end because of a variable or a descriptor that means something else."""

import os
import threading

import pytest

from cli.lifeline import VARIABLE, Lifeline, follow_parent


def watchers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "lifeline"]


@pytest.mark.parametrize("value", ["", "x", "-1", "99999", "1.5"])
def test_a_variable_that_names_no_pipe_is_ignored_and_taken_away(value: str) -> None:
    environ = {VARIABLE: value, "PATH": "/bin"}
    follow_parent(environ)
    assert environ == {"PATH": "/bin"}
    assert not watchers()


def test_without_a_supervisor_nothing_happens() -> None:
    follow_parent({})
    assert not watchers()


def test_closing_twice_is_harmless() -> None:
    lifeline = Lifeline()
    (descriptor,) = lifeline.descriptors
    assert lifeline.environ == {VARIABLE: str(descriptor)}
    lifeline.close()
    lifeline.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
