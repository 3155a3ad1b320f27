"""A port that several processes listen on: the kernel gives each new connection to one of them (SO_REUSEPORT).

All of them must ask for it and belong to the same user, so nobody else can take a share of the texts. A process that
is starting or full delays nobody but its own connections.
"""

import socket

from shared.errors import UsageError


def shared_socket(host: str, port: int) -> socket.socket:
    """A socket that is bound and does not listen yet: it holds the port and gets no connection.

    Raises UsageError if somebody listens there who does not share, or if this system cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
    except (AttributeError, OSError) as error:
        held.close()
        reason = error.strerror if isinstance(error, OSError) else "this system has no SO_REUSEPORT"
        raise UsageError(
            f"cannot share {host}:{port}: {reason}; stop the program that listens there, or change ingress.port"
        ) from error
    return held
