"""One ingress process: uvicorn around the app, stopped cleanly by SIGTERM or Ctrl-C."""

import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from ingress.app import create_app
from ingress.connection import BoundedProtocol
from ingress.listener import shared_socket
from shared.errors import ConfigError
from shared.logs import logger
from shared.metrics_server import serve_metrics
from shared.redis_client import connect
from shared.settings import Settings
from shared.start_up import start_up

GRACE_S = 10
"""Requests under way at SIGTERM may finish within this time."""


def run(settings: Settings, *, share_port: bool = False) -> None:
    """Serve until told to stop, then return. `share_port`: others may listen on the port too (`shared_socket`).

    Raises ConfigError if no Redis is configured, UsageError if a port that is to be shared cannot be listened on.
    """
    if settings.redis.url is None:
        raise ConfigError("redis.url", found="not set", expected="set it or TEXTGATE_REDIS_URL, or use `textgate up`")
    start_up(settings, role="ingress")
    log = logger(__name__)
    for account in settings.accounts.values():
        if account.receives:
            log.info(f"SMS webhook route {account.webhook_path} -> account {account.id}")
    host, port = settings.ingress.host, settings.ingress.port
    sockets = [shared_socket(host, port)] if share_port else None
    app = create_app(settings, connect(settings.redis.url.reveal()))
    serve_metrics(settings, role="ingress", accounts=lambda: app.state.settings.enabled_accounts)
    server = _Server(server_config(app, host=host, port=port))
    server.run(sockets)
    if not server.started:
        raise SystemExit(1)


def server_config(app: Starlette, *, host: str, port: int) -> uvicorn.Config:
    """How the app is served: HTTP/1.1 only, and nothing that a client says about itself is believed."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=75,
    )


class _Server(uvicorn.Server):
    """uvicorn, which ends with exit status 0 after a clean stop instead of raising the signal a second time."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so; uvicorn's own line speaks of a Ctrl-C that only `textgate up` gets."""
        await super().startup(sockets)
        if self.started:
            logger(__name__).info("listening", host=self.config.host, port=self.config.port)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
