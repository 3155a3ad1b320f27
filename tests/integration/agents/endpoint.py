"""A web server on the loopback that agents of the kinds `http` and `openai` are configured to, with a script per path.

It stands where somebody else's service stands: what it does is what services do, down to the closed connection.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Endpoint:
    """Answers each path with the last of its scripts, or with the next one while there are several."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.scripts: dict[str, list[Answer]] = {}

    def on(self, path: str, *scripts: Answer) -> None:
        self.scripts[path] = list(scripts)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(path=request.path, headers=headers, body=body))
        waiting = self.scripts[request.path]
        script = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return await script(request)


def says(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with JSON, or with bytes and text as they are."""

    async def script(_: web.Request) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(text=body, status=status, headers=headers)
        if isinstance(body, bytes):
            return web.Response(body=body, status=status, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    return script


def completes(content: Any, **more: Any) -> Answer:
    """Answer like a chat-completions endpoint."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return says({"id": "1", "object": "chat.completion", "choices": [choice | more]})


async def hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def pours(request: web.Request) -> web.StreamResponse:
    """An answer without an end."""
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b"x" * 65_536)
    return response


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", endpoint.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield endpoint
    finally:
        await runner.cleanup()
