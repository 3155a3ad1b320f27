"""`textgate message send`: what it takes beside words, what it refuses, and what is stored; and what is held of it."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.holds import hold_parts
from shared.keys import Keys, Stage, conversation_id
from shared.lanes import append
from shared.records import Origin, Part, Reply, decode_reply, encode
from shared.redis_client import load_list
from shared.round_trip import execute

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


@pytest.fixture
def message(textgate: Command, send: Send, redis_url: str) -> Send:
    """`textgate message …`."""

    def run(*words: str) -> Any:
        return textgate("message", *words, TEXTGATE_REDIS_URL=redis_url)

    return run


def ahead(**delta: float) -> str:
    """A moment in the future, as a person in Berlin might write it."""
    here = datetime.timezone(datetime.timedelta(hours=1))
    return (datetime.datetime.now(here) + datetime.timedelta(**delta)).isoformat(timespec="seconds")


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
        (["--message", "hi", "--send-at", "2020-01-01T00:00:00Z"], "--send-at: expected a time that is still to come"),
        (["--message", "hi", "--send-at", "2099-01-01T00:00:00Z"], "--send-at: expected a time within 35 days"),
        (["--message", "hi", "--send-at", "2026-12-24T18:00:00"], "--send-at: expected a time with its offset"),
        (["--message", "hi", "--send-at", "tonight"], "--send-at: expected a time such as"),
    ],
)
async def test_a_mistake_stores_nothing(send: Send, redis: Redis, words: list[str], said: str) -> None:
    done = send(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert await redis.dbsize() == 0


async def test_a_message_can_be_scheduled_seen_and_taken_back(
    send: Send, message: Send, redis: Redis, keys: Keys
) -> None:
    assert message("scheduled").stdout == "Nothing waits for its time.\n"
    later, sooner = ahead(hours=2), ahead(hours=1)
    second = json.loads(send("--message", "second", "--send-at", later, "--json").stdout)
    said = send("--message", "first", "--send-at", sooner, "--media", MENU).stdout
    assert "Scheduled for +12025550123" in said
    assert await waiting(redis, keys) == []
    assert second["state"] == "scheduled"
    assert datetime.datetime.fromisoformat(second["scheduledAt"]) == datetime.datetime.fromisoformat(later)

    shown = json.loads(message("scheduled", "--json").stdout)["scheduled"]
    assert [each["why"] for each in shown] == ["scheduled", "scheduled"]
    assert shown[1]["id"] == second["replyId"]
    assert (shown[0]["peer"], shown[0]["hasBegun"]) == ("+1202•••0123", False)
    table = message("scheduled").stdout
    assert "2 messages." in table
    assert ANN not in table

    trace = json.loads(message("trace", second["replyId"], "--json").stdout)
    assert (trace["state"], trace["scheduledAt"]) == ("scheduled", second["scheduledAt"])
    assert "textgate message cancel" in trace["next"]

    done = message("cancel", second["replyId"], "--json")
    assert json.loads(done.stdout) == {"id": second["replyId"], "account": "default", "state": "canceled"}
    trace = json.loads(message("trace", second["replyId"], "--json").stdout)
    assert (trace["state"], trace["scheduledAt"], trace["canceledAt"] is None) == ("canceled", None, False)
    again = message("cancel", second["replyId"])
    assert again.returncode == 1
    assert "does not wait for a time" in again.stderr
    assert len(json.loads(message("scheduled", "--json", "--account", "default").stdout)["scheduled"]) == 1


async def test_what_has_begun_is_not_taken_back(message: Send, redis: Redis, keys: Keys) -> None:
    conversation = conversation_id("default", ANN)
    parts = [
        Part(
            part_id=f"{conversation}-r.{index}",
            reply_id=f"{conversation}-r",
            index=index,
            count=3,
            account_id="default",
            conversation=conversation,
            to=ANN,
            body="hello",
            encoding="GSM-7",
            segments=1,
            origin=Origin.API,
            created_ms=1,
        )
        for index in (1, 2)
    ]
    lane = keys.lane(Stage.OUTBOUND, conversation)
    records = tuple(encode(part) for part in parts)
    await execute(redis, [append(lane=lane, stage=Stage.OUTBOUND, records=records)])
    turn = (await redis.hget(lane.state, "outbound")).decode()  # type: ignore[misc]
    assert await execute(
        redis, [hold_parts(keys=keys, part=parts[0], turn=turn, count=2, due_ms=9_000_000_000_000)]
    ) == [1]
    (shown,) = json.loads(message("scheduled", "--json").stdout)["scheduled"]
    assert (shown["why"], shown["hasBegun"]) == ("quiet hours", True)
    done = message("cancel", f"{conversation}-r")
    assert done.returncode == 1
    assert "too late" in done.stderr
