"""Raw sockets against the ingress as it is served: what a client may do before anybody knows who it is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
import uvicorn

from ingress import connection
from ingress.app import create_app
from ingress.server import server_config
from shared.redis_client import connect
from shared.settings import RedisSettings, Settings
from tests.conftest import PREFIX

LIMIT_S = 20.0
Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@pytest.fixture
async def knock(redis_url: str) -> AsyncIterator[Connect]:
    """Open a connection to a running ingress."""
    settings = Settings(accounts={}, state_dir=Path("/nowhere"), redis=RedisSettings(prefix=PREFIX))
    server = uvicorn.Server(server_config(create_app(settings, connect(redis_url)), host="127.0.0.1", port=0))
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]

    async def open_one() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port)

    yield open_one
    server.should_exit = True
    await serving


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Everything that came until the server ended the connection."""
    async with asyncio.timeout(LIMIT_S):
        with suppress(ConnectionError):
            return await reader.read()
    return b""


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"POST /webhooks/sms HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",
        b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Trailer: ",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHo",
    ],
)
async def test_a_request_that_never_ends_is_ended(
    knock: Connect, beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then keeps no connection open."""
    monkeypatch.setattr(connection, "MAX_REQUEST_S", 0.3)
    reader, writer = await knock()

    async def trickle() -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(b"\r\n" if beginning.endswith(b"\n\r\n\r\n") else b"a")
                await writer.drain()
                await asyncio.sleep(0.05)

    writer.write(beginning)
    trickling = asyncio.create_task(trickle() if beginning else asyncio.sleep(0))
    await ended(reader)
    trickling.cancel()
    writer.close()


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /",
        b"GET /healthz HTTP/1.1\r\nX: ",
        b"POST /nowhere HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: ",
        b"POST /nowhere HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
)
@pytest.mark.parametrize("flood", [b"a" * 1000, b"a\r\nX: "])
async def test_what_is_no_body_has_a_limit(knock: Connect, beginning: bytes, flood: bytes) -> None:
    reader, writer = await knock()
    writer.write(beginning)
    sent = 0
    with suppress(ConnectionError):
        while sent < 50_000_000 and not reader.at_eof():
            writer.write(flood * 20)
            await writer.drain()
            await asyncio.sleep(0)
            sent += len(flood) * 20
    await ended(reader)
    assert sent < 5_000_000, "what the system buffers, and no more"
    writer.close()


async def test_honest_clients_notice_nothing(knock: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many requests on one connection, in pieces, pipelined, and with bodies larger than the limit for heads."""
    monkeypatch.setattr(connection, "MAX_REQUEST_S", 1.0)
    reader, writer = await knock()
    small = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    large = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"b" * 60_000
    for piece in (small, small[:20], small[20:], small * 3, large, large[:30_000], large[30_000:], small):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    answers = b""
    async with asyncio.timeout(LIMIT_S):
        while answers.count(b"HTTP/1.1 200") < 6 or answers.count(b"HTTP/1.1 404") < 2:
            answers += await reader.read(65_536)
    writer.close()


async def test_a_websocket_is_not_spoken(knock: Connect) -> None:
    reader, writer = await knock()
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
    with structlog.testing.capture_logs():
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n")
        async with asyncio.timeout(LIMIT_S):
            status = await reader.readline()
    assert b" 101 " not in status
    writer.close()
