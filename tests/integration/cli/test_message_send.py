"""`textgate message send`: what it takes beside words, what it refuses, and what is stored."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.keys import Keys, Stage, conversation_id
from shared.records import Reply, decode_reply
from shared.redis_client import load_list

from .conftest import Command

ANN = "+12025550123"
MENU = "https://example.com/menu.png"
LOCAL = "http://127.0.0.1:8000/menu.png"
CONFIG = """{
  redis: { prefix: "test:" },
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000", authToken: "t", fromNumber: "+12025550100",
    publicWebhookUrl: "https://example.com/webhooks/sms",
  } },
}"""

Send = Callable[..., Any]


@pytest.fixture
def send(textgate: Command, tmp_path: Any, redis_url: str) -> Send:
    """`textgate message send --target ANN …`."""
    (tmp_path / "textgate.json5").write_text(CONFIG)

    def run(*words: str, **variables: str) -> Any:
        return textgate("message", "send", "--target", ANN, *words, TEXTGATE_REDIS_URL=redis_url, **variables)

    return run


async def waiting(redis: Redis, keys: Keys) -> list[Reply]:
    lane = keys.lane(Stage.FORMAT, conversation_id("default", ANN))
    return [decode_reply(record) for record in await load_list(redis, lane.list, 0, -1)]


async def test_media_go_along_or_alone(send: Send, redis: Redis, keys: Keys) -> None:
    assert send("--message", "The menu of today", "--media", MENU).returncode == 0
    done = send("--media", MENU, "--media", f"{MENU}?2", "--json")
    assert json.loads(done.stdout)["state"] == "queued"
    assert [(reply.texts, reply.media) for reply in await waiting(redis, keys)] == [
        (("The menu of today",), (MENU,)),
        ((), (MENU, f"{MENU}?2")),
    ]


async def test_a_validity_period_goes_along(send: Send, redis: Redis, keys: Keys) -> None:
    assert send("--message", "Your code: 4711", "--validity", "300").returncode == 0
    assert [reply.validity_s for reply in await waiting(redis, keys)] == [300]
    assert send("--message", "Your code: 4711", "--validity", "36001").returncode == 2


async def test_media_of_this_machine_need_a_twilio_on_this_machine(send: Send, redis: Redis, keys: Keys) -> None:
    assert send("--media", LOCAL).returncode == 1
    assert send("--media", LOCAL, TEXTGATE_TWILIO_API_BASE="http://127.0.0.1:4010").returncode == 0
    assert [reply.media for reply in await waiting(redis, keys)] == [(LOCAL,)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--message", " "], "--message is empty"),
        (["--media", "http://example.com/a.png"], "--media: expected https:// at its start"),
        (["--media", MENU, "--media", "menu.png"], "--media no. 2: expected a URL such as"),
        (["--media", MENU] * 11, "--media: expected at most 10 media, found 11"),
    ],
)
async def test_a_mistake_stores_nothing(send: Send, redis: Redis, words: list[str], said: str) -> None:
    done = send(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert await redis.dbsize() == 0
