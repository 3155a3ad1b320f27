"""Runs the sandbox on a loopback port: alone (`textgate sandbox`), or inside another program's event loop (tests).

It refuses any other host: whoever reaches the sandbox can have webhooks signed in Twilio's name.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.app import create_app
from sandbox.config import SandboxConfig
from sandbox.loopback import is_loopback_host
from sandbox.state import SandboxState

GRACE_S = 2
"""How long a stop waits for requests that are under way."""


class RunningSandbox(Struct, frozen=True, kw_only=True):
    """A sandbox that answers at `base_url`, the value for `TEXTGATE_TWILIO_API_BASE`; `state` is what it knows."""

    base_url: str
    state: SandboxState


def run(
    config: SandboxConfig,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then return. `on_ready` is told the base URL; port 0 takes a free one.

    Only in the main thread, where signals arrive.

    Raises: ValueError for a host that is not loopback, OSError if the port is taken.
    """
    with _listen(host, port) as listener:
        base_url = _base_url(host, listener)
        server = _Server(SandboxState(config), on_ready=lambda: on_ready(base_url) if on_ready else None)
        server.run(sockets=[listener])


@contextlib.asynccontextmanager
async def serve(
    config: SandboxConfig,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    now: Callable[[], float] | None = None,
) -> AsyncIterator[RunningSandbox]:
    """A sandbox inside the running event loop, gone when the block ends. Signals stay with the caller.

    Raises: as `run`.
    """
    state = SandboxState(config) if now is None else SandboxState(config, now=now)
    with _listen(host, port) as listener:
        ready = asyncio.Event()
        server = _Server(state, on_ready=ready.set, own_signals=False)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await ready.wait()
        try:
            yield RunningSandbox(base_url=_base_url(host, listener), state=state)
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """uvicorn, quiet, which tells when it is ready, can reset one connection, and closes the state before it waits."""

    def __init__(self, state: SandboxState, *, on_ready: Callable[[], None], own_signals: bool = True) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(state),
                http=HttpToolsProtocol,
                lifespan="off",
                proxy_headers=False,  # a client's true address is needed to hang up on it
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._state = state
        self._on_ready = on_ready
        self._own_signals = own_signals
        state.hang_up = self.hang_up

    def hang_up(self, client: tuple[str, int]) -> None:
        """Reset the connection from this address."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpToolsProtocol) and connection.client == client:
                connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM, and leave them alone inside another program.

        uvicorn's own version raises the signal again after the stop, so that a clean end would look like a crash.
        """
        caught = (signal.SIGINT, signal.SIGTERM) if self._own_signals else ()
        previous = {number: signal.signal(number, self.handle_exit) for number in caught}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Release those who wait for events first; they would hold up the stop."""
        await self._state.close()
        await super().shutdown(sockets)


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    if not is_loopback_host(host):
        raise ValueError(f"the sandbox serves this machine only: {host!r} is not loopback (127.0.0.1, ::1, localhost)")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it every answer waits 40 ms for an ACK.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        yield listener


def _base_url(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"
