"""`POST /v1/messages`: what is stored, what is refused and how, and that 202 means stored."""

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from ingress.api import body as api_body
from shared.accounts import pause, resume
from shared.keys import Keys, Stage, conversation_id
from shared.records import Origin
from shared.round_trip import execute
from shared.settings import Durability, RedisSettings
from tests.conftest import PREFIX
from tests.integration.api.conftest import ANN, BOB, SETTINGS, Caller, running, waiting


async def test_a_message_is_stored_before_it_is_answered(api: Caller, redis: Redis, keys: Keys) -> None:
    answer = await api.post({"to": ANN, "text": "Your *table* is ready ✓"})
    (reply,) = await waiting(redis, keys)
    assert (reply.to, reply.texts, reply.markdown) == (ANN, ("Your *table* is ready ✓",), False)
    assert (reply.account_id, reply.origin) == ("default", Origin.API)

    assert answer.status == 202
    said = answer.json
    assert said.pop("createdAt").endswith("Z")
    conversation = conversation_id("default", ANN)
    assert said == {
        "id": reply.reply_id,
        "conversation": conversation,
        "account": "default",
        "status": "queued",
        "scheduledAt": None,
        "paused": False,
        "links": {"self": f"/v1/messages/{reply.reply_id}", "conversation": f"/v1/conversations/{conversation}"},
    }
    assert answer.headers["location"] == said["links"]["self"]
    assert ANN.encode() not in answer.body
    lane = keys.lane(Stage.FORMAT, conversation)
    assert await redis.zcard(lane.queue) == 1, "a busy lane has its job"


async def test_several_texts_are_one_message_in_order(api: Caller, redis: Redis, keys: Keys) -> None:
    assert (await api.post({"to": ANN, "texts": ["one", "two"], "markdown": True})).status == 202
    (reply,) = await waiting(redis, keys)
    assert (reply.texts, reply.markdown) == (("one", "two"), True)


async def test_media_go_along_or_alone(api: Caller, redis: Redis, keys: Keys) -> None:
    assert (await api.post({"to": ANN, "text": "The menu of today", "media": [MENU]})).status == 202
    assert (await api.post({"to": ANN, "media": [MENU, MENU]})).status == 202
    assert [(reply.texts, reply.media) for reply in await waiting(redis, keys)] == [
        (("The menu of today",), (MENU,)),
        ((), (MENU, MENU)),
    ]


async def test_a_validity_period_goes_along(api: Caller, redis: Redis, keys: Keys) -> None:
    assert (await api.post({"to": ANN, "text": "Your code: 4711", "validitySeconds": 300})).status == 202
    assert [reply.validity_s for reply in await waiting(redis, keys)] == [300]


async def test_media_of_this_machine_go_out_only_where_twilio_is_on_this_machine(redis_url: str, redis: Redis) -> None:
    local = {"to": ANN, "media": ["http://127.0.0.1:8000/menu.png"]}
    for api_base, status in ((None, 400), ("http://127.0.0.1:4010", 202)):
        async with running(redis_url, msgspec.structs.replace(SETTINGS, twilio_api_base=api_base)) as api:
            assert (await api.post(local)).status == status


async def test_without_a_recipient_the_accounts_default_to_is_texted(api: Caller, redis: Redis, keys: Keys) -> None:
    answer = await api.post({"account": "shop", "text": "The backup is done."})
    assert answer.status == 202
    assert [reply.to for reply in await waiting(redis, keys, BOB, "shop")] == [BOB]
    assert BOB.encode() not in answer.body
    assert (await api.post({"text": "hello"})).json["errors"][0]["pointer"] == "/to", "this account has none"


@pytest.mark.parametrize(
    ("token", "named", "expected"),
    [
        ("token-of-automation", None, "default"),
        ("token-of-automation", "shop", "shop"),
        ("token-of-keeper", None, "shop"),
        ("token-of-keeper", "shop", "shop"),
        ("token-of-keeper", "default", "account-forbidden"),
        ("token-of-keeper", "nobody", "account-forbidden"),
        ("token-of-automation", "nobody", "invalid-request"),
        ("token-of-automation", "off", "account-unavailable"),
    ],
)
async def test_the_account_is_the_one_named_or_the_tokens_own(
    api: Caller, token: str, named: str | None, expected: str
) -> None:
    answer = await api.post({"to": ANN, "text": "hello", **({"account": named} if named else {})}, token=token)
    assert (answer.json["account"] if answer.status == 202 else answer.problem) == expected


