"""The webhook through the real ASGI app and a real Redis: what it answers, and that only what is genuine is stored.

Signatures are made by Twilio's own SDK here, so that our check is held against the original.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import structlog
from redis.asyncio import Redis
from starlette.applications import Starlette
from twilio.request_validator import RequestValidator

from ingress import body as request_body, webhook
from ingress.app import create_app
from shared.keys import Keys, Stage, conversation_id
from shared.outbox import Status, load_part_state
from shared.phone import Address
from shared.records import InboundText, decode_inbound_text
from shared.redis_client import connect, load_list
from shared.secrets import Secret
from shared.settings import Account, DmPolicy, RateLimits, RedisSettings, Settings
from tests.conftest import PREFIX

SID = "AC" + "1" * 32
URL = "https://gate.example.com/webhooks/sms"
OURS, THEIRS = "+15550001111", "+15557654321"
ACCOUNT = Account(
    id="default",
    account_sid=SID,
    auth_token=Secret("first token"),
    auth_token_secondary=Secret("second token"),
    from_number=Address(OURS),
    public_webhook_url=f"{URL}#rc=3&rp=5xx",
    dm_policy=DmPolicy.OPEN,
    allow_all=True,
)


def form_of(**changes: str) -> dict[str, str]:
    return {
        "MessageSid": "SM" + "a" * 32,
        "SmsSid": "SM" + "a" * 32,
        "AccountSid": SID,
        "From": THEIRS,
        "To": OURS,
        "Body": "  hello & goodbye ✓ ",
        "NumMedia": "0",
        "FromCity": "",
        "SmsStatus": "received",
        **changes,
    }


def sdk_signature(token: str, url: str, form: dict[str, str], algorithm: str = "HMAC_SHA1") -> str:
    """As Twilio's own SDK makes it."""
    return str(RequestValidator(token).compute_signature(url, form, algorithm))  # type: ignore[no-untyped-call]


