"""saq 0.26 on Redis, uvloop, 100 tasks at once per worker."""

import asyncio
import json
import sys
import time

import aiohttp
import uvloop
from redis.asyncio import Redis
from saq import Worker
from saq.queue.redis import RedisQueue

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


async def feed(plan: dict[str, float]) -> None:
    """Enqueue as planned, and print when each was due."""
    first, count, rate = int(plan["first"]), int(plan["count"]), plan["rate"]
    queue = queues["agent"]
    await queue.connect()
    started, due, running = time.perf_counter(), {}, set()
    for number in range(count):
        due[first + number] = started + number / rate if rate else time.perf_counter()
        pause = due[first + number] - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        running.add(asyncio.create_task(queue.enqueue("take_turn", text=text_of(first + number), retries=5)))
        if len(running) >= 100:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*running)
    print(json.dumps(due))


if __name__ == "__main__":
    role, argument = sys.argv[1:]
    uvloop.run(feed(json.loads(argument)) if role == "feed" else work(argument))
