"""The lifeline: no child outlives a supervisor that was killed without a chance to say goodbye.

The supervisor keeps the writing end of a pipe and never writes; each child gets the reading end and a thread that
waits for its end of file, which comes when the supervisor is gone, by whatever cause. The child then gets the same
SIGTERM that the supervisor would have sent, and is ended by force if that does not help within `GRACE_S`.

A pipe and not Linux' PR_SET_PDEATHSIG: it works on macOS too, needs no code between fork and exec, is not tied to
the thread that forked, and is inherited by nobody by accident.
"""

import os
import signal
import stat
import threading
from collections.abc import MutableMapping

VARIABLE = "TEXTGATE_LIFELINE"
"""Environment variable with the number of the descriptor to read from."""

GRACE_S = 30.0


class Lifeline:
    """The supervisor's side. Keep it as long as the children may live; `close` lets go of all of them."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a child must inherit (`pass_fds`)."""
        return (self._read,)

    @property
    def environ(self) -> dict[str, str]:
        """What a child must find in its environment."""
        return {VARIABLE: str(self._read)}

    def close(self) -> None:
        """Let go: children that still live will end. May be called again."""
        for descriptor in (self._read, self._write):
            if descriptor >= 0:
                os.close(descriptor)
        self._read = self._write = -1


def follow_parent(environ: MutableMapping[str, str]) -> None:
    """End this process when its supervisor is gone; does nothing for a process that has none.

    Takes the variable out of the environment, so that nothing started from here mistakes a descriptor for a lifeline.
    """
    named = environ.pop(VARIABLE, "")
    if not named.isdigit() or not _is_pipe(int(named)):
        return
    descriptor = int(named)
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_wait_for_end, args=(descriptor,), name="lifeline", daemon=True).start()


def _wait_for_end(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_S)  # the process normally ends during this wait, and this thread with it
    os.kill(os.getpid(), signal.SIGKILL)


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False
