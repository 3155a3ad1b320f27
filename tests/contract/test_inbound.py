"""Mission §2, row by row: what a webhook is answered, who gets in, and what is stored."""

import asyncio
import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from redis.asyncio import Redis

from cli.readiness import answers_200
from ingress import body as request_body
from shared.admission import Verdict
from shared.keys import Keys, Stage, conversation_id
from shared.metric_kinds import REGISTRY
from shared.outbox import DispatchVerdict, dispatch
from shared.records import Origin, Part
from shared.round_trip import execute
from shared.texts import TextKey
from tests.contract.desk import (
    ANN,
    BLOCK,
    BOB,
    CAT,
    OURS,
    URL,
    Desk,
    Door,
    Pairs,
    form_of,
    new_sid,
    pass_time,
    sdk_signature,
)
from tests.contract.processes import running
from tests.contract.turns import run_turn

TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
NODS = {"kind": "python", "callable": "tests.contract.agents:nods"}


# POST {webhookPath} for every enabled account


async def test_every_enabled_account_has_a_webhook_and_a_switched_off_one_has_none(desk: Desk) -> None:
    accounts = {
        "shop": {"webhookPath": "/webhooks/shop", "publicWebhookUrl": "https://gate.example.com/webhooks/shop"},
        "off": {"webhookPath": "/webhooks/off", "enabled": False},
    }
    async with desk.opened(dmPolicy="open", allowFrom="*", accounts=accounts) as door:
        assert await door.post(form_of()) == 200
        shop = {"path": "/webhooks/shop", "url": "https://gate.example.com/webhooks/shop"}
        assert await door.post(form_of(), **shop) == 200
        assert await door.post(form_of(), path="/webhooks/off") == 404
        assert len(await door.stored(ANN)) == len(await door.stored(ANN, "shop")) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
async def test_other_methods_405(door: Door, method: str) -> None:
    assert await door.ask(method=method) == 405
    assert (b"allow", b"POST") in door.sent[0]["headers"]


async def test_body_over_32_kib_413(door: Door) -> None:
    assert await door.ask(b"x" * (32 * 1024 + 1)) == 413
    assert await door.ask(b"", headers=[("content-length", "32769")]) == 413
    form = form_of("x" * (32 * 1024 - len(urlencode(form_of("")))))
    assert len(urlencode(form)) == 32 * 1024
    assert await door.post(form) == 200


async def test_body_not_finished_in_time_408(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    assert request_body.MAX_BODY_S == 5
    monkeypatch.setattr(request_body, "MAX_BODY_S", 0.01)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if sent:
            raise AssertionError("already answered")
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/webhooks/sms", "headers": [], "query_string": b""}
    await door.app(scope, receive, send)
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    "changes",
    [
        {"MessageSid": "", "SmsSid": "", "SmsMessageSid": ""},
        {"MessageSid": "S" * 65},
        {"MessageSid": "SM1 2"},
        {"MessageSid": "SM1:../*"},
        {"From": ""},
        {"From": "   "},
        {"From": "+1555\x00"},
        {"From": "x" * 256},
        {"NumMedia": "many"},
        {"NumMedia": "-1"},
        {"NumMedia": "²"},
    ],
)
async def test_malformed_or_missing_fields_400(door: Door, redis: Redis, changes: dict[str, str]) -> None:
    assert await door.post(form_of() | changes) == 400
    assert await redis.dbsize() == 0


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json; charset=utf-8"),
        (b"a=1", "text/plain"),
        (b"a=1", ""),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"a=\xc3\xa9", "application/x-www-form-urlencoded"),
        (b"just words", "application/x-www-form-urlencoded"),
        (b"a=1&" * 201, "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_is_no_form_is_never_taken_for_one(
    door: Door, redis: Redis, body: bytes, content_type: str
) -> None:
    assert await door.ask(body, content_type=content_type) in (400, 403)
    assert [key async for key in redis.scan_iter() if b":rate:signatures:" not in key] == []


async def test_bad_or_missing_signature_403(door: Door) -> None:
    body = urlencode(form_of()).encode()
    assert await door.ask(body) == 403
    assert await door.ask(body, signature="") == 403
    assert await door.ask(body, signature="bm90IGEgc2lnbmF0dXJl") == 403
    assert await door.post(form_of(), token="another token") == 403


@pytest.mark.parametrize(
    "path", ["/", "/webhooks", "/webhooks/sms/", "/webhooks/sms/x", "/Webhooks/sms", "//webhooks/sms"]
)
async def test_unknown_path_404(door: Door, path: str) -> None:
    assert await door.post(form_of(), path=path) == 404


