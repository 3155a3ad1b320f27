"""The real Twilio SDK talks to a running sandbox and cannot tell the difference.

Contract: a message is created, fetched and listed in Twilio's shape; refusals raise `TwilioRestException` with Twilio's
code and status; a scripted fault shows itself as the SDK shows it in production.
"""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from sandbox.config import (
    DEFAULT_ACCOUNT_SID,
    DEFAULT_AUTH_TOKEN,
    DEFAULT_NUMBER,
    SandboxAccount,
    SandboxConfig,
    SandboxNumber,
    SandboxService,
)
from sandbox.faults import (
    Answer,
    Fault,
    Operation,
    accept_then_drop,
    answer_late,
    drop_before_accepting,
    server_error,
    too_many_requests,
    twilio_error,
)
from sandbox.journal import EventKind
from sandbox.message import Status
from sandbox.server import RunningSandbox, serve
from sandbox.state import Phone

PHONE = "+14155550123"
OTHER_PHONE = "+14155550124"
OTHER_ACCOUNT = "AC" + "0" * 32
OTHER_NUMBER = "+12025550199"
SERVICE = "MG" + "1" * 32
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC).timestamp()


class Clock:
    """The sandbox's clock, moved by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class LoopbackHttpClient(AsyncTwilioHttpClient):
    """The SDK's own client; only the host is replaced, as the product does it."""

    def __init__(self, base_url: str, *, timeout: float | None = None) -> None:
        super().__init__()
        self._base_url = base_url
        self._timeout = timeout

    async def request(  # type: ignore[override]  # the SDK's own asynchronous client overrides it like this
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        parts = urlsplit(url)
        all_headers = {**(headers or {}), "X-Original-Host": parts.netloc}
        if auth is not None:  # aiohttp warns about the `auth=` that the SDK would use
            all_headers["Authorization"] = aiohttp.encode_basic_auth(*auth)
        target = f"{self._base_url}{parts.path}{'?' + parts.query if parts.query else ''}"
        return await super().request(
            method, target, params, data, all_headers, None, timeout or self._timeout, allow_redirects
        )


@contextlib.asynccontextmanager
async def sdk(
    sandbox: RunningSandbox,
    user: str = DEFAULT_ACCOUNT_SID,
    password: str = DEFAULT_AUTH_TOKEN,
    account_sid: str = DEFAULT_ACCOUNT_SID,
    timeout: float | None = None,
) -> AsyncIterator[Client]:
    async with LoopbackHttpClient(sandbox.base_url, timeout=timeout) as http_client:
        yield Client(user, password, account_sid, http_client=http_client)  # type: ignore[no-untyped-call]


async def fetch(client: Client, sid: str | None) -> MessageInstance:
    assert sid is not None
    return await client.messages(sid).fetch_async()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[RunningSandbox]:
    config = SandboxConfig(
        accounts=(
            SandboxAccount(
                account_sid=DEFAULT_ACCOUNT_SID, auth_token=DEFAULT_AUTH_TOKEN, api_keys={"SK1": "key secret"}
            ),
            SandboxAccount(account_sid=OTHER_ACCOUNT, auth_token="other", trial=True, verified=(PHONE,)),
        ),
        numbers=(
            SandboxNumber(number=DEFAULT_NUMBER, account_sid=DEFAULT_ACCOUNT_SID),
            SandboxNumber(number=OTHER_NUMBER, account_sid=OTHER_ACCOUNT),
        ),
        services=(SandboxService(sid=SERVICE, account_sid=DEFAULT_ACCOUNT_SID, numbers=(DEFAULT_NUMBER,)),),
        status_gap_s=0,
    )
    async with serve(config, now=clock) as running:
        yield running


@pytest.fixture
async def client(sandbox: RunningSandbox) -> AsyncIterator[Client]:
    async with sdk(sandbox) as client:
        yield client


async def test_a_message_is_queued_without_a_sent_date_and_delivered_later(
    sandbox: RunningSandbox, client: Client
) -> None:
    created = await client.messages.create_async(to=PHONE, from_=DEFAULT_NUMBER, body="hello")
    assert (str(created.status), str(created.direction)) == ("queued", "outbound-api")
    assert created.date_sent is None
    assert (created.from_, created.to, created.body) == (DEFAULT_NUMBER, PHONE, "hello")
    assert (created.num_segments, created.num_media, created.error_code) == ("1", "0", None)
    assert created.date_created == datetime.fromtimestamp(NOON, UTC)
    await sandbox.state.settle()
    fetched = await fetch(client, created.sid)
    assert str(fetched.status) == "delivered"
    assert fetched.date_sent == datetime.fromtimestamp(NOON, UTC)


async def test_a_messaging_service_message_has_no_sender_at_first(sandbox: RunningSandbox, client: Client) -> None:
    created = await client.messages.create_async(to=PHONE, messaging_service_sid=SERVICE, body="hello")
    assert str(created.status) == "accepted"
    assert (created.from_, created.num_segments) == (None, "0")
    assert created.messaging_service_sid == SERVICE
    await sandbox.state.settle()
    fetched = await fetch(client, created.sid)
    assert str(fetched.status) == "delivered"
    assert (fetched.from_, fetched.messaging_service_sid) == (DEFAULT_NUMBER, SERVICE)


async def test_a_trial_account_prefixes_the_body(sandbox: RunningSandbox) -> None:
    async with sdk(sandbox, OTHER_ACCOUNT, "other", OTHER_ACCOUNT) as client:
        created = await client.messages.create_async(to=PHONE, from_=OTHER_NUMBER, body="hello")
        assert created.body == "Sent from your Twilio trial account - hello"
        with pytest.raises(TwilioRestException) as refused:
            await client.messages.create_async(to=OTHER_PHONE, from_=OTHER_NUMBER, body="hello")
        assert refused.value.code == 21608


async def test_a_body_is_stored_trimmed_and_smart_encoded(sandbox: RunningSandbox, client: Client) -> None:
    created = await client.messages.create_async(
        to=PHONE, from_=DEFAULT_NUMBER, body=" “so” — yes… \n", smart_encoded=True
    )
    assert created.body == '"so" - yes...'
    assert sandbox.state.messages()[0].posted_body == " “so” — yes… \n"


async def test_the_list_is_newest_first_and_filters_by_both_ends(client: Client) -> None:
    for to, body in ((PHONE, "one"), (OTHER_PHONE, "two"), (PHONE, "three")):
        await client.messages.create_async(to=to, from_=DEFAULT_NUMBER, body=body)
    assert [message.body for message in await client.messages.list_async()] == ["three", "two", "one"]
    assert [message.body for message in await client.messages.list_async(to=PHONE)] == ["three", "one"]
    assert len(await client.messages.list_async(from_=DEFAULT_NUMBER)) == 3
    assert await client.messages.list_async(from_=PHONE) == []


async def test_paging_neither_repeats_nor_skips_when_texts_arrive_in_between(client: Client) -> None:
    for number in range(5):
        await client.messages.create_async(to=PHONE, from_=DEFAULT_NUMBER, body=str(number))
    seen = []
    async for message in await client.messages.stream_async(to=PHONE, page_size=2):
        seen.append(message.body)
        await client.messages.create_async(to=PHONE, from_=DEFAULT_NUMBER, body="late")
    assert seen == ["4", "3", "2", "1", "0"]


async def test_date_sent_looks_at_the_sent_date_and_hides_what_is_queued(
    sandbox: RunningSandbox, client: Client, clock: Clock
) -> None:
    sandbox.state.phones[OTHER_PHONE] = Phone(final_status=Status.QUEUED)
    await client.messages.create_async(to=PHONE, from_=DEFAULT_NUMBER, body="yesterday")
    await sandbox.state.settle()
    clock.now += 86_400
    await client.messages.create_async(to=PHONE, from_=DEFAULT_NUMBER, body="today")
    await client.messages.create_async(to=OTHER_PHONE, from_=DEFAULT_NUMBER, body="stuck")
    await sandbox.state.settle()
    noon_today = datetime.fromtimestamp(clock.now, UTC)
    midnight = noon_today.replace(hour=0)
    after = await client.messages.list_async(date_sent_after=noon_today)
    assert [message.body for message in after] == ["today"]
    before = await client.messages.list_async(date_sent_before=midnight)
    assert [message.body for message in before] == ["yesterday"]
    on_the_day = await client.messages.list_async(date_sent=midnight)
    assert [message.body for message in on_the_day] == ["today"]
    assert len(await client.messages.list_async()) == 3


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"to": "", "from_": DEFAULT_NUMBER, "body": "x"}, 21604),
        ({"to": "5551234", "from_": DEFAULT_NUMBER, "body": "x"}, 21211),
        ({"to": PHONE, "body": "x"}, 21603),
        ({"to": PHONE, "from_": "+12025550177", "body": "x"}, 21606),
        ({"to": PHONE, "from_": OTHER_NUMBER, "body": "x"}, 21660),
        ({"to": PHONE, "from_": "nobody!", "body": "x"}, 21212),
        ({"to": PHONE, "from_": DEFAULT_NUMBER, "body": ""}, 21602),
        ({"to": PHONE, "from_": DEFAULT_NUMBER, "body": "x" * 1601}, 21617),
        ({"to": PHONE, "from_": DEFAULT_NUMBER, "body": "x", "status_callback": "nowhere"}, 21609),
        ({"to": PHONE, "messaging_service_sid": "MG" + "9" * 32, "body": "x"}, 21701),
        ({"to": "+15005550002", "from_": "+15005550006", "body": "x"}, 21612),
        ({"to": "+15005550003", "from_": "+15005550006", "body": "x"}, 21408),
        ({"to": "+15005550004", "from_": "+15005550006", "body": "x"}, 21610),
        ({"to": "+15005550009", "from_": "+15005550006", "body": "x"}, 21614),
        ({"to": PHONE, "from_": "+15005550001", "body": "x"}, 21212),
        ({"to": PHONE, "from_": "+15005550007", "body": "x"}, 21606),
        ({"to": PHONE, "from_": "+15005550008", "body": "x"}, 21611),
    ],
)
async def test_a_bad_request_raises_twilios_code(
    sandbox: RunningSandbox, client: Client, form: dict[str, str], code: int
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        await client.messages.create_async(**form)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert not sandbox.state.messages()


async def test_only_the_accounts_own_credentials_open_it(sandbox: RunningSandbox) -> None:
    async with sdk(sandbox, "SK1", "key secret") as client:
        assert await client.messages.list_async() == []
    async with sdk(sandbox, password="wrong") as client:
        with pytest.raises(TwilioRestException) as refused:
            await client.messages.create_async(to=PHONE, from_=DEFAULT_NUMBER, body="x")
        assert (refused.value.status, refused.value.code) == (401, 20003)
    async with sdk(sandbox, account_sid=OTHER_ACCOUNT) as client:
        with pytest.raises(TwilioRestException) as refused:
            await client.messages("SM1").fetch_async()
        assert (refused.value.status, refused.value.code) == (404, 20404)


async def test_an_unknown_message_is_20404(client: Client) -> None:
    with pytest.raises(TwilioRestException) as refused:
        await client.messages("SM" + "0" * 32).fetch_async()
    assert (refused.value.status, refused.value.code) == (404, 20404)


async def create(client: Client, body: str = "hello") -> None:
    await client.messages.create_async(to=PHONE, from_=DEFAULT_NUMBER, body=body)


async def test_a_dropped_connection_may_have_sent_the_text_or_not(sandbox: RunningSandbox, client: Client) -> None:
    sandbox.state.faults.add(accept_then_drop())
    sandbox.state.faults.add(drop_before_accepting())
    with pytest.raises(aiohttp.ClientError):
        await create(client, "sent")
    with pytest.raises(aiohttp.ClientError):
        await create(client, "not sent")
    await create(client, "third")
    assert [message.body for message in await client.messages.list_async()] == ["third", "sent"]


async def test_a_late_answer_runs_into_the_clients_timeout_although_the_text_went_out(
    sandbox: RunningSandbox,
) -> None:
    sandbox.state.faults.add(answer_late(60))
    async with sdk(sandbox, timeout=0.5) as client:
        with pytest.raises(TimeoutError):
            await create(client)
    events = await sandbox.state.journal.wait(lambda event: event.kind is EventKind.MESSAGE, limit_s=10)
    assert [event.body for event in events] == ["hello"]


async def test_a_429_carries_retry_after_and_sends_nothing(sandbox: RunningSandbox, client: Client) -> None:
    sandbox.state.faults.add(too_many_requests(times=2, retry_after_s=7))
    for _ in range(2):
        with pytest.raises(TwilioRestException) as refused:
            await create(client)
        assert (refused.value.status, refused.value.code) == (429, 20429)
        answer = client.http_client._test_only_last_response
        assert answer is not None
        assert answer.headers is not None
        assert answer.headers["Retry-After"] == "7"
    await create(client)
    assert len(sandbox.state.messages()) == 1


async def test_a_500_tells_nobody_whether_the_message_exists(sandbox: RunningSandbox, client: Client) -> None:
    sandbox.state.faults.add(server_error(accepted=False))
    sandbox.state.faults.add(server_error(accepted=True, status=503))
    for body, status in (("gone", 500), ("sent", 503)):
        with pytest.raises(TwilioRestException) as failed:
            await create(client, body)
        assert failed.value.status == status
    assert [message.body for message in sandbox.state.messages()] == ["sent"]


async def test_any_of_twilios_codes_can_be_scripted(sandbox: RunningSandbox, client: Client) -> None:
    sandbox.state.faults.add(twilio_error(20005, status=401, message="Account not active"))
    with pytest.raises(TwilioRestException, match="Account not active") as refused:
        await create(client)
    assert (refused.value.status, refused.value.code) == (401, 20005)


async def test_a_lagging_list_hides_a_message_that_can_be_fetched(
    sandbox: RunningSandbox, client: Client, clock: Clock
) -> None:
    sandbox.state.faults.add(Fault(list_lag_s=5))
    created = await client.messages.create_async(to=PHONE, from_=DEFAULT_NUMBER, body="hello")
    clock.now += 4
    assert await client.messages.list_async() == []
    assert (await fetch(client, created.sid)).body == "hello"
    clock.now += 1
    assert len(await client.messages.list_async()) == 1


async def test_the_list_itself_can_fail(sandbox: RunningSandbox, client: Client) -> None:
    # aiohttp itself repeats a GET once when a kept connection is dropped, so one drop would go unnoticed.
    sandbox.state.faults.add(Fault(operation=Operation.LIST, answer=Answer.DROP, times=2))
    await create(client)
    with pytest.raises(aiohttp.ClientError):
        await client.messages.list_async(to=PHONE)
    assert len(await client.messages.list_async(to=PHONE)) == 1
