"""`sendAt`: a message that waits for its time, can be seen, and can be taken back until then."""

import datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.holds import load_all_held, release
from shared.idempotency import MESSAGE_TTL_MS
from shared.keys import Keys, Stage, conversation_id
from shared.round_trip import execute
from tests.integration.api.conftest import ANN, Caller, waiting

CONVERSATION = conversation_id("default", ANN)


def ahead(**delta: float) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(**delta)).isoformat(timespec="seconds")


def message(send_at: str, **fields: Any) -> dict[str, Any]:
    return {"to": ANN, "text": "See you tomorrow", "sendAt": send_at, **fields}


async def time_comes(redis: Redis, keys: Keys) -> None:
    """What is held is due, and its job lets it go."""
    hold = keys.hold(Stage.FORMAT, CONVERSATION)
    for member in await redis.zrange(hold.set, 0, -1):
        await redis.zadd(hold.set, {member: 1})
    await execute(redis, [release(keys=keys, stage=Stage.FORMAT, conversation=CONVERSATION)])


def same_moment(said: str, meant: str) -> bool:
    return datetime.datetime.fromisoformat(said) == datetime.datetime.fromisoformat(meant)


async def test_a_scheduled_message_is_stored_and_seen_and_waits(api: Caller, redis: Redis, keys: Keys) -> None:
    send_at = ahead(hours=30)
    answer = await api.post(message(send_at))
    assert (answer.status, answer.json["status"]) == (202, "scheduled")
    assert same_moment(answer.json["scheduledAt"], send_at)
    assert await waiting(redis, keys) == []
    (held,) = await load_all_held(redis, keys)
    assert held.message_id == answer.json["id"]

    seen = (await api.get(answer.json["links"]["self"])).json
    assert (seen["status"], seen["parts"]) == ("scheduled", [])
    assert same_moment(seen["scheduledAt"], send_at)
    conversation = (await api.get(answer.json["links"]["conversation"])).json
    assert (conversation["scheduled"], conversation["lanes"]["format"]["waiting"]) == (1, 0)
    assert await redis.pttl(keys.message(held.message_id)) > MESSAGE_TTL_MS, "known for 30 days after its time"
    assert await redis.ttl(keys.conversation(CONVERSATION)) > 0, "no lane is busy, so it has a lifetime"

    await time_comes(redis, keys)
    assert [reply.reply_id for reply in await waiting(redis, keys)] == [held.message_id]
    seen = (await api.get(answer.json["links"]["self"])).json
    assert (seen["status"], seen["scheduledAt"]) == ("queued", None)
    assert await redis.ttl(keys.conversation(CONVERSATION)) == -1, "a lane is busy"


@pytest.mark.parametrize(
    ("send_at", "detail"),
    [
        ({"days": 35, "minutes": 5}, "expected a time within 35 days"),
        ({"seconds": -5}, "expected a time that is still to come"),
        ("2026-12-24T18:00:00", "Expected `datetime` with a timezone component"),
        ("tomorrow", "Invalid RFC3339 encoded datetime"),
        (1_800_000_000, "Expected `datetime`, got `int`"),
    ],
)
async def test_a_time_that_cannot_be_is_told_and_stores_nothing(
    api: Caller, redis: Redis, send_at: Any, detail: str
) -> None:
    answer = await api.post(message(ahead(**send_at) if isinstance(send_at, dict) else send_at), key="k")
    assert (answer.status, answer.problem) == (400, "invalid-request")
    assert answer.json["errors"] == [{"pointer": "/sendAt", "detail": detail}]
    assert await redis.dbsize() == 0


async def test_a_repetition_gets_the_first_answer_even_when_the_time_has_passed(
    api: Caller, redis: Redis, keys: Keys
) -> None:
    send_at = ahead(seconds=2)
    first = await api.post(message(send_at), key="k")
    assert first.status == 202
    second = first
    while datetime.datetime.now(datetime.UTC) < datetime.datetime.fromisoformat(send_at) + datetime.timedelta(
        seconds=1
    ):
        second = await api.post(message(send_at), key="k")
        assert (second.status, second.body) == (202, first.body)
    assert second.headers["idempotent-replayed"] == "true"
    assert len(await load_all_held(redis, keys)) == 1
    assert (await api.post(message(send_at), key="another")).status == 400


async def test_a_held_message_can_be_taken_back(api: Caller, redis: Redis, keys: Keys) -> None:
    other = await api.post(message(ahead(hours=1)))
    answer = await api.post(message(ahead(hours=1)))
    path = answer.json["links"]["self"]
    for _ in range(2):
        canceled = await api.call("DELETE", path)
        assert (canceled.status, canceled.json["status"], canceled.json["scheduledAt"]) == (200, "canceled", None)
    assert (await api.get(path)).json["status"] == "canceled"
    await time_comes(redis, keys)
    assert [reply.reply_id for reply in await waiting(redis, keys)] == [other.json["id"]]


async def test_what_was_handed_on_cannot_be_taken_back(api: Caller, redis: Redis, keys: Keys) -> None:
    answer = await api.post(message(ahead(hours=1)))
    await time_comes(redis, keys)
    refused = await api.call("DELETE", answer.json["links"]["self"])
    assert (refused.status, refused.problem) == (409, "too-late")
    at_once = await api.post({"to": ANN, "text": "now"})
    assert (await api.call("DELETE", at_once.json["links"]["self"])).status == 409
    assert len(await waiting(redis, keys)) == 2


async def test_taking_back_needs_the_right_to_send_and_the_account(api: Caller) -> None:
    path = (await api.post(message(ahead(hours=1)))).json["links"]["self"]
    assert (await api.call("DELETE", path, token="token-of-reader")).problem == "scope-missing"
    assert (await api.call("DELETE", path, token="token-of-keeper")).problem == "not-found"
    assert (await api.call("DELETE", path, token=None)).status == 401
    assert (await api.call("DELETE", path, token="token-of-sender")).status == 200
    assert (await api.call("DELETE", f"/v1/messages/{'a' * 16}-api-1")).status == 404
