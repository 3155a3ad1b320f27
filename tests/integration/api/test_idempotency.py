"""`Idempotency-Key`: one key, one message, however often and wherever it arrives."""

import asyncio
import time
from collections import Counter

import pytest
from redis.asyncio import Redis

from shared.idempotency import IdempotencyKey, SubmitVerdict, submit, submitted_of
from shared.keys import Keys, conversation_id
from shared.records import Origin, Reply
from shared.round_trip import execute
from tests.integration.api.conftest import ANN, BOB, Caller, running, waiting

HELLO = {"to": ANN, "text": "hello"}


async def test_the_same_key_and_body_get_the_same_answer_and_no_second_message(
    api: Caller, redis: Redis, keys: Keys
) -> None:
    first = await api.post(HELLO, key="order-1")
    spelled_otherwise = b' { "text" : "hello", "markdown": false,\n "to": "\\u002b12025550111" } '
    for body in (HELLO, spelled_otherwise):
        again = await api.post(body, key="order-1")
        assert (again.status, again.body) == (202, first.body)
        assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert len(await waiting(redis, keys)) == 1


@pytest.mark.parametrize("change", [{"text": "other"}, {"to": BOB}, {"markdown": True}, {"account": "shop"}])
async def test_the_same_key_with_another_body_is_a_mistake(
    api: Caller, redis: Redis, keys: Keys, change: dict[str, object]
) -> None:
    await api.post(HELLO, key="order-1")
    answer = await api.post(HELLO | change, key="order-1")
    assert (answer.status, answer.problem) == (422, "idempotency-key-reused")
    assert len(await waiting(redis, keys)) == 1
    assert await waiting(redis, keys, BOB) == await waiting(redis, keys, account="shop") == []


async def test_without_a_key_each_request_is_a_message(api: Caller, redis: Redis, keys: Keys) -> None:
    ids = [(await api.post(HELLO)).json["id"] for _ in range(2)]
    assert [reply.reply_id for reply in await waiting(redis, keys)] == ids


async def test_each_token_has_keys_of_its_own(api: Caller, redis: Redis, keys: Keys) -> None:
    await api.post(HELLO, key="order-1")
    other = await api.post(HELLO | {"text": "other"}, key="order-1", token="token-of-sender")
    assert other.status == 202
    assert len(await waiting(redis, keys)) == 2


async def test_twenty_at_once_over_two_replicas_are_one_message(redis_url: str, redis: Redis, keys: Keys) -> None:
    async with running(redis_url) as one, running(redis_url) as two:
        answers = await asyncio.gather(*((one, two)[i % 2].post(HELLO, key="order-1") for i in range(20)))
    (reply,) = await waiting(redis, keys)
    assert Counter(answer.status for answer in answers) == {202: 20}
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].json["id"] == reply.reply_id
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1


async def test_different_bodies_at_once_with_one_key_are_one_message(redis_url: str, redis: Redis, keys: Keys) -> None:
    async with running(redis_url) as one, running(redis_url) as two:
        answers = await asyncio.gather(
            *((one, two)[i % 2].post({"to": ANN, "text": f"text {i}"}, key="order-1") for i in range(20))
        )
    assert Counter(answer.status for answer in answers) == {202: 1, 422: 19}
    assert len(await waiting(redis, keys)) == 1


async def test_a_key_is_remembered_when_the_account_is_paused_or_the_person_gone(
    api: Caller, redis: Redis, keys: Keys
) -> None:
    """The answer of before stands: the message was taken in."""
    first = await api.post(HELLO, key="order-1")
    await redis.set(keys.paused("default"), b"later")
    await redis.hset(keys.opted_out("default"), ANN, "now")  # type: ignore[misc]
    assert (await api.post(HELLO, key="order-1")).body == first.body


async def test_a_key_is_remembered_for_a_day(api: Caller, redis: Redis, keys: Keys) -> None:
    await api.post(HELLO, key="order-1")
    await api.post(HELLO, key="order-1")
    name = keys.idempotency("automation", "order-1")
    assert 86_390 < await redis.ttl(name) <= 86_400
    assert "order-1" not in name


@pytest.mark.parametrize("key", ["order-1", None])
async def test_a_call_that_the_client_sends_twice_appends_once(redis: Redis, keys: Keys, key: str | None) -> None:
    """A connection that breaks after Redis has executed the script: the client repeats it as it was."""
    conversation = conversation_id("default", ANN)
    reply = Reply(
        reply_id=f"{conversation}-api-1",
        account_id="default",
        conversation=conversation,
        to=ANN,
        texts=("hello",),
        origin=Origin.OPERATOR,
        created_ms=time.time_ns() // 1_000_000,
    )
    named = IdempotencyKey(token="automation", key=key) if key else None
    call = submit(keys=keys, reply=reply, body=b"{}", idempotency=named)
    outcomes = [submitted_of((await execute(redis, [call]))[0]) for _ in range(2)]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].verdict is SubmitVerdict.QUEUED
    assert len(await waiting(redis, keys)) == 1