async def test_redis_not_reachable_503_and_a_bad_signature_still_403(desk: Desk) -> None:
    """Also ruling 12: the signature is always checked first."""
    desk.redis_url = f"unix://{desk.file.parent}/nobody-here"
    async with desk.opened() as door:
        assert await door.post(form_of()) == 503
        assert await door.post(form_of(), token="wrong") == 403
        assert await door.ask(method="GET", path="/healthz") == 200
        assert await door.ask(method="GET", path="/readyz") == 503


async def test_the_write_not_confirmed_503(desk: Desk) -> None:
    """No replica is there to confirm, so nothing is acknowledged."""
    async with desk.opened_with(
        channels={"sms": {**BLOCK, "dmPolicy": "open", "allowFrom": "*"}},
        redis={"prefix": "test:", "waitReplicas": 1},
    ) as door:
        assert await door.post(form_of()) == 503


async def test_all_answers_are_twiml_without_internal_detail(door: Door) -> None:
    for ask in (
        door.post(form_of()),
        door.post(form_of(), token="wrong"),
        door.post(form_of() | {"From": ""}),
        door.ask(method="GET"),
        door.ask(b"x" * 40_000),
    ):
        await ask
        start, *rest = door.sent
        assert (b"content-type", b"text/xml") in start["headers"]
        assert b"".join(message["body"] for message in rest) == TWIML


async def test_the_answer_to_an_unknown_path_is_twiml_as_well(door: Door) -> None:
    assert await door.post(form_of(), path="/webhooks/other") == 404
    start, *rest = door.sent
    assert (b"content-type", b"text/xml") in start["headers"]
    assert b"".join(message["body"] for message in rest) == TWIML


async def test_health_and_readiness(door: Door) -> None:
    for path in ("/healthz", "/readyz"):
        assert await door.ask(method="GET", path=path) == 200


# Signature

NUL_AND_MORE = "\x00\x7f\u2028 \u200b"
FORMS: dict[str, Pairs] = {
    "repeated parameters": [("Body", "b"), ("Body", "a"), ("Body", "b"), ("A", ""), ("A", "")],
    "empty values": [("FromCity", ""), ("FromState", ""), ("Body", "")],
    "leading and trailing blanks": [("Body", "  two words \t"), ("Odd ", " x ")],
    "unicode": [("Body", "naïve ✓ 👩‍👩‍👧 \U0010ffff e\u0301"), ("Überraschung", "ja")],
    "line ends and controls": [("Body", "a\r\nb\rc\nd"), ("X", NUL_AND_MORE)],
    "reserved characters": [("Body", "a&b=c+d%20e?f#g"), ("a=b", "c&d")],
    "names that differ in case": [("body", "x"), ("BODY", "y")],
    "new parameters": [("SomethingNew", "x"), ("Zz", "0")],
}


@pytest.mark.parametrize("extra", FORMS.values(), ids=FORMS)
async def test_every_parameter_counts_as_received(door: Door, extra: Pairs) -> None:
    pairs = [*((name, value) for name, value in form_of().items() if name != "Body"), *extra]
    assert await door.post(pairs) == 200
    assert await door.post([*pairs[:-1], (pairs[-1][0], f"{pairs[-1][1]} ")], url=f"{URL}/x") == 403


@pytest.mark.parametrize("tampered", ["drop", "add", "change", "trim"])
async def test_a_changed_parameter_does_not_verify(door: Door, redis: Redis, tampered: str) -> None:
    pairs = list((form_of() | {"Body": " hello ", "FromCity": ""}).items())
    made = sdk_signature(pairs)
    changed = {
        "drop": [pair for pair in pairs if pair[0] != "From"],
        "add": [*pairs, ("Extra", "1")],
        "change": [(name, "bye" if name == "Body" else value) for name, value in pairs],
        "trim": [(name, value.strip()) for name, value in pairs],
    }[tampered]
    if (
        tampered == "move"
    ):  # name and value are signed without anything between: the text is the same, so is the meaning
        assert sdk_signature(changed) != made or await door.ask(urlencode(changed).encode(), signature=made) == 200
        return
    assert await door.ask(urlencode(changed).encode(), signature=made) == 403
    assert [key async for key in redis.scan_iter() if b":rate:signatures:" not in key] == []


@pytest.mark.parametrize(
    ("configured", "signed"),
    [
        (URL, URL.replace(".com/", ".com:443/")),
        (URL.replace(".com/", ".com:443/"), URL),
        ("http://gate.example.com/s", "http://gate.example.com:80/s"),
        ("http://gate.example.com:80/s", "http://gate.example.com/s"),
        ("https://gate.example.com:8443/s", "https://gate.example.com:8443/s"),
    ],
)
async def test_with_and_without_the_default_port(desk: Desk, configured: str, signed: str) -> None:
    async with desk.opened(publicWebhookUrl=configured) as door:
        assert await door.post(form_of(), url=signed) == 200