class Caller:
    """Twilio, as the app sees it: one request at a time, straight into ASGI."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    async def send(
        self,
        body: bytes,
        *,
        path: str = "/webhooks/sms",
        query: str = "",
        method: str = "POST",
        signature: str = "",
        content_type: str = "application/x-www-form-urlencoded; charset=utf-8",
        client: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (b"content-type", content_type.encode()),
                (b"x-twilio-signature", signature.encode()),
                *((name.encode(), value.encode()) for name, value in (headers or {}).items()),
            ],
            "client": (client, 4711) if client else None,
            "app": self.app,
        }
        await self.app(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])

    async def post(
        self, form: dict[str, str], *, token: str = "first token", url: str = URL, query: str = "", **options: Any
    ) -> int:
        signature = sdk_signature(token, url, form)
        status, _ = await self.send(urlencode(form).encode(), query=query, signature=signature, **options)
        return status


@asynccontextmanager
async def gateway(redis_url: str, *accounts: Account) -> AsyncIterator[Caller]:
    settings = Settings(
        accounts={account.id: account for account in accounts},
        state_dir=Path("/nowhere"),
        redis=RedisSettings(prefix=PREFIX),
    )
    app = create_app(settings, connect(redis_url))
    async with app.router.lifespan_context(app):
        yield Caller(app)


@pytest.fixture
async def twilio(redis_url: str, redis: Redis) -> AsyncIterator[Caller]:
    async with gateway(redis_url, ACCOUNT) as caller:
        yield caller


async def stored(redis: Redis, keys: Keys, sender: str = THEIRS) -> list[InboundText]:
    lane = keys.lane(Stage.AGENT, conversation_id("default", sender))
    return [decode_inbound_text(record) for record in await load_list(redis, lane.list, 0, -1)]


async def test_a_genuine_text_is_stored_as_it_was_written(twilio: Caller, redis: Redis, keys: Keys) -> None:
    assert await twilio.post(form_of()) == 200
    (text,) = await stored(redis, keys)
    assert (text.sender, text.recipient, text.body) == (THEIRS, OURS, "  hello & goodbye ✓ ")


@pytest.mark.parametrize("token", ["first token", "second token"])
async def test_both_tokens_of_a_rotation_are_accepted(twilio: Caller, token: str) -> None:
    assert await twilio.post(form_of(), token=token) == 200


@pytest.mark.parametrize(
    ("url", "query"),
    [(URL.replace(".com/", ".com:443/"), ""), (f"{URL}?x=y&z=%20", "x=y&z=%20")],
    ids=["default port", "query of the request"],
)
async def test_twilios_variants_of_the_url_verify(twilio: Caller, url: str, query: str) -> None:
    assert await twilio.post(form_of(), url=url, query=query) == 200


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({"Body": "hello"}, {}),
        ({}, {"token": "wrong"}),
        ({}, {"url": "https://evil.example.com/webhooks/sms"}),
        ({}, {"url": "http://gate.example.com/webhooks/sms"}),
        ({}, {"url": f"{URL}?x=y"}),
        ({}, {"query": "x=y"}),
    ],
)
async def test_a_forged_or_changed_request_gets_403_and_leaves_nothing(
    twilio: Caller, redis: Redis, changed: dict[str, str], options: dict[str, Any]
) -> None:
    form = form_of()
    signature = sdk_signature(options.pop("token", "first token"), options.pop("url", URL), form)
    status, _ = await twilio.send(
        urlencode(form | changed).encode() + (b"&Extra=1" if not options and not changed and signature else b""),
        signature=signature,
        **options,
    )
    assert status == 403
    assert [key async for key in redis.scan_iter()] == [f"{PREFIX}rate:signatures:unknown".encode()], "only a counter"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"AccountSid": "AC" + "2" * 32}, 403),
        ({"To": "+15550002222"}, 403),
        ({"From": ""}, 400),
        ({"MessageSid": "", "SmsSid": ""}, 400),
        ({"MessageSid": "SM1:../*"}, 400),
        ({"NumMedia": "many"}, 400),
    ],
)
async def test_a_signed_request_that_is_not_for_us_or_malformed_is_refused(
    twilio: Caller, redis: Redis, changes: dict[str, str], status: int
) -> None:
    assert await twilio.post(form_of(**changes)) == status
    assert await redis.dbsize() == 0


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"body": b"", "method": "GET"}, 405),
        ({"body": b"x" * (request_body.MAX_BODY_BYTES + 1)}, 413),
        ({"body": b"{}", "content_type": "application/json"}, 403),
        ({"body": b"{}", "content_type": "text/plain"}, 400),
        ({"body": b"a=%ff"}, 400),
        ({"body": b"=&=&;"}, 400),
        ({"body": b"a=1&" * 300 + b"b=2"}, 400),
        ({"body": b"a=1"}, 403),
        ({"body": b"a=1", "path": "/webhooks/sms/"}, 404),
        ({"body": b"a=1", "path": "/"}, 404),
    ],
)
async def test_bad_requests_get_their_status_and_no_detail(
    twilio: Caller, redis: Redis, options: Any, status: int
) -> None:
    answered, body = await twilio.send(**options)
    assert answered == status
    assert body == webhook.TWIML
    assert [key async for key in redis.scan_iter() if b"rate:signatures" not in key] == []


async def test_a_body_that_never_ends_gets_408(twilio: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "MAX_BODY_S", 0.01)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/webhooks/sms", "headers": [], "query_string": b""}
    await twilio.app(scope, receive, send)
    assert sent[0]["status"] == 408


async def test_without_redis_a_genuine_text_gets_503_and_a_forged_one_still_403(tmp_path: Path) -> None:
    """Ruling 12: the signature is always checked first."""
    async with gateway(f"unix://{tmp_path}/nobody-here", ACCOUNT) as twilio:
        assert await twilio.post(form_of()) == 503
        assert await twilio.post(form_of(), token="wrong") == 403
        assert (await twilio.send(b"", path="/healthz", method="GET"))[0] == 200
        assert (await twilio.send(b"", path="/readyz", method="GET"))[0] == 503


@pytest.mark.parametrize("trouble", ["cannot write", "keys of another type"])
async def test_a_redis_that_refuses_the_write_is_503_in_twiml(
    twilio: Caller, redis: Redis, keys: Keys, trouble: str
) -> None:
    lane = keys.lane(Stage.AGENT, conversation_id("default", THEIRS))
    if trouble == "cannot write":
        await redis.config_set("min-replicas-to-write", 1)
    else:
        await redis.set(lane.list, "no list")
    body = urlencode(form_of()).encode()
    try:
        answer = await twilio.send(body, signature=sdk_signature("first token", URL, form_of()))
        assert answer == (503, webhook.TWIML)
        assert await twilio.post(form_of(), token="wrong") == 403
    finally:
        await redis.config_set("min-replicas-to-write", 0)
    await redis.delete(lane.list)
    assert await twilio.post(form_of()) == 200
    assert len(await stored(redis, keys)) == 1, "what was answered 503 is no duplicate"


async def test_a_flood_of_forged_requests_is_not_looked_into_one_by_one(
    twilio: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An explanation costs twenty times the check: a forger must not stop the event loop with it."""
    monkeypatch.setattr(webhook, "EXPLAIN_EVERY_S", 3600)
    with structlog.testing.capture_logs() as logs:
        assert {await twilio.post(form_of(), token="wrong") for _ in range(20)} == {403}
    reasons = [log["reason"] for log in logs if log["event"] == "webhook_rejected"]
    assert sum("auth token differs" in reason for reason in reasons) == 1
    assert sum("too many at once" in reason for reason in reasons) == 19


