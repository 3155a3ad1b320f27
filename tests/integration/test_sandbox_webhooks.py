"""What the sandbox posts is what Twilio posts: the SDK's own validator confirms it at a real receiver.

Contract: every webhook and callback is signed for the configured URL without its fragment; retries and the fallback
follow Twilio's rules; callbacks come in order unless a fault says otherwise; nothing leaves this machine.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import cast
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from twilio.request_validator import RequestValidator
from yarl import URL

from sandbox.config import (
    DEFAULT_ACCOUNT_SID,
    DEFAULT_AUTH_TOKEN,
    DEFAULT_NUMBER,
    SandboxAccount,
    SandboxConfig,
    SandboxNumber,
    SandboxService,
    SmsMethod,
    default_config,
)
from sandbox.faults import Callbacks, Fault
from sandbox.inbound import post_webhook, receive
from sandbox.media import CDN_HOST
from sandbox.message import Media, Message, Status
from sandbox.posts import Failure
from sandbox.server import RunningSandbox, serve
from sandbox.state import Phone

Validate = Callable[[str, dict[str, str], str], bool]

PHONE = "+14155550123"
FIELDS = {
    *("MessageSid", "SmsSid", "SmsMessageSid", "AccountSid", "From", "To", "Body", "NumMedia", "NumSegments"),
    *("SmsStatus", "ApiVersion", "FromCity", "FromState", "FromZip", "FromCountry"),
    *("ToCity", "ToState", "ToZip", "ToCountry"),
}


class Receiver:
    """A web server in the product's place: remembers every request and answers as told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answers: list[int] = []
        """Statuses of the next answers; 200 afterwards. 0: no answer until the receiver stops."""
        self.url = ""
        self._stopped = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Receiver"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        async with TestServer(app, host="127.0.0.1") as server:
            self.url = f"http://127.0.0.1:{server.port}"
            yield self
            self._stopped.set()

    @property
    def forms(self) -> list[dict[str, str]]:
        return [form for _, form, _ in self.requests]

    def assert_signed(self, url: str, index: int = -1) -> None:
        """The SDK's validator accepts the request for this URL, and for no other."""
        _, form, headers = self.requests[index]
        validate = cast("Validate", RequestValidator(DEFAULT_AUTH_TOKEN).validate)  # type: ignore[no-untyped-call]
        assert validate(url, form, headers["X-Twilio-Signature"])
        assert not validate(url + "x", form, headers["X-Twilio-Signature"])

    async def _handle(self, request: web.Request) -> web.Response:
        form = dict(parse_qsl(await request.text(), keep_blank_values=True))
        self.requests.append((request.raw_path, form, dict(request.headers)))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            await self._stopped.wait()
        return web.Response(status=status or 200, text="<Response/>", content_type="text/xml")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().running() as receiver:
        yield receiver


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with serve(default_config(status_gap_s=0)) as running:
        yield running


def point_number(sandbox: RunningSandbox, url: str, *, fallback: str = "", method: SmsMethod = "POST") -> SandboxNumber:
    number = SandboxNumber(
        number=DEFAULT_NUMBER,
        account_sid=DEFAULT_ACCOUNT_SID,
        sms_url=url,
        sms_method=method,
        sms_fallback_url=fallback,
    )
    sandbox.state.directory.put_number(number)
    return number


async def text(sandbox: RunningSandbox, url: str, body: str = "hello", *, fallback: str = "") -> Message:
    number = point_number(sandbox, url, fallback=fallback)
    message = receive(sandbox.state, number, from_=PHONE, body=body, media=())
    await post_webhook(sandbox.state, message)
    return message


async def send(sandbox: RunningSandbox, receiver: Receiver, callback: str = "", **form: str) -> dict[str, object]:
    """POST a message with a status callback, as the product would; waits until everything has come."""
    url = f"{sandbox.base_url}/2010-04-01/Accounts/{DEFAULT_ACCOUNT_SID}/Messages.json"
    data = {
        "To": PHONE,
        "From": DEFAULT_NUMBER,
        "Body": "hi",
        "StatusCallback": callback or f"{receiver.url}/cb?part=7",
    }
    headers = {"Authorization": aiohttp.encode_basic_auth(DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN)}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, data={**data, **form}) as answer,
    ):
        body: dict[str, object] = await answer.json()
        assert answer.status == 201, body
    body["told_before_answer"] = len(receiver.requests)
    await sandbox.state.settle()
    return body


