"""Every finding is reached by the real SDK against the stand-in for Twilio.

Contract: with everything right the verdict is good; each thing that can be wrong at Twilio, at the public address or in
the configuration is named by its own code; nothing that is printed or stored holds a secret, a text, or the number of
anybody but us, and ours only masked.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from sandbox.faults import Fault, Operation
from shared.keys import Stage
from shared.records import DeadLetter, encode
from tests.integration.probe.bench import (
    APPLICATION,
    CHILD_SID,
    NUMBER,
    OTHER_SID,
    SECOND,
    SID,
    STRANGER,
    TOKEN,
    Bench,
    find,
)
from workers.probe.compare import KINDS
from workers.probe.finding import Severity, Verdict, decide_verdict
from workers.probe.result import ProbeResult, decode_result, encode_result

Twist = Callable[[Bench], Awaitable[None] | None]


def block(**keys: Any) -> Twist:
    """Change the configuration; None takes a key out."""

    def twist(bench: Bench) -> None:
        bench.block |= keys
        for key in [name for name, value in keys.items() if value is None]:
            del bench.block[key]

    return twist


def number(**fields: Any) -> Twist:
    return lambda bench: bench.set_number(**fields)


def account(**fields: Any) -> Twist:
    return lambda bench: bench.set_account(**fields)


def url(edit: Callable[[str], str]) -> Twist:
    """Let Twilio have another URL, made from the right one."""
    return lambda bench: bench.set_number(sms_url=edit(bench.url))


def both(edit: Callable[[str], str]) -> Twist:
    """Let the configuration and Twilio have the same other URL."""

    def twist(bench: Bench) -> None:
        bench.block["publicWebhookUrl"] = edit(bench.url)
        bench.set_number(sms_url=bench.url)

    return twist


def ours(edit: Callable[[str], str]) -> Twist:
    """Let only the configuration have another URL."""

    def twist(bench: Bench) -> None:
        bench.block["publicWebhookUrl"] = edit(bench.url)

    return twist


def public(status: int, headers: dict[str, str] | None = None) -> Twist:
    """Let something else answer at the public address."""

    def twist(bench: Bench) -> None:
        bench.public.status, bench.public.headers = status, headers or {}

    return twist


def alert(code: int) -> Twist:
    return lambda bench: bench.alert(code, count=3)


def service(*numbers: str, **fields: Any) -> Twist:
    return lambda bench: bench.put_service(*numbers, **fields)


def pooled(*numbers: str, **fields: Any) -> Twist:
    """Configure a Messaging Service instead of a number."""

    def twist(bench: Bench) -> None:
        bench.put_service(*numbers, **fields)
        bench.use_service()

    return twist


def right_service(*numbers: str, **fields: Any) -> Twist:
    return lambda bench: bench.put_service(*numbers, inbound_request_url=bench.url, **fields)


def right_application(bench: Bench) -> None:
    bench.put_application(sms_url=bench.url)


def dead_port(bench: Bench) -> None:
    bench.api_base = "http://127.0.0.1:1"


def offline(bench: Bench) -> None:
    dead_port(bench)
    both(lambda at: at.replace(str(bench.public.port), "1"))(bench)


def host_case(bench: Bench) -> None:
    both(lambda at: at.replace("127.0.0.1", "localhost"))(bench)
    bench.set_number(sms_url=bench.url.replace("localhost", "LocalHost"))


def default_port(bench: Bench) -> None:
    both(lambda _: "http://sms.invalid/webhooks/sms")(bench)
    bench.set_number(sms_url="http://sms.invalid:80/webhooks/sms")


def hanging(bench: Bench) -> None:
    bench.state.faults.add(Fault(operation=Operation.CONFIGURATION, delay_s=60, times=50))
    bench.state.faults.add(Fault(operation=Operation.LIST, delay_s=60, times=5))
    bench.timeout_s = 0.5


def child_holds_it(bench: Bench) -> None:
    found = bench.state.directory.number(SID, NUMBER)
    assert found is not None
    bench.drop_number()
    bench.state.directory.put_number(msgspec.structs.replace(found, account_sid=CHILD_SID))


async def geo(bench: Bench) -> None:
    assert bench.redis is not None
    letter = DeadLetter(
        letter_id="one",
        stage=Stage.OUTBOUND.value,
        account_id="default",
        conversation="c",
        turn="1",
        code="twilio-21408",
        message="m",
        hint="h",
        attempts=1,
        buried_ms=1,
        records=(),
    )
    seconds, _ = await bench.redis.time()
    for name in ("one", "two"):
        await bench.redis.set(f"test:dead:{name}", encode(msgspec.structs.replace(letter, letter_id=name)))
        await bench.redis.zadd("test:dead", {name: seconds * 1000 - 60_000})


def lost_text(bench: Bench) -> None:
    bench.text()


CASES: list[tuple[str, Twist]] = [
    ("credentials-good", block()),
    ("wrong-credentials", block(authToken="the-token-of-somebody-else")),
    ("wrong-credentials", block(authToken="token-of-another-account")),
    (
        "account-not-found",
        block(accountSid=OTHER_SID, apiKeySid="SK" + "6f" * 16, apiKeySecret="the-secret-of-the-key"),
    ),
    ("account-suspended", account(status="suspended")),
    ("account-suspended", account(status="closed")),
    ("trial-account", account(trial=True)),
    ("no-balance", account(balance="-0.02")),
    ("no-balance", account(balance="0")),
    ("trial-balance-used-up", account(balance="0", trial=True)),
    ("trial-balance-used-up", account(balance="-0.02", trial=True)),
    ("low-balance", account(balance="4.99")),
    ("twilio-unreachable", dead_port),
    ("twilio-unreachable", hanging),
    ("twilio-unreachable", lambda bench: bench.fail("", times=20)),
    ("details-unknown", lambda bench: bench.fail("Balance")),
    ("details-unknown", lambda bench: bench.fail(f"Accounts/{SID}.json", status=401, code=20003)),
    ("number-found", block()),
    ("number-missing", Bench.drop_number),
    ("number-in-other-account", child_holds_it),
    ("number-unknown", lambda bench: bench.fail("IncomingPhoneNumbers")),
    ("number-no-sms", number(sms=False)),
    ("a2p-missing", block()),
    ("a2p-missing", right_service(NUMBER)),
    ("a2p-verified", right_service(NUMBER, campaigns=("FAILED", "VERIFIED"))),
    ("a2p-pending", right_service(NUMBER, campaigns=("IN_PROGRESS",))),
    ("a2p-failed", right_service(NUMBER, campaigns=("FAILED",))),
    ("service-found", pooled(NUMBER)),
    ("service-missing", lambda bench: bench.use_service()),
    ("service-empty", pooled()),
    ("service-unknown", lambda bench: bench.fail("Services")),
    ("service-drops-inbound", service(NUMBER)),
    ("service-drops-inbound", pooled(NUMBER)),
    ("service-defers", pooled(NUMBER, use_inbound_webhook_on_number=True)),
    ("service-defers-to-wrong-webhook", pooled(NUMBER, SECOND, use_inbound_webhook_on_number=True)),
    ("service-overrides-number", service(NUMBER, inbound_request_url="https://other.example.com/sms")),
    ("service-decides", right_service(NUMBER)),
    ("application-overrides-number", lambda bench: bench.put_application(sms_url="https://app.example.com/")),
    ("application-missing", number(sms_application_sid=APPLICATION)),
    ("application-decides", right_application),
    ("webhook-good", block()),
    ("webhook-missing", number(sms_url="")),
    ("method-not-post", number(sms_method="GET")),
    ("url-whole", url(lambda at: at.replace("://", ""))),
    ("url-blanks", url(lambda at: f" {at} ")),
    ("url-scheme", url(lambda at: at.replace("http", "https"))),
    ("url-user-info", url(lambda at: at.replace("://", "://user:hunter2@"))),
    ("url-host", url(lambda at: at.replace("127.0.0.1", "sms.example.com"))),
    ("url-host-case", host_case),
    ("url-port", url(lambda at: at.replace("127.0.0.1:", "127.0.0.1:1"))),
    ("url-path", url(lambda at: at.replace("/webhooks/sms", "/webhooks/text"))),
    ("url-path-case", url(lambda at: at.replace("/webhooks/sms", "/Webhooks/sms"))),
    ("url-trailing-slash", url(lambda at: at.replace("/sms#", "/sms/#"))),
    ("url-percent-encoding", url(lambda at: at.replace("/webhooks", "/%77ebhooks"))),
    ("url-query", ours(lambda at: at.replace("#", "?key=1#"))),
    ("url-default-port", default_port),
    ("url-extra-query", url(lambda at: at.replace("#", "?key=1#"))),
    ("url-fragment", url(lambda at: at.partition("#")[0])),
    ("no-retries", both(lambda at: at.partition("#")[0])),
    ("fallback-missing", both(lambda at: at.partition("#")[0] + "#rc=0")),
    ("fallback-elsewhere", number(sms_fallback_url="https://backup.example.com/sms")),
    ("overrides-unreadable", both(lambda at: f"{at}&rt=99999")),
    ("public-url-missing", block(publicWebhookUrl=None)),
    ("public-url-private", both(lambda _: "https://10.0.0.7/webhooks/sms")),
    ("public-url-http", both(lambda _: "http://sms.invalid/webhooks/sms")),
    ("signatures-off", block(dangerouslyDisableSignatureValidation=True)),
    ("outside-good", block()),
    ("outside-good", public(429, {"textgate-route": "webhook"})),
    ("outside-dns", both(lambda _: "https://sms.invalid/webhooks/sms")),
    ("outside-connect", lambda bench: both(lambda at: at.replace(str(bench.public.port), "1"))(bench)),
    ("outside-tls", both(lambda at: at.replace("http", "https"))),
    ("outside-tunnel-down", public(502)),
    ("outside-tunnel-down", public(530, {"server": "cloudflare"})),
    ("outside-redirect", public(302, {"location": "https://login.example.com/?next=/webhooks/sms"})),
    ("outside-wrong-path", public(404, {"textgate-route": "none"})),
    ("outside-other-server", public(404)),
    ("outside-other-server", public(403)),
    ("outside-accepts-unsigned", public(200, {"textgate-route": "webhook"})),
    ("outside-unexpected", public(405, {"textgate-route": "webhook"})),
    ("outside-not-checked", both(lambda _: "https://10.0.0.7/webhooks/sms")),
    ("outside-unknown", offline),
    *((f"alert-{code}", alert(code)) for code in (11200, 11205, 11210, 11220, 12100, 12300)),
    ("alert-11220", lambda bench: bench.alert(11237)),
    ("texts-not-arrived", lost_text),
    ("geo-refusals", geo),
]
"""Code of the finding, and what leads to it."""


async def probe_twisted(bench: Bench, twist: Twist) -> ProbeResult:
    done = twist(bench)
    if done is not None:
        await done
    return await bench.probe()


async def test_with_everything_right_the_verdict_is_good(bench: Bench) -> None:
    result = await bench.probe()
    assert result.verdict is Verdict.GOOD
    assert {finding.code for finding in result.findings if finding.severity is not Severity.OK} == {"a2p-missing"}
    assert result.changes == ()


@pytest.mark.parametrize(("code", "twist"), CASES, ids=[f"{code}-{index}" for index, (code, _) in enumerate(CASES)])
async def test_a_finding_is_named(bench: Bench, code: str, twist: Twist) -> None:
    result = await probe_twisted(bench, twist)
    found = find(result, code)
    assert found.severity is KINDS[code].severity
    assert found.sentence
    assert found.hint or found.severity is Severity.OK
    assert result.verdict is decide_verdict(result.findings)
    stored = encode_result(result)
    assert decode_result(stored) == result
    for secret in (TOKEN, "hunter2", "the-secret-of-the-key", "what they said", STRANGER[1:], NUMBER[1:], '5550100"'):
        assert secret not in stored.decode(), result


def test_every_kind_of_finding_has_a_case() -> None:
    assert set(KINDS) - {code for code, _ in CASES} == {"outside-timeout", "outside-broken"}
