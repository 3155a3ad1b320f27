"""taskiq 0.13 with taskiq-redis' stream broker, which acknowledges; uvloop, 100 tasks at once per worker."""

import contextlib
import os
import sys
from collections.abc import AsyncIterator

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from taskiq_redis import RedisStreamBroker

from bench.contenders.serve import serve
from bench.peers.webhook import Fields, handler
from bench.peers.work import API_BASE, PATH, REDIS_URL, agent, format_reply, text_of

brokers = {stage: RedisStreamBroker(url=REDIS_URL, queue_name=stage) for stage in ("agent", "format", "outbound")}
agent_broker, format_broker, outbound_broker = brokers.values()  # taskiq finds them by name
_sessions: list[aiohttp.ClientSession] = []


@brokers["agent"].task(task_name="agent")
async def take_turn(text: dict[str, str]) -> None:
    """Hop 1."""
    await make_parts.kiq(agent(text))


@brokers["format"].task(task_name="format")
async def make_parts(reply: dict[str, str]) -> None:
    """Hop 2."""
    await send.kiq(format_reply(reply))


@brokers["outbound"].task(task_name="outbound")
async def send(part: dict[str, str]) -> None:
    """Hop 3."""
    if not _sessions:
        _sessions.append(aiohttp.ClientSession())
    async with _sessions[0].post(API_BASE + PATH, data=part) as answer:
        answer.raise_for_status()


async def enqueue(_: Request, form: Fields) -> None:
    """From the webhook."""
    await take_turn.kiq(text_of(form))


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Connect to Redis."""
    await brokers["agent"].startup()
    yield


if __name__ == "__main__":
    role, argument = sys.argv[1:]
    if role == "serve":
        serve(handler(enqueue, lifespan))
    else:
        words = ["taskiq", "worker", f"bench.peers.taskiq_app:{argument}_broker", "--workers", "1"]
        words += ["--max-async-tasks", "100", "--log-level", "ERROR"]
        os.execv(os.path.join(os.path.dirname(sys.executable), "taskiq"), words)  # noqa: PTH118, PTH120, S606