@pytest.mark.parametrize("body", ["hello", "", "  blanks  ", "ünï — 🦊\nnew line", "a=b&c=d+e%20f"])
async def test_an_inbound_webhook_has_all_fields_and_twilios_signature(
    sandbox: RunningSandbox, receiver: Receiver, body: str
) -> None:
    url = f"{receiver.url}/webhooks/sms?a=1&b=%20x"
    message = await text(sandbox, url, body)
    path, form, headers = receiver.requests[0]
    assert path == "/webhooks/sms?a=1&b=%20x"
    assert set(form) == FIELDS
    assert (form["Body"], form["From"], form["To"], form["SmsStatus"]) == (body, PHONE, DEFAULT_NUMBER, "received")
    assert form["MessageSid"] == form["SmsSid"] == form["SmsMessageSid"] == message.sid
    assert (form["FromCity"], form["FromCountry"]) == ("SAN FRANCISCO", "US")
    assert headers["User-Agent"] == "TwilioProxy/1.1"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    receiver.assert_signed(url)


async def test_the_fragment_is_neither_sent_nor_signed(sandbox: RunningSandbox, receiver: Receiver) -> None:
    await text(sandbox, f"{receiver.url}/sms#rc=3&rp=all")
    assert receiver.requests[0][0] == "/sms"
    receiver.assert_signed(f"{receiver.url}/sms")


async def test_a_5xx_is_not_tried_again_unless_the_url_asks_for_it(sandbox: RunningSandbox, receiver: Receiver) -> None:
    receiver.answers = [503]
    message = await text(sandbox, f"{receiver.url}/sms")
    assert len(receiver.requests) == 1
    assert message.webhooks[0].error_code == 11200
    receiver.answers = [503, 500, 404]
    message = await text(sandbox, f"{receiver.url}/sms#rc=3&rp=5xx")
    assert [attempt.status for attempt in message.webhooks[0].attempts] == [503, 500, 404]
    tokens = {headers["I-Twilio-Idempotency-Token"] for _, _, headers in receiver.requests[1:]}
    assert tokens == {message.idempotency_token}


async def test_a_slow_answer_is_a_read_failure(sandbox: RunningSandbox, receiver: Receiver) -> None:
    receiver.answers = [0]
    message = await text(sandbox, f"{receiver.url}/sms#rt=100&rp=rt&rc=1")
    assert [attempt.failure for attempt in message.webhooks[0].attempts] == [Failure.READ, None]
    assert message.webhooks[0].good


async def test_a_failed_connection_is_tried_once_more_and_then_the_fallback_is_called(
    sandbox: RunningSandbox, receiver: Receiver
) -> None:
    dead = f"http://127.0.0.1:{unused_port()}/sms"
    message = await text(sandbox, dead, fallback=f"{receiver.url}/fallback")
    first, fallback = message.webhooks
    assert [attempt.failure for attempt in first.attempts] == [Failure.CONNECT, Failure.CONNECT]
    assert fallback.good
    assert receiver.forms[0]["ErrorCode"] == "11205"
    assert receiver.forms[0]["ErrorUrl"] == dead
    receiver.assert_signed(f"{receiver.url}/fallback")


async def test_a_get_webhook_carries_the_fields_in_its_signed_query(
    sandbox: RunningSandbox, receiver: Receiver
) -> None:
    number = point_number(sandbox, f"{receiver.url}/sms?a=1", method="GET")
    await post_webhook(sandbox.state, receive(sandbox.state, number, from_=PHONE, body="hello", media=()))
    path, form, _ = receiver.requests[0]
    assert form == {}
    assert "Body=hello" in path
    receiver.assert_signed(receiver.url + path)


async def test_a_messaging_service_takes_the_texts_of_its_numbers(receiver: Receiver) -> None:
    service = SandboxService(
        sid="MG1",
        account_sid=DEFAULT_ACCOUNT_SID,
        numbers=(DEFAULT_NUMBER,),
        inbound_request_url=f"{receiver.url}/service",
        advanced_opt_out=True,
    )
    number = SandboxNumber(number=DEFAULT_NUMBER, account_sid=DEFAULT_ACCOUNT_SID, sms_url=f"{receiver.url}/number")
    account = SandboxAccount(account_sid=DEFAULT_ACCOUNT_SID, auth_token=DEFAULT_AUTH_TOKEN)
    async with serve(SandboxConfig(accounts=(account,), numbers=(number,), services=(service,))) as sandbox:
        message = receive(sandbox.state, number, from_=PHONE, body=" stop ", media=())
        await post_webhook(sandbox.state, message)
        path, form, _ = receiver.requests[0]
        assert path == "/service"
        assert (form["MessagingServiceSid"], form["OptOutType"]) == ("MG1", "STOP")
        assert sandbox.state.is_opted_out("MG1", PHONE)
        receive(sandbox.state, number, from_=PHONE, body="UNSTOP", media=())
        assert not sandbox.state.is_opted_out("MG1", PHONE)