PHONE = "expected a phone number in E.164 form such as +15551234567"
MENU = "https://example.com/menu.png"
URL = "expected a URL such as https://example.com/menu.png, without user info"
WHY = "at its start: others could read or change what is sent"
FIELDS = "to, account, text, texts, media, sendAt, validitySeconds, markdown, turn"


@pytest.mark.parametrize(
    ("document", "pointer", "detail"),
    [
        ({}, "/text", "expected either text or texts, or media alone"),
        ({"text": "a", "texts": ["b"]}, "/text", "expected either text or texts, or media alone"),
        ({"text": "a", "to": "12025550111"}, "/to", f"{PHONE}, without anything else"),
        ({"text": "a", "to": "sms:+12025550111"}, "/to", f"{PHONE}, without anything else"),
        ({"text": "a", "to": "RCS:+12025550111"}, "/to", f"{PHONE}, without anything else"),
        ({"text": "a", "to": "rcs:brand_agent"}, "/to", f"{PHONE}; this has characters that no number has"),
        ({"text": "a", "to": "+12025550111\n"}, "/to", f"{PHONE}, without anything else"),
        ({"text": "a", "to": "Ann"}, "/to", f"{PHONE}; this has characters that no number has"),
        ({"text": "a", "to": "+1202555"}, "/to", f"{PHONE}; this one is too short for its country"),
        ({"text": "a", "to": ""}, "/to", f"{PHONE}; this is empty"),
        ({"text": "a", "to": 12025550111}, "/to", "Expected `str`, got `int`"),
        ({"text": "a", "to": None}, "/to", "Expected `str`, got `null`"),
        ({"text": "", "to": ANN}, "/text", "expected a text that is not blank"),
        ({"text": " \n", "to": ANN}, "/text", "expected a text that is not blank"),
        ({"texts": ["a", " "], "to": ANN}, "/texts/1", "expected a text that is not blank"),
        ({"texts": [], "to": ANN}, "/texts", "Expected `array` of length >= 1"),
        ({"texts": ["a"] * 11, "to": ANN}, "/texts", "Expected `array` of length <= 10"),
        ({"texts": "a", "to": ANN}, "/texts", "Expected `array`, got `str`"),
        ({"text": "a", "to": ANN, "markdown": "yes"}, "/markdown", "Expected `bool`, got `str`"),
        ({"text": "a", "to": ANN, "later": 1}, "/later", f"unknown field; expected {FIELDS}"),
        ({"text": "a", "a/b~c": 1}, "/a~1b~0c", f"unknown field; expected {FIELDS}"),
        ({"text": "a", "mediaUrls": [MENU]}, "/mediaUrls", f"unknown field; expected {FIELDS}"),
        ({"text": "a", "media": []}, "/media", "Expected `array` of length >= 1"),
        ({"text": "a", "media": [MENU] * 11}, "/media", "Expected `array` of length <= 10"),
        ({"text": "a", "media": MENU}, "/media", "Expected `array`, got `str`"),
        ({"text": "a", "to": ANN, "media": [MENU, "http://example.com/a.png"]}, "/media/1", f"expected https:// {WHY}"),
        ({"text": "a", "to": ANN, "media": ["menu.png"]}, "/media/0", URL),
        ({"text": "a", "to": ANN, "validitySeconds": 0}, "/validitySeconds", "Expected `int` >= 1"),
        ({"text": "a", "to": ANN, "validitySeconds": 36_001}, "/validitySeconds", "Expected `int` <= 36000"),
        ([], "", "Expected `object`, got `array`"),
        ("text", "", "Expected `object`, got `str`"),
    ],
)
async def test_a_request_that_is_wrong_is_told_where_and_stores_nothing(
    api: Caller, redis: Redis, document: Any, pointer: str, detail: str
) -> None:
    answer = await api.post(document)
    assert (answer.status, answer.problem) == (400, "invalid-request")
    assert answer.json["errors"] == [{"pointer": pointer, "detail": detail}]
    assert await redis.dbsize() == 0