async def test_a_port_that_is_not_the_default_one_is_part_of_the_url(desk: Desk) -> None:
    async with desk.opened(publicWebhookUrl=URL.replace(".com/", ".com:8443/")) as door:
        assert await door.post(form_of(), url=URL) == 403
        assert await door.post(form_of(), url=URL.replace(".com/", ".com:443/")) == 403


async def test_both_auth_tokens_during_a_rotation(desk: Desk) -> None:
    async with desk.opened(authTokenSecondary="the next token") as door:
        assert await door.post(form_of()) == 200
        assert await door.post(form_of(), token="the next token") == 200
        assert await door.post(form_of(), token="the token after that") == 403


async def test_without_a_query_of_its_own_that_of_the_request_is_appended(door: Door) -> None:
    for query in ("x=y", "x=y&z=%20&x=", "a"):
        assert await door.post(form_of(), url=f"{URL}?{query}", query=query) == 200
        assert await door.post(form_of(), url=URL, query=query) == 403


async def test_a_query_in_the_public_url_counts_byte_for_byte(desk: Desk) -> None:
    url = f"{URL}?tenant=a%20b&x="
    async with desk.opened(publicWebhookUrl=url) as door:
        assert await door.post(form_of(), url=url, query="tenant=a%20b&x=") == 200
        assert await door.post(form_of(), url=f"{URL}?tenant=a+b&x=", query="tenant=a+b&x=") == 403
        assert await door.post(form_of(), url=URL, query="tenant=a%20b&x=") == 403


async def test_the_fragment_is_never_part_of_the_signed_url(desk: Desk) -> None:
    async with desk.opened(publicWebhookUrl=f"{URL}#rc=3&rp=ct,rt,5xx") as door:
        assert await door.post(form_of(), url=URL) == 200
        assert await door.post(form_of(), url=f"{URL}#rc=3&rp=ct,rt,5xx") == 403


async def test_the_url_is_the_configured_one_whatever_the_headers_say(door: Door) -> None:
    lies = [("host", "evil.example.com"), ("x-forwarded-host", "evil.example.com"), ("x-forwarded-proto", "http")]
    assert await door.post(form_of(), headers=lies) == 200
    assert await door.post(form_of(), url="https://evil.example.com/webhooks/sms", headers=lies) == 403


async def test_a_shared_key_signs_with_the_algorithm_that_is_named(desk: Desk) -> None:
    async with desk.opened(webhookSigningKeys={"webhooks_sharedkey_1": "shared"}) as door:
        form = form_of()
        made = sdk_signature(list(form.items()), token="shared", algorithm="HMAC_SHA256")
        for named, status in (
            ("key=webhooks_sharedkey_1,algorithm=HMAC_SHA256", 200),
            ("key=webhooks_sharedkey_1,algorithm=HMAC_SHA1", 403),
            ("key=webhooks_sharedkey_2,algorithm=HMAC_SHA256", 403),
        ):
            headers = [("x-twilio-webhooks-signature-settings", named)]
            assert await door.ask(urlencode(form).encode(), signature=made, headers=headers) == status


async def test_json_is_held_against_body_sha256(door: Door) -> None:
    body = b'{"MessageSid": "SM1"}'
    query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
    made = sdk_signature([], url=f"{URL}?{query}")
    options: dict[str, Any] = {"query": query, "signature": made, "content_type": "application/json"}
    assert await door.ask(body, **options) == 400, "genuine, but not what an SMS webhook posts"
    assert await door.ask(body + b" ", **options) == 403


async def test_account_sid_must_equal_the_accounts(door: Door, redis: Redis) -> None:
    assert await door.post(form_of(AccountSid="AC" + "2" * 32)) == 403
    assert await door.post({key: value for key, value in form_of().items() if key != "AccountSid"}) == 403
    assert await redis.dbsize() == 0


async def test_to_must_be_the_accounts_number(door: Door, redis: Redis) -> None:
    assert await door.post(form_of(To="+15550002222")) == 403
    assert await door.post(form_of(To="")) == 403
    assert await redis.dbsize() == 0


async def test_or_its_messaging_service(desk: Desk) -> None:
    ours, other = "MG" + "3" * 32, "MG" + "4" * 32
    async with desk.opened(fromNumber=None, messagingServiceSid=ours) as door:
        assert await door.post(form_of(To="+15559999999", MessagingServiceSid=ours)) == 200
        assert await door.post(form_of(To="+15559999999", MessagingServiceSid=other)) == 403
        assert await door.post(form_of(To="+15559999999")) == 403
    async with desk.opened(messagingServiceSid=ours) as door:
        assert await door.post(form_of(To="+15559999999", MessagingServiceSid=ours)) == 200
        assert await door.post(form_of()) == 200


