"""`agent.kind: "http"`: what a web service is posted, what it may answer, and its answer that comes later."""

import hashlib
import hmac
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.errors import TransientError
from shared.keys import Keys
from shared.secrets import Secret
from tests.integration.agents.conftest import ANN, CONVERSATION, Desk
from tests.integration.agents.endpoint import Endpoint, says
from workers.agents.contract import LATER, Later, Reply
from workers.agents.http import read_answer, sign
from workers.agents.post import Answered

CAT = "https://example.com/cat.png"


def http(endpoint: Endpoint, **more: Any) -> dict[str, Any]:
    return {"kind": "http", "http": {"url": f"{endpoint.url}/turn", **more}}


async def test_the_service_is_posted_the_turn_signed(desk: Desk, endpoint: Endpoint) -> None:
    endpoint.on("/turn", says({"texts": ["one", "**two**"], "media": [CAT]}))
    desk.answer_with(http(endpoint, secret="$SECRET", headers={"Authorization": "Basic abc"}), SECRET="the secret")
    await desk.text("hello")
    await desk.text("are you there?")
    assert (await desk.turn()).outcome == "answered"
    (asked,) = endpoint.asked
    document = asked.json
    assert document["version"] == 1
    assert (document["conversation"], document["account"], document["sender"]) == (CONVERSATION, "default", ANN)
    assert document["prompt"] == "hello\nare you there?"
    assert [text["body"] for text in document["texts"]] == ["hello", "are you there?"]
    assert document["texts"][0]["receivedAt"].endswith("Z")
    assert asked.headers["authorization"] == "Basic abc"
    assert asked.headers["idempotency-key"] == document["turn"]

    stamp, digest = (field.partition("=")[2] for field in asked.headers["textgate-signature"].split(","))
    expected = hmac.new(b"the secret", stamp.encode() + b"." + asked.body, hashlib.sha256).hexdigest()
    assert digest == expected
    (reply,) = await desk.said()
    assert (reply.texts, reply.media, reply.markdown) == (("one", "**two**"), (CAT,), True)


async def test_each_attempt_has_the_same_idempotency_key(desk: Desk, endpoint: Endpoint) -> None:
    endpoint.on("/turn", says("", status=503), says("", status=409), says({"text": "ok"}))
    desk.answer_with(http(endpoint))
    await desk.text("hello")
    assert [(await desk.turn()).outcome for _ in range(3)] == ["transient", "transient", "answered"]
    assert len({asked.headers["idempotency-key"] for asked in endpoint.asked}) == 1
    assert "textgate-signature" not in endpoint.asked[0].headers


def test_the_signature_is_over_the_time_and_the_body() -> None:
    secret = Secret("s")
    signed = sign(b"body", secret, at_s=1_795_340_000)
    # printf '1795340000.body' | openssl dgst -sha256 -hmac s
    assert signed == "t=1795340000,v1=351e23cfa42a4fe42fb12f409b9b8619c897fdab2e9a01e895ec827925a50f7c"
    others = {
        sign(b"body.", secret, at_s=1_795_340_000),
        sign(b"body", secret, at_s=1),
        sign(b"body", Secret("t"), at_s=1),
    }
    assert signed not in others
    assert len(others) == 3


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, "application/json", b'{"text": "a"}'), Reply(texts=("a",))),
        ((200, "application/json", b'{"texts": ["a", "b"], "media": ["u"]}'), Reply(texts=("a", "b"), media=("u",))),
        ((200, "application/json", b"{}"), Reply()),
        ((200, "text/plain", "gr\u00fc\u00df dich".encode()), "gr\u00fc\u00df dich"),
        ((200, "text/markdown", b"**a**"), "**a**"),
        ((200, "text/plain", b"\xff"), "\ufffd"),
        ((200, "application/octet-stream", b""), None),
        ((204, "", b""), None),
        ((202, "", b"whatever"), LATER),
    ],
)
def test_what_a_service_may_answer(answer: tuple[int, str, bytes], expected: object) -> None:
    status, kind, body = answer
    assert read_answer(Answered(status=status, content_type=kind, retry_after_s=None, body=body)) == expected


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("application/json", b"", "no JSON"),
        ("application/json", b"{", "no JSON"),
        ("application/json", b'{"texts": [' + b"[" * 100_000, "Expected `str`"),
        ("application/json", b'"hello"', "Expected `object`"),
        ("application/json", b'{"reply": "hello"}', "unknown field `reply`"),
        ("application/json", b'{"texts": "hello"}', "Expected `array`"),
        ("application/json", b'{"text": "a", "texts": ["b"]}', "both text and texts"),
        ("text/html", b"<html>", "text/html"),
        ("image/png", b"png", "image/png"),
    ],
)
def test_garbage_is_named(kind: str, body: bytes, said: str) -> None:
    with pytest.raises(TransientError, match=said):
        read_answer(Answered(status=200, content_type=kind, retry_after_s=None, body=body))