@pytest.mark.parametrize(
    ("body", "headers", "problem"),
    [
        (b"", {}, "invalid-json"),
        (b"{", {}, "invalid-json"),
        (b'{"text": "\xff"}', {}, "invalid-json"),
        (b'{"text": "\\ud800"}', {}, "invalid-json"),
        (b'{"text": "a"} {}', {}, "invalid-json"),
        (b"[" * 60_000, {}, "invalid-request"),
        (b'{"text": "' + b"a" * api_body.MAX_BODY_BYTES + b'"}', {}, "too-large"),
        (b"{}", {"content-length": "999999999"}, "too-large"),
        (b"{}", {"content-length": "9" * 5000}, "too-large"),
        (b"{}", {"content-length": "²"}, "invalid-request"),
        (b"text=a", {"content-type": "application/x-www-form-urlencoded"}, "not-json"),
        (b"{}", {"content-type": ""}, "not-json"),
        (b"{}", {"idempotency-key": ""}, "invalid-idempotency-key"),
        (b"{}", {"idempotency-key": "a" * 256}, "invalid-idempotency-key"),
        (b"{}", {"idempotency-key": "schlüssel"}, "invalid-idempotency-key"),
    ],
)
async def test_a_body_or_header_that_cannot_be_understood_is_refused(
    api: Caller, redis: Redis, body: bytes, headers: dict[str, str], problem: str
) -> None:
    assert (await api.post(body, headers=headers)).problem == problem
    assert await redis.dbsize() == 0


async def test_a_body_that_never_ends_gets_408(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_body, "MAX_BODY_S", 0.01)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Bearer token-of-automation"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/messages", "headers": headers, "query_string": b""}
    await api.app(scope, receive, send)
    assert sent[0]["status"] == 408


async def test_a_person_who_opted_out_is_not_texted(api: Caller, redis: Redis, keys: Keys) -> None:
    await redis.hset(keys.opted_out("default"), ANN, "now")  # type: ignore[misc]
    answer = await api.post({"to": ANN, "text": "hello"}, key="k")
    assert (answer.status, answer.problem) == (409, "opted-out")
    assert await waiting(redis, keys) == []
    assert (await api.post({"to": ANN, "text": "hello", "account": "shop"})).status == 202, "of one account only"

    await redis.delete(keys.opted_out("default"))
    again = await api.post({"to": ANN, "text": "hello"}, key="k")
    assert again.status == 202, "a refusal uses no key up"
    assert "idempotent-replayed" not in again.headers


async def test_a_paused_account_takes_messages_and_says_so(api: Caller, redis: Redis, keys: Keys) -> None:
    await execute(redis, [pause(keys=keys, account_id="default", code="twilio-20003", message="m", hint="h")])
    answer = await api.post({"to": ANN, "text": "hello"})
    assert (answer.status, answer.json["paused"]) == (202, True)
    assert len(await waiting(redis, keys)) == 1
    seen = await api.get(answer.json["links"]["self"])
    assert (seen.json["status"], seen.json["paused"]) == ("queued", True)
    await resume(redis, keys, "default")
    assert (await api.get(answer.json["links"]["self"])).json["paused"] is False


async def test_without_redis_everything_is_503_and_says_when_to_come_again(tmp_path: Path) -> None:
    async with running(f"unix://{tmp_path}/nobody-here") as api:
        for answer in (
            await api.post({"to": ANN, "text": "hello"}),
            await api.get(f"/v1/messages/{'a' * 16}-api-1"),
            await api.get(f"/v1/conversations/{'a' * 16}"),
        ):
            assert (answer.status, answer.problem) == (503, "not-stored")
            assert int(answer.headers["retry-after"]) > 0
            assert os.fspath(tmp_path).encode() not in answer.body
        assert (await api.post({"text": "hello"}, token="wrong")).status == 401, "who may not is told so first"


async def test_a_write_that_redis_cannot_confirm_is_503(redis_url: str, redis: Redis) -> None:
    """No replica is there that could have it."""
    strict = RedisSettings(prefix=PREFIX, wait_replicas=1, durability=Durability.EVERYSEC)
    async with running(redis_url, msgspec.structs.replace(SETTINGS, redis=strict)) as api:
        answer = await api.post({"to": ANN, "text": "hello"}, key="k")
        assert (answer.status, answer.problem) == (503, "not-stored")
        again = await api.post({"to": ANN, "text": "hello"}, key="k")
        assert again.status == 503, "a repetition must be confirmed as well"
        assert (await api.get(f"/v1/messages/{'a' * 16}-api-1", token="token-of-hasty")).status == 404, (
            "reading need not"
        )
