"""Ports of this machine: find free ones, and notice early that one is taken."""

import contextlib
import socket

from shared.errors import UsageError

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """That many different ports that nobody listens on now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) for _ in range(count)]
        for listener in sockets:
            listener.bind((LOOPBACK, 0))
        return [listener.getsockname()[1] for listener in sockets]


def require_free(host: str, port: int, *, setting: str) -> None:
    """Raises UsageError, which names the setting to change, if `host` and `port` cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host}:{port}: {error.strerror}; stop the program that does, or change {setting}"
            ) from error