async def test_a_request_that_fails_never_touches_redis_beyond_a_bounded_counter(door: Door, redis: Redis) -> None:
    for i in range(20):
        await door.post(form_of(), token="wrong", client="203.0.113.7", path=f"/webhooks/sms{'/x' if i % 2 else ''}")
        await door.post(form_of(AccountSid="AC2"))
        await door.post(form_of() | {"From": ""})
    (counter,) = [key async for key in redis.scan_iter()]
    assert counter == b"test:rate:signatures:203.0.113.7"
    assert await redis.get(counter) == b"10"
    assert 0 < await redis.ttl(counter) <= 60


# Dedupe


@pytest.mark.parametrize("names", [("MessageSid",), ("SmsSid",), ("SmsMessageSid",), ("MessageSid", "SmsSid")])
async def test_dedupe_by_message_sid_under_each_of_its_names(desk: Desk, names: tuple[str, ...]) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        sid = new_sid()
        assert await door.post(form_of("first", MessageSid=sid)) == 200
        bare = {name: value for name, value in form_of("again").items() if "Sid" not in name or name == "AccountSid"}
        assert await door.post(bare | dict.fromkeys(names, sid)) == 200
        assert [text.body for text in await door.stored(ANN)] == ["first"]


async def test_dedupe_for_24_h_and_longer(desk: Desk, redis: Redis) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        form = form_of()
        assert await door.post(form) == 200
        for _ in range(6):
            await pass_time(redis, 24 * 3600)
            assert await door.post(form) == 200
        assert len(await door.stored(ANN)) == 1


async def test_dedupe_over_all_replicas(desk: Desk) -> None:
    block = {"dmPolicy": "open", "allowFrom": "*"}
    async with desk.opened(**block) as one, desk.opened(**block) as other:
        form = form_of()
        statuses = await asyncio.gather(*(door.post(form) for door in (one, other) for _ in range(10)))
        assert statuses == [200] * 20
        assert len(await one.stored(ANN)) == 1


async def test_a_replay_causes_nothing_even_if_the_sender_was_approved_meanwhile(door: Door) -> None:
    form = form_of()
    assert await door.post(form) == 200
    await door.approve(ANN)
    assert await door.post(form) == 200
    assert await door.stored(ANN) == []


# Policy gate

POLICIES: dict[str, dict[str, Any]] = {
    "pairing": {"dmPolicy": "pairing", "allowFrom": [BOB]},
    "allowlist": {"dmPolicy": "allowlist", "allowFrom": [BOB]},
    "open": {"dmPolicy": "open", "allowFrom": ["*", BOB]},
    "disabled": {"dmPolicy": "disabled", "allowFrom": [BOB]},
}
UNKNOWN, KNOWN, APPROVED, PENDING, OPTED_OUT = "unknown", "known", "approved", "pending", "opted out"
TABLE = [
    ("pairing", UNKNOWN, Verdict.PAIRING_REQUESTED),
    ("pairing", KNOWN, Verdict.ACCEPTED),
    ("pairing", APPROVED, Verdict.ACCEPTED),
    ("pairing", PENDING, Verdict.PAIRING_PENDING),
    ("pairing", OPTED_OUT, Verdict.OPTED_OUT),
    ("allowlist", UNKNOWN, Verdict.NOT_ALLOWED),
    ("allowlist", KNOWN, Verdict.ACCEPTED),
    ("allowlist", APPROVED, Verdict.ACCEPTED),
    ("allowlist", PENDING, Verdict.NOT_ALLOWED),
    ("allowlist", OPTED_OUT, Verdict.OPTED_OUT),
    ("open", UNKNOWN, Verdict.ACCEPTED),
    ("open", KNOWN, Verdict.ACCEPTED),
    ("open", APPROVED, Verdict.ACCEPTED),
    ("open", PENDING, Verdict.ACCEPTED),
    ("open", OPTED_OUT, Verdict.OPTED_OUT),
    ("disabled", UNKNOWN, Verdict.DISABLED),
    ("disabled", KNOWN, Verdict.DISABLED),
    ("disabled", APPROVED, Verdict.DISABLED),
    ("disabled", PENDING, Verdict.DISABLED),
    ("disabled", OPTED_OUT, Verdict.OPTED_OUT),
]


async def become(door: Door, standing: str) -> str:
    """Make somebody who stands like this, under the policy `pairing`; their number."""
    match standing:
        case "known":
            return BOB
        case "approved":
            await door.text(ANN)
            await door.approve(ANN)
        case "pending":
            await door.text(ANN)
        case "opted out":
            await door.text(BOB, "STOP")
            return BOB
    return ANN


