"""saq 0.26 on Redis, uvloop, 100 tasks at once per worker."""

import sys

import aiohttp
import uvloop
from redis.asyncio import Redis
from saq import Worker
from saq.queue.redis import RedisQueue
from starlette.requests import Request

from bench.contenders.serve import serve
from bench.peers.webhook import Fields, handler
from bench.peers.work import API_BASE, PATH, REDIS_URL, agent, format_reply, text_of

queues = {stage: RedisQueue(Redis.from_url(REDIS_URL), name=stage) for stage in ("agent", "format", "outbound")}


async def take_turn(_, *, text):
    """Hop 1."""
    await queues["format"].enqueue("make_parts", reply=agent(text), retries=5)


async def make_parts(_, *, reply):
    """Hop 2."""
    await queues["outbound"].enqueue("send", part=format_reply(reply), retries=5)


async def send(ctx, *, part):
    """Hop 3."""
    async with ctx["session"].post(API_BASE + PATH, data=part) as answer:
        answer.raise_for_status()


async def startup(ctx):
    """Connect."""
    ctx["session"] = aiohttp.ClientSession()


async def work(stage: str) -> None:
    """Run until SIGTERM."""
    await Worker(queues[stage], functions=[take_turn, make_parts, send], concurrency=100, startup=startup).start()


async def enqueue(_: Request, form: Fields) -> None:
    """From the webhook; a job is found again by the message's SID."""
    await queues["agent"].enqueue("take_turn", text=text_of(form), key=form["MessageSid"], retries=5)


if __name__ == "__main__":
    role, argument = sys.argv[1:]
    if role == "serve":
        serve(handler(enqueue))
    else:
        uvloop.run(work(argument))
