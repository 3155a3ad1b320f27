"""Named points at which a process kills or freezes itself, so that tests can see what that leaves. Off by default.

`TEXTGATE_FAULT_POINT=<point>` makes the process SIGKILL itself when it reaches that point; each conversation strikes
once, remembered as a file in `TEXTGATE_FAULT_MARKS` (a folder), so that the restarted process gets past it. With
`TEXTGATE_FAULT_SIGNAL=SIGSTOP` it freezes there instead, until somebody sends SIGCONT. Never set any outside of tests.
"""

import os
import signal
from enum import StrEnum
from pathlib import Path

POINT = "TEXTGATE_FAULT_POINT"
MARKS = "TEXTGATE_FAULT_MARKS"
SIGNAL = "TEXTGATE_FAULT_SIGNAL"

_ARMED = os.environ.get(POINT)
"""Read once: these points are passed for every part."""


class FaultPoint(StrEnum):
    """Where an outbound worker may be struck, in the order in which it gets there."""

    BEFORE_JOURNAL = "before-journal"
    AFTER_JOURNAL = "after-journal"
    CONNECTED = "connected"
    """The connection to Twilio stands; not a byte of the request was sent."""
    AFTER_REQUEST = "after-request"
    """The request is with the operating system; its answer was not read."""
    AFTER_ANSWER = "after-answer"
    AFTER_COMMIT = "after-commit"


def is_armed(point: FaultPoint) -> bool:
    """Whether this process is to die there."""
    return _ARMED is not None and point.value == _ARMED


def reach(point: FaultPoint, conversation: str) -> None:
    """Die (or freeze) here if the tests say so and this conversation was not struck yet."""
    if not is_armed(point):
        return
    mark = Path(os.environ[MARKS]) / f"{point.value}-{conversation}"
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.Signals[os.environ.get(SIGNAL, "SIGKILL")])