@pytest.mark.parametrize(("policy", "standing", "verdict"), TABLE, ids=[f"{p}-{s}" for p, s, _ in TABLE])
async def test_the_policy_table(desk: Desk, policy: str, standing: str, verdict: Verdict) -> None:
    async with desk.opened(**POLICIES["pairing"]) as before:
        person = await become(before, standing)
        sms_before, requests_before = len(await before.replies(person)), len(await before.requests())
    async with desk.opened(**POLICIES[policy]) as door:
        assert await door.text(person, "what about me?") is verdict

        asked = verdict is Verdict.PAIRING_REQUESTED
        assert [text.body for text in await door.stored(person)] == ["what about me?"] * (verdict is Verdict.ACCEPTED)
        assert len(await door.replies(person)) - sms_before == asked
        assert len(await door.requests()) - requests_before == asked


async def test_block_from_goes_before_everything_that_lets_in(desk: Desk) -> None:
    async with desk.opened(dmPolicy="open", allowFrom=["*", ANN], blockFrom=[ANN]) as door:
        assert await door.text(ANN) is Verdict.BLOCKED
        assert await door.text(BOB) is Verdict.ACCEPTED
        assert await door.text(ANN, "STOP") is Verdict.OPT_OUT


async def test_pairing_notify_tells_the_owner(desk: Desk) -> None:
    async with desk.opened(pairingNotify=CAT) as door:
        await door.text(ANN)
        await door.text(ANN)
        (told,) = await door.replies(CAT)
        (request,) = await door.requests()
        assert request.code in told.texts[0]


async def test_per_sender_per_day_caps_what_reaches_the_agent(desk: Desk) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*", rateLimits={"perSenderPerDay": 2}) as door:
        verdicts = [await door.text(ANN, str(number)) for number in range(4)]
        assert verdicts == [Verdict.ACCEPTED] * 2 + [Verdict.CAPPED] * 2
        assert len(await door.replies(ANN)) == 1
        assert await door.text(BOB) is Verdict.ACCEPTED


async def test_the_pairing_sms_names_code_and_number_and_the_message_is_not_processed(door: Door) -> None:
    await door.text(ANN, "secret question")
    (request,) = await door.requests()
    (sms,) = await door.replies(ANN)
    assert request.code in sms.texts[0]
    assert ANN in sms.texts[0]
    assert len(request.code) == 8
    assert request.code == request.code.upper()
    assert not set(request.code) & set("0O1I")

    await door.approve(ANN)
    assert await door.stored(ANN) == [], "what was said before is gone"


async def test_further_texts_within_the_hour_create_no_second_request_and_no_second_sms(
    door: Door, redis: Redis
) -> None:
    await door.text(ANN)
    await pass_time(redis, 3590)
    assert await door.text(ANN) is Verdict.PAIRING_PENDING
    assert len(await door.requests()) == len(await door.replies(ANN)) == 1


async def test_ten_texts_of_one_stranger_at_once_are_one_request(desk: Desk) -> None:
    async with desk.opened() as one, desk.opened() as other:
        statuses = await asyncio.gather(*(door.post(form_of()) for door in (one, other) for _ in range(5)))
        assert statuses == [200] * 10
        assert len(await one.requests()) == len(await one.replies(ANN)) == 1


async def test_a_code_is_valid_for_1_hour_then_a_text_asks_again(door: Door, redis: Redis) -> None:
    await door.text(ANN)
    (first,) = await door.requests()
    await pass_time(redis, 3601)
    assert await door.requests() == []
    assert await door.text(ANN) is Verdict.PAIRING_REQUESTED
    (second,) = await door.requests()
    assert second.code != first.code
    assert len(await door.replies(ANN)) == 2


async def test_pending_requests_are_capped_per_account_3_by_default(desk: Desk, redis: Redis) -> None:
    shop = {"webhookPath": "/shop", "publicWebhookUrl": "https://gate.example.com/shop"}
    async with desk.opened(accounts={"shop": shop}) as door:
        people = [f"+1555765010{i}" for i in range(6)]
        said = [await door.text(person) for person in people[:5]]
        assert said == [Verdict.PAIRING_REQUESTED] * 3 + [Verdict.PAIRING_FULL] * 2
        assert [len(await door.replies(person)) for person in people[:5]] == [1, 1, 1, 0, 0]

        assert await door.post(form_of(sender=people[5]), path="/shop", url="https://gate.example.com/shop") == 200
        assert len(await door.requests("shop")) == 1, "each account has its own cap"

        await door.approve(people[0])
        assert await door.text(people[3]) is Verdict.PAIRING_REQUESTED, "an approval makes room"
        await pass_time(redis, 3601)
        assert await door.text(people[4]) is Verdict.PAIRING_REQUESTED, "and so does an hour"


