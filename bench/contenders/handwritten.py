"""The handler that people write, with `arq.enqueue_job`: one job per text, nothing else. Its queue keeps no order."""

import contextlib
import os
from collections.abc import AsyncIterator
from urllib.parse import unquote

from arq import create_pool
from arq.connections import RedisSettings
from starlette.applications import Starlette
from starlette.requests import Request

from bench.contenders.serve import serve
from bench.peers.webhook import Fields, handler


async def enqueue(request: Request, form: Fields) -> None:
    """One job, found again by the message's SID."""
    await request.app.state.arq.enqueue_job("handle_text", form, _job_id=form["MessageSid"])


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Connect to Redis."""
    path = unquote(os.environ["BENCH_REDIS_URL"].removeprefix("unix://"))
    app.state.arq = await create_pool(RedisSettings(unix_socket_path=path))
    yield
    await app.state.arq.aclose()


if __name__ == "__main__":
    serve(handler(enqueue, lifespan))
