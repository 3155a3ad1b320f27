"""Asking a Redis on a unix socket whether it is there: one PING by hand, no client library to load."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

_RETRY_S = 0.01


def answers(path: Path, *, limit_s: float, alive: Callable[[], bool]) -> bool:
    """Whether PING gets PONG within the limit, while the server is `alive`; one that loads its data is waited for."""
    deadline = time.monotonic() + limit_s
    while alive():
        reply = _ping(path)
        if reply.startswith(b"+PONG"):
            return True
        if reply.startswith(b"-LOADING"):
            deadline = time.monotonic() + limit_s
        if time.monotonic() > deadline:
            return False
        time.sleep(_RETRY_S)
    return False


def _ping(path: Path) -> bytes:
    """The reply to one PING, empty if nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2.0)
            client.connect(os.fspath(path))
            client.sendall(b"PING\r\n")
            return client.recv(64)
    except OSError:
        return b""


def last_line(log: Path) -> str:
    """What a server said last, which after a failed start is why."""
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote no log")
