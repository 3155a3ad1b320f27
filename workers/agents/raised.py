"""Where somebody else's code raised: their file and line, and a traceback that starts at their code. Pure.

Our own frames, which lead to theirs, are left out: they say nothing to who wrote the agent. An error without a frame of
theirs (an answer of a wrong kind) has neither place nor traceback.
"""

import sysconfig
import traceback
from pathlib import Path

import msgspec

import workers

_OURS = f"{Path(workers.__file__).parent}/"
_LIBRARIES = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "purelib", "platlib"))
"""Not where the mistake is: `json/decoder.py` only met what it was given."""


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was; both empty for an error without a frame of theirs."""

    at: str = ""
    """`my_agent.py:12`: their last line before the error; relative to the working folder, if it lies there."""
    traceback: str = ""


def where_raised(error: BaseException) -> Raised:
    """Tell where the agent raised this, looking through what our wrapping added."""
    cause: BaseException | None = error
    while cause is not None:
        told = traceback.TracebackException.from_exception(cause)
        frames = _behind_ours(told.stack)
        own = [frame for frame in frames if not frame.filename.startswith((_OURS, *_LIBRARIES))]
        if own:
            told.stack = traceback.StackSummary.from_list(frames)
            return Raised(at=f"{_short(own[-1].filename)}:{own[-1].lineno}", traceback="".join(told.format()).rstrip())
        cause = cause.__cause__
    return Raised()


def _behind_ours(frames: list[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """The frames that our call of their code led to."""
    is_ours = [frame.filename.startswith(_OURS) for frame in frames]
    if True not in is_ours:
        return frames
    called = is_ours.index(True)
    return frames[is_ours.index(False, called) :] if False in is_ours[called:] else []


def _short(filename: str) -> str:
    file = Path(filename)
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else filename
