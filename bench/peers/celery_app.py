"""Celery 5 on Redis: acknowledge late, prefetch one, as its documentation advises for work that must not be lost."""

import os
import sys

import requests
from celery import Celery
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from bench.contenders.serve import serve
from bench.peers.webhook import Fields, handler
from bench.peers.work import API_BASE, PATH, REDIS_URL, agent, format_reply, text_of

app = Celery("bench", broker=REDIS_URL.replace("unix://", "redis+socket://"))
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    task_routes={f"bench.{stage}": {"queue": stage} for stage in ("agent", "format", "outbound")},
)
session = requests.Session()


@app.task(name="bench.agent")
def take_turn(text):
    """Hop 1."""
    make_parts.delay(agent(text))


@app.task(name="bench.format")
def make_parts(reply):
    """Hop 2."""
    send.delay(format_reply(reply))


@app.task(name="bench.outbound")
def send(part):
    """Hop 3."""
    session.post(API_BASE + PATH, data=part, timeout=15).raise_for_status()


async def enqueue(_: Request, form: Fields) -> None:
    """From the webhook; `apply_async` waits for Redis, so it goes into a thread."""
    await run_in_threadpool(take_turn.apply_async, (text_of(form),), task_id=form["MessageSid"])


if __name__ == "__main__":
    role, argument = sys.argv[1:]
    if role == "serve":
        serve(handler(enqueue))
    else:
        app.worker_main(
            [
                "worker",
                "-Q",
                argument,
                "-c",
                "1",
                "-n",
                f"{argument}-{os.getpid()}",
                "-l",
                "ERROR",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
            ]
        )