async def test_an_attachment_lies_behind_the_accounts_credentials_and_a_redirect(
    sandbox: RunningSandbox, receiver: Receiver
) -> None:
    number = point_number(sandbox, f"{receiver.url}/sms")
    media = (Media(sid="ME1", content_type="image/png", content=b"png"),)
    await post_webhook(sandbox.state, receive(sandbox.state, number, from_=PHONE, body="", media=media))
    form = receiver.forms[0]
    assert (form["NumMedia"], form["MediaContentType0"]) == ("1", "image/png")
    path = form["MediaUrl0"].removeprefix("https://api.twilio.com")
    headers = {"Authorization": aiohttp.encode_basic_auth(DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN)}
    async with aiohttp.ClientSession(sandbox.base_url) as session:
        async with session.get(path) as answer:
            assert answer.status == 401
        async with session.get(path, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 307
            target = URL(answer.headers["Location"])
        assert (target.scheme, target.host) == ("https", CDN_HOST)
        meant = {"X-Original-Host": CDN_HOST}
        async with session.get(target.path, headers=meant) as answer:
            assert (answer.status, answer.content_type, await answer.read()) == (200, "image/png", b"png")
        async with session.get(target.path, headers=meant | headers) as answer:
            assert answer.status == 400, "credentials are for Twilio's API alone"


async def test_callbacks_tell_queued_sent_delivered_in_order(sandbox: RunningSandbox, receiver: Receiver) -> None:
    created = await send(sandbox, receiver)
    assert [form["MessageStatus"] for form in receiver.forms] == ["queued", "sent", "delivered"]
    for index, form in enumerate(receiver.forms):
        assert form["MessageSid"] == form["SmsSid"] == created["sid"]
        assert (form["From"], form["To"], form["SmsStatus"]) == (DEFAULT_NUMBER, PHONE, form["MessageStatus"])
        receiver.assert_signed(f"{receiver.url}/cb?part=7", index)
    assert "RawDlrDoneDate" in receiver.forms[2]


@pytest.mark.parametrize(
    ("callbacks", "told"),
    [
        (Callbacks.NONE, []),
        (Callbacks.TWICE, ["queued", "queued", "sent", "sent", "delivered", "delivered"]),
        (Callbacks.REVERSED, ["delivered", "sent", "queued"]),
        (Callbacks.BEFORE_ANSWER, ["queued", "sent", "delivered"]),
    ],
)
async def test_callbacks_can_come_as_badly_as_in_real_life(
    sandbox: RunningSandbox, receiver: Receiver, callbacks: Callbacks, told: list[str]
) -> None:
    sandbox.state.faults.add(Fault(callbacks=callbacks))
    created = await send(sandbox, receiver)
    assert [form["MessageStatus"] for form in receiver.forms] == told
    assert created["status"] == "queued"
    if callbacks is Callbacks.BEFORE_ANSWER:
        assert created["told_before_answer"] == 3
    message = sandbox.state.find(str(created["sid"]))
    assert message is not None
    assert message.status is Status.DELIVERED


async def test_a_phone_can_be_unreachable(sandbox: RunningSandbox, receiver: Receiver) -> None:
    sandbox.state.phones[PHONE] = Phone(final_status=Status.UNDELIVERED, error_code=30003)
    await send(sandbox, receiver)
    assert [form["MessageStatus"] for form in receiver.forms] == ["queued", "sent", "undelivered"]
    assert [form.get("ErrorCode") for form in receiver.forms] == [None, None, "30003"]


async def test_nothing_is_posted_to_another_machine(sandbox: RunningSandbox, receiver: Receiver) -> None:
    created = await send(sandbox, receiver, callback="https://gateway.example/sms")
    message = sandbox.state.find(str(created["sid"]))
    assert message is not None
    assert [result.attempts for _, result in message.callbacks] == [(), (), ()]
    assert "not on this machine" in message.callbacks[0][1].refused