async def test_a_bug_of_ours_is_500_in_twiml_and_says_nothing(twilio: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise RuntimeError("the secret")

    monkeypatch.setattr(webhook, "decide_keyword", fails)
    body = urlencode(form_of()).encode()
    answer = await twilio.send(body, signature=sdk_signature("first token", URL, form_of()))
    assert answer == (500, webhook.TWIML)


async def test_health_answers(twilio: Caller) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await twilio.send(b"", path=path, method="GET"))[0] == 200


async def test_any_number_of_our_messaging_service_may_be_addressed(redis_url: str, redis: Redis) -> None:
    service = "MG" + "3" * 32
    account = msgspec.structs.replace(ACCOUNT, from_number=None, messaging_service_sid=service)
    async with gateway(redis_url, account) as twilio:
        assert await twilio.post(form_of(To="+15559999999", MessagingServiceSid=service)) == 200
        assert await twilio.post(form_of(To="+15559999999", MessagingServiceSid="MG" + "4" * 32)) == 403
        assert await twilio.post(form_of(To="+15559999999")) == 403


async def test_each_account_has_its_own_route_and_token(redis_url: str, redis: Redis) -> None:
    other = msgspec.structs.replace(
        ACCOUNT,
        id="shop",
        webhook_path="/webhooks/shop",
        public_webhook_url="https://gate.example.com/shop?tenant=1",
        auth_token=Secret("shop token"),
        auth_token_secondary=None,
    )
    async with gateway(redis_url, ACCOUNT, other) as twilio:
        shop_url = "https://gate.example.com/shop?tenant=1"
        assert (
            await twilio.post(form_of(), path="/webhooks/shop", token="shop token", url=shop_url, query="tenant=1")
            == 200
        )
        assert await twilio.post(form_of(), path="/webhooks/shop") == 403
        assert await twilio.post(form_of(), token="shop token") == 403


async def test_an_account_without_a_public_url_has_no_route(redis_url: str, redis: Redis) -> None:
    """Ruling 23: outbound only."""
    async with gateway(redis_url, msgspec.structs.replace(ACCOUNT, public_webhook_url=None)) as twilio:
        assert await twilio.post(form_of()) == 404


async def test_callbacks_move_a_part_forward_only(twilio: Caller, redis: Redis, keys: Keys) -> None:
    await redis.hset(keys.part("p.0"), mapping={"state": "dispatching", "attempt": "x", "journaled_ms": "1"})  # type: ignore[misc]
    await redis.pexpire(keys.part("p.0"), 1000_000)
    query = "textgate_part=p.0"
    for status in ("sent", "queued", "delivered", "sending", "delivered"):
        form = {"MessageSid": "SM9", "AccountSid": SID, "MessageStatus": status, "From": OURS, "To": THEIRS}
        assert await twilio.post(form, url=f"{URL}?{query}", query=query) == 200

    state = await load_part_state(redis, keys, "p.0")
    assert state is not None
    assert (state.state, state.status, state.sid) == ("accepted", Status.DELIVERED, "SM9")


