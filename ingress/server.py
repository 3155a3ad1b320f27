"""One ingress process: uvicorn around the app, stopped cleanly by SIGTERM or Ctrl-C."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette

from ingress.app import create_app
from ingress.connection import BoundedProtocol
from ingress.data_door import DataDoor
from ingress.listener import shared_socket
from shared.errors import ConfigError
from shared.keys import Keys
from shared.logs import logger
from shared.metrics_server import serve_metrics
from shared.redis_client import AWAY, connect
from shared.settings import Settings
from shared.start_up import start_up

GRACE_S = 10
"""Requests under way at SIGTERM may finish within this time."""

FIRST_LOOK_S = 2.0
"""How long a Redis that hangs may delay the start; after that the ingress answers 503 until Redis is there."""


def run(settings: Settings, *, share_port: bool = False) -> None:
    """Serve until told to stop, then return. `share_port`: others may listen on the port too (`shared_socket`).

    Raises ConfigError if no Redis is configured or its data is of a version that we do not know, UsageError if a port
    that is to be shared cannot be listened on.
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
    door = DataDoor(Keys(settings.redis.prefix), on_refusal=lambda: server.leave())
    app = create_app(settings, connect(settings.redis.url.reveal(), greet=door.greet))
    serve_metrics(settings, role="ingress", accounts=lambda: app.state.settings.enabled_accounts)
    server = _Server(server_config(app, host=host, port=port), redis=app.state.redis, door=door)
    server.run(sockets)
    if door.refusal is not None:
        raise door.refusal
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

    def __init__(self, config: uvicorn.Config, *, redis: Redis, door: DataDoor) -> None:
        super().__init__(config)
        self._redis = redis
        self._door = door

    def leave(self) -> None:
        """Finish what is under way and end."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so; uvicorn's own line speaks of a Ctrl-C that only `textgate up` gets.

        Raises ConfigError, before anybody is listened to, if Redis is there and its data is not ours to touch.
        """
        with contextlib.suppress(*AWAY, RedisError, TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._redis.ping()
        if self._door.refusal is not None:
            raise self._door.refusal
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
