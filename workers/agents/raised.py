"""Where somebody else's code raised: their file and line, and a traceback that starts at their code.

Our own frames, which lead to theirs, are left out: they say nothing to who wrote the agent. An error without a frame of
theirs (an answer of a wrong kind) has neither place nor traceback. The words of an exception may quote a person at any
length, so each is told as `describe` tells it, and the whole is bounded. Reads source files, nothing else.
"""

import sysconfig
import textwrap
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import msgspec

import workers
from workers.agents.failures import describe

_OURS = f"{Path(workers.__file__).parent}/"
_LIBRARIES = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "purelib", "platlib"))
"""Not where the mistake is: `json/decoder.py` only met what it was given."""

MAX_CHARACTERS = 10_000
"""Of a traceback; its end is kept, where the error is that reached us."""

MAX_ERRORS = 20
"""In one traceback: what they chain may be endless."""

_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was; both empty for an error without a frame of theirs."""

    at: str = ""
    """`my_agent.py:12`: their last line before the error; relative to the working folder, if it lies there."""
    traceback: str = ""
    """Python's form, without notes: at most MAX_CHARACTERS, each exception's words as `describe` gives them."""


def where_raised(error: BaseException) -> Raised:
    """Tell where the agent raised this, looking through what our wrapping added."""
    for cause in _causes(error):
        own = [frame for frame in _frames(cause) if not frame.filename.startswith((_OURS, *_LIBRARIES))]
        if own:
            told = "\n".join(_told(cause, seen=set()))
            return Raised(at=f"{_short(own[-1].filename)}:{own[-1].lineno}", traceback=_end_of(told))
    return Raised()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, each once: a chain may lead back to where it began."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__


def _told(error: BaseException, *, seen: set[int]) -> Iterator[str]:
    """What Python would print of it, what it chains first."""
    seen.add(id(error))
    is_cause = error.__suppress_context__  # set with the cause, and by `from None`
    chained = error.__cause__ if is_cause else error.__context__
    if _is_new(chained, seen):
        yield from _told(chained, seen=seen)
        yield f"\n{_CAUSE if is_cause else _CONTEXT}\n"
    if frames := _frames(error):
        yield "Traceback (most recent call last):"
        yield "".join(traceback.StackSummary.from_list(frames).format()).rstrip()
    yield describe(error)
    for each in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        if _is_new(each, seen):
            yield textwrap.indent("\n".join(_told(each, seen=seen)), "  | ")


def _is_new(error: BaseException | None, seen: set[int]) -> TypeGuard[BaseException]:
    return error is not None and id(error) not in seen and len(seen) < MAX_ERRORS


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames that our call of their code led to."""
    frames = list(traceback.extract_tb(error.__traceback__))
    is_ours = [frame.filename.startswith(_OURS) for frame in frames]
    if True not in is_ours:
        return frames
    called = is_ours.index(True)
    return frames[is_ours.index(False, called) :] if False in is_ours[called:] else []


def _end_of(told: str) -> str:
    return told if len(told) <= MAX_CHARACTERS else f"...\n{told[-MAX_CHARACTERS:].partition(chr(10))[2]}"


def _short(filename: str) -> str:
    try:
        here = Path.cwd()
    except OSError:  # it was deleted meanwhile
        return filename
    file = Path(filename)
    return str(file.relative_to(here)) if file.is_relative_to(here) else filename