async def test_a_callback_for_a_part_that_is_not_ours_stores_nothing(twilio: Caller, redis: Redis) -> None:
    form = {"MessageSid": "SM9", "AccountSid": SID, "MessageStatus": "sent"}
    query = "textgate_part=nobody.0"
    assert await twilio.post(form, url=f"{URL}?{query}", query=query) == 200
    assert await redis.dbsize() == 0


async def test_a_shared_key_signs_with_the_algorithm_that_the_header_names(redis_url: str, redis: Redis) -> None:
    account = msgspec.structs.replace(ACCOUNT, webhook_signing_keys={"webhooks_sharedkey_1": Secret("shared")})
    form = form_of()
    made = sdk_signature("shared", URL, form, "HMAC_SHA256")
    async with gateway(redis_url, account) as twilio:
        for header, status in (
            ("key=webhooks_sharedkey_1,algorithm=HMAC_SHA256", 200),
            ("key=webhooks_sharedkey_1,algorithm=HMAC_SHA1", 403),
            ("key=webhooks_sharedkey_1,algorithm=HMAC_MD5", 403),
            ("key=webhooks_sharedkey_2,algorithm=HMAC_SHA256", 403),
            ("", 403),
        ):
            answered, _ = await twilio.send(
                urlencode(form).encode(),
                signature=made,
                headers={"x-twilio-webhooks-signature-settings": header},
            )
            assert answered == status, header


async def test_json_is_verified_by_its_hash_and_then_refused(twilio: Caller) -> None:
    body = b'{"MessageSid": "SM1"}'
    query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
    made = sdk_signature("first token", f"{URL}?{query}", {})
    options: dict[str, Any] = {"query": query, "signature": made, "content_type": "application/json"}
    assert (await twilio.send(body, **options))[0] == 400
    assert (await twilio.send(body + b" ", **options))[0] == 403


async def test_a_look_of_the_probe_is_recognised_and_refused_and_counted_all_the_same(
    redis_url: str, redis: Redis
) -> None:
    limits = RateLimits(failed_signatures_per_minute=2)
    probe = {"user-agent": "Textgate-Probe"}
    async with gateway(redis_url, msgspec.structs.replace(ACCOUNT, rate_limits=limits)) as twilio:
        with structlog.testing.capture_logs() as logged:
            statuses = [
                (await twilio.send(b"", headers=probe, client="192.0.2.9"))[0],
                (await twilio.send(b"", headers=probe, client="192.0.2.9", signature="forged"))[0],
                (await twilio.send(b"", headers=probe, client="192.0.2.9"))[0],
            ]
    assert statuses == [403, 403, 429]
    told = [event for event in logged if event["event"] == "webhook_rejected"]
    assert [event["log_level"] for event in told] == ["info", "warning", "warning"], "an expected answer is no fault"
    assert "likely our own probe" in told[0]["reason"]
    assert "auth token differs" in told[1]["reason"], "a signature is looked into, whoever claims to send it"


async def test_a_look_of_the_doctor_is_no_warning_and_anybody_elses_is(redis_url: str) -> None:
    async with gateway(redis_url, ACCOUNT) as twilio:
        with structlog.testing.capture_logs() as logged:
            for agent in ("Textgate-Doctor", "curl/8.0"):
                assert (await twilio.send(b"", method="GET", headers={"user-agent": agent}))[0] == 405
    told = [(event["log_level"], event["reason"]) for event in logged if event["event"] == "webhook_rejected"]
    assert told[0][0] == "info"
    assert "likely `textgate doctor`" in told[0][1]
    assert told[1] == ("warning", "not a POST")


async def test_many_bad_signatures_of_one_client_get_429_and_harm_nobody_else(redis_url: str, redis: Redis) -> None:
    limits = RateLimits(failed_signatures_per_minute=3)
    async with gateway(redis_url, msgspec.structs.replace(ACCOUNT, rate_limits=limits)) as twilio:
        statuses = [await twilio.post(form_of(), token="wrong", client="203.0.113.7") for _ in range(5)]
        assert statuses == [403, 403, 403, 429, 429]
        assert await twilio.post(form_of(), token="wrong", client="203.0.113.8") == 403
        assert await twilio.post(form_of(), client="203.0.113.7") == 200, "real ones pass, also from behind that proxy"