@pytest.mark.parametrize(("cap", "asked"), [(1, 1), (5, 5), (0, 6)])
async def test_the_cap_is_configurable(desk: Desk, cap: int, asked: int) -> None:
    async with desk.opened(pairingMaxPending=cap) as door:
        for i in range(6):
            await door.text(f"+1555765010{i}")
        assert len(await door.requests()) == asked


async def test_a_drop_under_allowlist_is_silent_but_logged(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    async with desk.opened(dmPolicy="allowlist", allowFrom=[BOB]) as door:
        assert await door.text(ANN) is Verdict.NOT_ALLOWED
        assert await door.replies(ANN) == []
    said = "".join(capsys.readouterr())
    assert "not_allowed" in said
    assert ANN not in said


async def test_and_counted(desk: Desk) -> None:
    """Each process serves what it counts on `metrics.port`, never on the public one."""
    labels = {"account": "default", "verdict": Verdict.NOT_ALLOWED.value}
    async with desk.opened(dmPolicy="allowlist", allowFrom=[BOB]) as door:
        before = REGISTRY.get_sample_value("textgate_texts_total", labels)
        await door.text(ANN)
        assert before is not None, "the series stands before the first text"
        assert REGISTRY.get_sample_value("textgate_texts_total", labels) == before + 1
        assert await door.ask(method="GET", path="/metrics") == 404


# Rate limits


async def test_per_sender_30_a_minute_over_all_replicas(desk: Desk, redis: Redis) -> None:
    block = {"dmPolicy": "open", "allowFrom": "*"}
    async with desk.opened(**block) as one, desk.opened(**block) as other:
        said = [await (one, other)[i % 2].text(ANN) for i in range(32)]
        assert said == [Verdict.ACCEPTED] * 30 + [Verdict.THROTTLED] * 2
        assert await one.text(BOB) is Verdict.ACCEPTED
        assert len(await one.stored(ANN)) == 30, "a limited message causes no agent turn"
        await pass_time(redis, 61)
        assert await one.text(ANN) is Verdict.ACCEPTED


async def test_per_account_300_a_minute(desk: Desk) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        forms = [form_of(sender=f"+155576{i:05}") for i in range(302)]
        for at in range(0, 302, 50):
            await asyncio.gather(*(door.post(form) for form in forms[at : at + 50]))
        said = [await door.verdict(form["MessageSid"]) for form in forms]
        assert (said.count(Verdict.ACCEPTED), said.count(Verdict.THROTTLED)) == (300, 2)


async def test_limits_are_configurable_up_to_none(desk: Desk) -> None:
    limits = {"perSenderPerMinute": 2, "perAccountPerMinute": 0, "failedSignaturesPerMinute": 0}
    async with desk.opened(dmPolicy="open", allowFrom="*", rateLimits=limits) as door:
        assert [await door.text(ANN) for _ in range(3)] == [Verdict.ACCEPTED] * 2 + [Verdict.THROTTLED]
    async with desk.opened(dmPolicy="open", allowFrom="*", rateLimits={**limits, "perSenderPerMinute": 0}) as door:
        assert {await door.text(BOB) for _ in range(40)} == {Verdict.ACCEPTED}
        assert {await door.post(form_of(), token="wrong") for _ in range(310)} == {403}


async def test_failed_signatures_past_the_limit_get_429_per_client_address(desk: Desk) -> None:
    async with desk.opened(rateLimits={"failedSignaturesPerMinute": 3}) as door:
        told = [await door.post(form_of(), token="wrong", client="203.0.113.7") for _ in range(5)]
        assert told == [403, 403, 403, 429, 429]
        assert await door.post(form_of(), token="wrong", client="203.0.113.8") == 403
        assert await door.post(form_of(), client="203.0.113.7") == 200, "genuine ones pass, from the same address too"


async def test_the_client_behind_trusted_proxies_is_the_right_most_address_that_is_not_trusted(desk: Desk) -> None:
    async with desk.opened_with(
        channels={"sms": {**BLOCK, "rateLimits": {"failedSignaturesPerMinute": 1}}},
        ingress={"trustedProxies": ["10.0.0.0/8"]},
    ) as door:

        async def forged(peer: str, chain: str) -> int:
            return await door.post(form_of(), token="wrong", client=peer, headers=[("x-forwarded-for", chain)])

        assert await forged("10.0.0.1", "198.51.100.1, 203.0.113.7, 10.0.0.2") == 403
        assert await forged("10.0.0.1", "198.51.100.2, 203.0.113.7") == 429, (
            "what the client wrote itself counts nothing"
        )
        assert await forged("10.0.0.1", "203.0.113.9") == 403
        assert await forged("203.0.113.10", "203.0.113.7") == 403, "an untrusted peer is the client, whatever it says"


# Opt-out, in the order of ruling 2

STOP_WORDS = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", " stop ", "Stop\n"]
START_WORDS = ["START", "YES", "UNSTOP", "yes"]
HELP_WORDS = ["HELP", "INFO", "help"]


@pytest.mark.parametrize("word", STOP_WORDS)
async def test_a_body_that_is_exactly_stop_is_recorded_and_never_reaches_the_agent(desk: Desk, word: str) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        assert await door.text(ANN, word) is Verdict.OPT_OUT
        assert await door.text(ANN, "hello") is Verdict.OPTED_OUT
        assert await door.stored(ANN) == []
        assert await door.replies(ANN) == [], "Twilio answers STOP itself"


@pytest.mark.parametrize("word", START_WORDS)
async def test_start_lifts_it_and_is_an_ordinary_text_for_everybody_else(desk: Desk, word: str) -> None:
    """Ruling 2: START words are consumed only if that person is opted out now."""
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        assert await door.text(BOB, word) is Verdict.ACCEPTED
        await door.text(ANN, "STOP")
        assert await door.text(ANN, word) is Verdict.OPT_IN
        assert await door.text(ANN, word) is Verdict.ACCEPTED
        assert [text.body for text in await door.stored(ANN)] == [word]


@pytest.mark.parametrize("word", HELP_WORDS)
async def test_help_never_reaches_the_agent(desk: Desk, word: str) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        assert await door.text(ANN, word) is Verdict.HELP
        assert await door.stored(ANN) == []


@pytest.mark.parametrize("body", ["stop it", "please stop", "STOP!", "nonstop", "endless", "s t o p", ""])
async def test_any_other_body_is_a_text(desk: Desk, body: str) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        assert await door.text(ANN, body) is Verdict.ACCEPTED


@pytest.mark.parametrize(("said", "verdict"), [("STOP", Verdict.OPT_OUT), ("HELP", Verdict.HELP)])
async def test_opt_out_type_counts_whatever_the_body_says(desk: Desk, said: str, verdict: Verdict) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        assert await door.text(ANN, "arrête", OptOutType=said) is verdict


async def test_dedupe_comes_before_opt_out(desk: Desk) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        stop = form_of("STOP")
        await door.post(stop)
        await door.text(ANN, "START")
        assert await door.post(stop) == 200
        assert await door.text(ANN, "hello") is Verdict.ACCEPTED, "the replayed STOP did nothing"


async def test_stop_is_recorded_under_every_policy_and_limit(desk: Desk) -> None:
    for policy in POLICIES.values():
        async with desk.opened(**policy, rateLimits={"perSenderPerMinute": 1, "perAccountPerMinute": 1}) as door:
            for _ in range(2):
                await door.text(CAT)
            assert await door.text(CAT, "STOP") is Verdict.OPT_OUT
            assert await door.text(CAT, "START") is Verdict.OPT_IN


async def test_the_rate_limit_comes_before_the_policy(desk: Desk) -> None:
    async with desk.opened(rateLimits={"perAccountPerMinute": 1}) as door:
        assert await door.text(ANN) is Verdict.PAIRING_REQUESTED
        assert await door.text(BOB) is Verdict.THROTTLED
        assert len(await door.requests()) == 1


async def test_after_stop_nothing_is_sent_to_that_person_until_start(desk: Desk, redis: Redis, keys: Keys) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        await door.text(ANN, "hello")
        assert await may_send(redis, keys, ANN) is DispatchVerdict.GO
        await door.text(ANN, "STOP")
        assert await may_send(redis, keys, ANN) is DispatchVerdict.OPTED_OUT
        await door.text(ANN, "START")
        assert await may_send(redis, keys, ANN) is DispatchVerdict.GO


async def may_send(redis: Redis, keys: Keys, person: str) -> DispatchVerdict:
    """Ask as the outbound worker does, in the very step that journals the request."""
    conversation, part_id = conversation_id("default", person), new_sid()
    await redis.hset(keys.conversation(conversation), Stage.OUTBOUND.value, "1")  # type: ignore[misc]
    part = Part(
        part_id=part_id,
        reply_id=part_id,
        index=0,
        count=1,
        account_id="default",
        conversation=conversation,
        to=person,
        body="hi",
        encoding="GSM-7",
        segments=1,
        origin=Origin.AGENT,
        created_ms=1,
    )
    call = dispatch(keys=keys, part=part, turn="1", attempt="a", sender=OURS, segments_per_second=0)
    (reply,) = await execute(redis, [call])
    return DispatchVerdict(reply[0].decode())


async def test_whether_textgate_answers_stop_itself_is_configurable(desk: Desk) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*", optOut={"reply": True}, language="de") as door:
        said = door.settings.accounts["default"].texts
        for word, key in (("STOP", TextKey.OPTED_OUT), ("START", TextKey.OPTED_IN), ("HELP", TextKey.OPT_HELP)):
            await door.text(ANN, word)
            reply = (await door.replies(ANN))[-1]
            assert reply.texts == (said.say(key, number=ANN),)
        assert len(await door.replies(ANN)) == 3


# MMS and other channels


async def test_up_to_10_attachments_are_kept_with_the_text(desk: Desk) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        media = {f"MediaUrl{i}": f"https://api.twilio.com/media/{i}" for i in range(12)}
        types = {f"MediaContentType{i}": "image/png" for i in range(12)}
        assert await door.post(form_of("look", NumMedia="12", **media, **types)) == 200
        (text,) = await door.stored(ANN)
        assert [item.url for item in text.media] == list(media.values())[:10]
        assert {item.content_type for item in text.media} == {"image/png"}


async def test_a_text_of_media_alone_is_a_text(desk: Desk) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        form = form_of("", NumMedia="1", MediaUrl0="https://api.twilio.com/x", MediaContentType0="image/png")
        assert await door.post(form) == 200
        (text,) = await door.stored(ANN)
        assert len(text.media) == 1


async def test_a_worker_fetches_the_attachments_for_the_agent(desk: Desk) -> None:
    """Only from Twilio: another address is not asked, the agent is told, and gets the text all the same."""
    async with desk.opened(dmPolicy="open", allowFrom="*", agent=NODS) as door:
        media = {"NumMedia": "1", "MediaUrl0": "https://api.twilio.com/x", "MediaContentType0": "image/png"}
        await door.post(form_of("look", **media))
        (text,) = (await run_turn(door, ANN)).texts
        assert (text.body, [each.url for each in text.media]) == ("look", ["https://api.twilio.com/x"])
        assert [each.error for each in text.media] == ["its address is not one of Twilio's media"]


async def test_an_agent_that_only_echoes_gets_the_addresses(desk: Desk) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        media = {"NumMedia": "1", "MediaUrl0": "https://api.twilio.com/x", "MediaContentType0": "image/png"}
        await door.post(form_of("look", **media))
        (attachment,) = (await run_turn(door, ANN)).texts[0].media
        assert (attachment.url, attachment.path, attachment.error) == ("https://api.twilio.com/x", None, None)


async def test_and_none_at_all_if_it_wants_none(desk: Desk) -> None:
    async with desk.opened(dmPolicy="open", allowFrom="*", agent={"media": "none"}) as door:
        media = {"NumMedia": "1", "MediaUrl0": "https://api.twilio.com/x", "MediaContentType0": "image/png"}
        await door.post(form_of("look", **media))
        assert (await run_turn(door, ANN)).texts[0].media == ()


@pytest.mark.parametrize(
    "sender",
    [
        "12345",
        "262626",
        "Twilio",
        "My Shop",
        "rcs:+15557654321",
        "rcs:brand_x_agent",
        "whatsapp:+15557654321",
        "+12345",
    ],
)
async def test_short_codes_names_and_other_channels_are_opaque_senders(desk: Desk, sender: str) -> None:
    """Ruling 23: never 400."""
    async with desk.opened(dmPolicy="open", allowFrom="*") as door:
        assert await door.post(form_of(sender=sender)) == 200
        assert [text.sender for text in await door.stored(sender)] == [sender]
    async with desk.opened(dmPolicy="allowlist", allowFrom=["+15557654321"]) as door:
        assert await door.text(sender) is Verdict.NOT_ALLOWED, "rcs:+1… is not the phone +1…"


# What is logged at start, and that health is served by the real process


async def test_each_route_is_logged_at_start(desk: Desk, redis_url: str) -> None:
    sms = {**BLOCK, "accounts": {"shop": {"webhookPath": "/webhooks/shop"}}}
    desk.write(json.dumps({"channels": {"sms": sms}, "redis": {"prefix": "test:"}}))
    async with running("ingress", config=desk.file, redis_url=redis_url) as process:
        log = process.log()
        assert "SMS webhook route /webhooks/sms -> account default" in log
        assert "SMS webhook route /webhooks/shop -> account shop" in log
        assert await answers_200(f"{process.url}/healthz")
        assert await answers_200(f"{process.url}/readyz")