# The answer that comes later


async def test_a_202_leaves_the_turn_open_and_the_conversation_goes_on(
    desk: Desk, endpoint: Endpoint, redis: Redis, keys: Keys
) -> None:
    endpoint.on("/turn", says("", status=202), says({"text": "at once"}))
    desk.answer_with(http(endpoint, answerWithinSeconds=60))
    await desk.text("hello")
    turned = await desk.turn()
    assert (turned.outcome, turned.facts["answer"]) == ("silent", "comes later")
    turn = endpoint.asked[0].json["turn"]
    stored = await redis.hgetall(keys.turn(turn))  # type: ignore[misc]
    assert (stored[b"to"], stored[b"account"]) == (ANN.encode(), b"default")
    assert b"closed" not in stored
    assert 0 < await redis.pttl(keys.turn(turn)) <= 60_000

    await desk.text("and now?")
    assert (await desk.turn()).outcome == "answered"
    assert endpoint.asked[1].json["turn"] != turn


async def test_an_answer_at_once_closes_the_turn(desk: Desk, endpoint: Endpoint, redis: Redis, keys: Keys) -> None:
    endpoint.on("/turn", says("", status=204))
    desk.answer_with(http(endpoint))
    await desk.text("hello")
    await desk.turn()
    assert await redis.hget(keys.turn(endpoint.asked[0].json["turn"]), "closed") == b"1"  # type: ignore[misc]


async def test_a_turn_that_was_answered_by_the_api_says_nothing_more(
    desk: Desk, endpoint: Endpoint, redis: Redis, keys: Keys
) -> None:
    """The service posts its answer first, and then answers the request all the same."""

    async def answers_twice(request: Any) -> Any:
        await redis.hset(keys.turn(endpoint.asked[-1].json["turn"]), "fingerprint", "f")  # type: ignore[misc]
        return await says({"text": "twice"})(request)

    endpoint.on("/turn", answers_twice)
    desk.answer_with(http(endpoint))
    await desk.text("hello")
    turned = await desk.turn()
    assert (turned.outcome, turned.facts["answer"]) == ("silent", "came by the API")
    assert await desk.said() == []


async def test_a_turn_that_was_answered_is_not_asked_again_nor_apologised_for(
    desk: Desk, endpoint: Endpoint, redis: Redis, keys: Keys
) -> None:
    """The service posts its answer, and the request to it fails."""

    async def answers_and_fails(request: Any) -> Any:
        await redis.hset(keys.turn(endpoint.asked[-1].json["turn"]), "fingerprint", "f")  # type: ignore[misc]
        return await says("", status=400)(request)

    endpoint.on("/turn", says("", status=503), answers_and_fails)
    desk.answer_with(http(endpoint))
    await desk.text("hello")
    assert (await desk.turn()).outcome == "transient"
    assert (await desk.turn()).outcome == "dead"
    assert await desk.said() == []

    endpoint.on("/turn", says("", status=503), answers_and_fails)
    await desk.text("hello again")
    await desk.turn()
    await redis.hset(keys.turn(endpoint.asked[-1].json["turn"]), "fingerprint", "f")  # type: ignore[misc]
    asked = len(endpoint.asked)
    assert (await desk.turn()).outcome == "silent"
    assert len(endpoint.asked) == asked


def test_later_is_a_value_of_its_own() -> None:
    assert Later() == LATER
