"""Stock arq 0.28: as it comes, or tuned (polls every 10 ms, 200 jobs at once, msgpack), on uvloop."""

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import aiohttp
import msgspec
import uvloop
from arq import create_pool
from arq.connections import ArqRedis, RedisSettings
from arq.worker import Worker, func
from starlette.applications import Starlette
from starlette.requests import Request

from bench.contenders.serve import serve
from bench.peers.webhook import Fields, handler
from bench.peers.work import API_BASE, PATH, REDIS_URL, agent, format_reply, text_of

TUNED: dict[str, Any] = {"poll_delay": 0.01, "max_jobs": 200}
PACK: dict[str, Any] = {
    "job_serializer": msgspec.msgpack.Encoder(enc_hook=repr).encode,
    "job_deserializer": msgspec.msgpack.decode,
}


async def pool(*, tuned: bool) -> ArqRedis:
    """A client."""
    settings = RedisSettings(unix_socket_path=unquote(REDIS_URL.removeprefix("unix://")))
    return await create_pool(settings, default_queue_name="agent", **(PACK if tuned else {}))


async def take_turn(ctx: dict[str, Any], text: dict[str, str]) -> None:
    """Hop 1."""
    await ctx["redis"].enqueue_job("format", agent(text), _queue_name="format")


async def make_parts(ctx: dict[str, Any], reply: dict[str, str]) -> None:
    """Hop 2."""
    await ctx["redis"].enqueue_job("outbound", format_reply(reply), _queue_name="outbound")


async def send(ctx: dict[str, Any], part: dict[str, str]) -> None:
    """Hop 3."""
    async with ctx["session"].post(API_BASE + PATH, data=part) as answer:
        answer.raise_for_status()


async def startup(ctx: dict[str, Any]) -> None:
    """Connect."""
    ctx["session"] = aiohttp.ClientSession()


async def work(stage: str, *, tuned: bool) -> None:
    """Run until SIGTERM."""
    hops = [func(take_turn, name="agent"), func(make_parts, name="format"), func(send, name="outbound")]
    more = {**TUNED, **PACK} if tuned else {}
    worker = Worker(
        hops,
        redis_pool=await pool(tuned=tuned),
        queue_name=stage,
        on_startup=startup,
        keep_result=0,
        handle_signals=True,
        **more,
    )
    await worker.async_run()


async def enqueue(request: Request, form: Fields) -> None:
    """From the webhook; a job is found again by the message's SID."""
    await request.app.state.arq.enqueue_job("agent", text_of(form), _job_id=form["MessageSid"])


def front(*, tuned: bool) -> Starlette:
    """The webhook's app."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.arq = await pool(tuned=tuned)
        yield
        await app.state.arq.aclose()

    return handler(enqueue, lifespan)


if __name__ == "__main__":
    kind, role, argument = sys.argv[1:]
    tuned = kind == "tuned"
    if role == "serve":
        serve(front(tuned=tuned))
    else:
        uvloop.run(work(argument, tuned=tuned))
