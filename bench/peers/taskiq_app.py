"""taskiq 0.13 with taskiq-redis' stream broker, which acknowledges; uvloop, 100 tasks at once per worker."""

import asyncio
import json
import os
import sys
import time

import aiohttp
import uvloop
from taskiq_redis import RedisStreamBroker

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


async def feed(plan: dict[str, float]) -> None:
    """Enqueue as planned, and print when each was due."""
    first, count, rate = int(plan["first"]), int(plan["count"]), plan["rate"]
    await brokers["agent"].startup()
    started, due, running = time.perf_counter(), {}, set()
    for number in range(count):
        due[first + number] = started + number / rate if rate else time.perf_counter()
        pause = due[first + number] - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        running.add(asyncio.create_task(take_turn.kiq(text_of(first + number))))
        if len(running) >= 100:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*running)
    print(json.dumps(due))


if __name__ == "__main__":
    role, argument = sys.argv[1:]
    if role == "feed":
        uvloop.run(feed(json.loads(argument)))
    else:
        words = ["taskiq", "worker", f"bench.peers.taskiq_app:{argument}_broker", "--workers", "1"]
        words += ["--max-async-tasks", "100", "--log-level", "ERROR"]
        os.execv(os.path.join(os.path.dirname(sys.executable), "taskiq"), words)  # noqa: PTH118, PTH120, S606
