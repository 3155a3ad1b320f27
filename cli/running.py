"""`up.json`: how a command in a second terminal finds the `textgate up` that runs in the first.

`up` writes it into its state folder and removes it at the end. It holds no secret: the address of an embedded Redis
is a path that only its owner can open, and any other address is left out (the configuration knows it).
"""

import os
from pathlib import Path

import msgspec

from cli.state_dir import write_private

SANDBOX_FOLDER = "sandbox"
"""The folder of `up --sandbox` inside the state folder."""

_NAME = "up.json"


class RunningAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One account of a running gateway."""

    id: str
    enabled: bool


class RunningUp(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A running `textgate up`."""

    pid: int
    ready: bool
    """Whether every part has reported for work."""
    config: str | None
    """Path of the configuration file; None: environment only."""
    redis_url: str | None
    """Address of the embedded server; None: the one that the configuration names."""
    prefix: str
    ingress_url: str
    sandbox_url: str | None = None
    accounts: tuple[RunningAccount, ...] = ()
    default_account: str | None = None

    @property
    def alive(self) -> bool:
        """Whether the process still exists."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


_decode = msgspec.json.Decoder(RunningUp).decode


def save_running(state_dir: Path, running: RunningUp) -> None:
    """Record a running `up`, in place of what stood there."""
    write_private(state_dir / _NAME, msgspec.json.format(msgspec.json.encode(running)).decode() + "\n")


def remove_running(state_dir: Path) -> None:
    """Forget it: it has ended."""
    (state_dir / _NAME).unlink(missing_ok=True)


def load_running(state_dir: Path) -> RunningUp | None:
    """The `up` that runs on exactly this folder, None if there is none (any more)."""
    try:
        running = _decode((state_dir / _NAME).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return running if running.alive else None


def find_running(state_dir: Path) -> RunningUp | None:
    """The `up` of this folder, else the `up --sandbox` inside it: a real gateway goes before a toy."""
    return load_running(state_dir) or load_running(state_dir / SANDBOX_FOLDER)
