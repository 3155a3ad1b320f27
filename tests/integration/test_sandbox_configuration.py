"""What is configured at Twilio, through the real SDK and the control routes of the sandbox.

Contract: accounts, numbers, applications, services, campaigns, balance and alerts have the fields that Twilio documents
(`tests/recorded/twilio_fields.json`, with its source) and page as documented; an update changes what it names; only the
account's own credentials, or its parent's, open it.
"""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from sandbox.alert import Alert
from sandbox.config import SandboxAccount, SandboxApplication, SandboxConfig, SandboxNumber, SandboxService
from sandbox.faults import Answer, Fault, Operation
from sandbox.inbound import post_webhook, receive
from sandbox.journal import EventKind
from sandbox.server import RunningSandbox, serve
from workers.twilio_client import Transport

PARENT, CHILD, STRANGER = "AC" + "1" * 32, "AC" + "2" * 32, "AC" + "3" * 32
SERVICE, APPLICATION = "MG" + "4" * 32, "AP" + "5" * 32
NUMBER, CHILDS = "+12025550100", "+12025550101"
RECORDED = json.loads((Path(__file__).parents[1] / "recorded/twilio_fields.json").read_text())["resources"]

CONFIG = SandboxConfig(
    accounts=(
        SandboxAccount(account_sid=PARENT, auth_token="parent", api_keys={"SK1": "key secret"}, balance="12.50"),
        SandboxAccount(account_sid=CHILD, auth_token="child", owner_account_sid=PARENT),
        SandboxAccount(account_sid=STRANGER, auth_token="stranger"),
    ),
    numbers=(
        SandboxNumber(
            number=NUMBER, account_sid=PARENT, sms_url="https://old.example.com/sms", voice_url="https://v.example.com/"
        ),
        SandboxNumber(number=CHILDS, account_sid=CHILD),
    ),
    services=(
        SandboxService(sid=SERVICE, account_sid=PARENT, numbers=(NUMBER,), campaigns=("VERIFIED", "IN_PROGRESS")),
    ),
    applications=(SandboxApplication(sid=APPLICATION, account_sid=PARENT, sms_url="https://app.example.com/sms"),),
)


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with serve(CONFIG) as running:
        yield running


@contextlib.asynccontextmanager
async def sdk(
    sandbox: RunningSandbox, user: str = PARENT, secret: str = "parent", account: str = PARENT
) -> AsyncIterator[Client]:
    transport = Transport(sandbox.base_url, timeout_s=10)
    yield Client(user, secret, account, http_client=transport)  # type: ignore[no-untyped-call]
    await transport.close()


@pytest.fixture
async def client(sandbox: RunningSandbox) -> AsyncIterator[Client]:
    async with sdk(sandbox) as client:
        yield client


async def test_everything_that_is_configured_can_be_fetched(client: Client) -> None:
    account = await client.api.accounts(PARENT).fetch_async()
    assert (str(account.type), str(account.status), account.owner_account_sid) == ("Full", "active", PARENT)
    balance = await client.balance.fetch_async()
    assert (balance.balance, balance.currency) == ("12.50", "USD")
    (number,) = await client.incoming_phone_numbers.list_async(phone_number=NUMBER)
    assert (number.sms_url, number.sms_method) == ("https://old.example.com/sms", "POST")
    capabilities: Any = number.capabilities  # the SDK types it as text
    assert capabilities == {"voice": True, "sms": True, "mms": True, "fax": False}
    assert (await client.incoming_phone_numbers(str(number.sid)).fetch_async()).phone_number == NUMBER
    assert await client.incoming_phone_numbers.list_async(phone_number=CHILDS) == []
    assert (await client.applications(APPLICATION).fetch_async()).sms_url == "https://app.example.com/sms"
    service = await client.messaging.v1.services(SERVICE).fetch_async()
    assert (service.inbound_request_url, service.use_inbound_webhook_on_number) == (None, False)
    (pooled,) = await client.messaging.v1.services(SERVICE).phone_numbers.list_async()
    assert (pooled.sid, pooled.phone_number, pooled.country_code) == (number.sid, NUMBER, "US")
    campaigns = await client.messaging.v1.services(SERVICE).us_app_to_person.list_async()
    assert [campaign.campaign_status for campaign in campaigns] == ["VERIFIED", "IN_PROGRESS"]


async def test_an_update_changes_what_it_names_and_nothing_else(sandbox: RunningSandbox, client: Client) -> None:
    (number,) = await client.incoming_phone_numbers.list_async()
    changed = await number.update_async(sms_url="https://new.example.com/sms#rc=3", sms_method="GET")
    assert (changed.sms_url, changed.sms_method) == ("https://new.example.com/sms#rc=3", "GET")
    assert changed.voice_url == "https://v.example.com/"
    await client.applications(APPLICATION).update_async(sms_url="")
    assert (await client.applications(APPLICATION).fetch_async()).sms_url == ""
    context = client.messaging.v1.services(SERVICE)
    await context.update_async(inbound_request_url="https://s.example.com/", use_inbound_webhook_on_number=True)
    service = await context.fetch_async()
    assert (service.inbound_request_url, service.use_inbound_webhook_on_number) == ("https://s.example.com/", True)
    noted = [event.note for event in sandbox.state.journal.since(0) if event.kind is EventKind.CONFIGURED]
    assert noted == ["SmsMethod SmsUrl", "SmsUrl", "InboundRequestUrl UseInboundWebhookOnNumber"]


@pytest.mark.parametrize(("field", "value", "code"), [("sms_url", "nowhere", 21502), ("sms_method", "PUT", 21403)])
async def test_a_value_that_is_none_is_refused(client: Client, field: str, value: str, code: int) -> None:
    (number,) = await client.incoming_phone_numbers.list_async()
    with pytest.raises(TwilioRestException) as refused:
        await number.update_async(**{field: value})
    assert (refused.value.status, refused.value.code) == (400, code)


async def test_lists_page_without_repeating_or_skipping(sandbox: RunningSandbox, client: Client) -> None:
    directory = sandbox.state.directory
    for index in range(5):
        directory.put_number(SandboxNumber(number=f"+120255502{index:02}", account_sid=PARENT))
        directory.put_service(SandboxService(sid=f"MG{index:032}", account_sid=PARENT, numbers=()))
    numbers = await client.incoming_phone_numbers.list_async(page_size=2)
    assert len({number.sid for number in numbers}) == len(numbers) == 6
    services = await client.messaging.v1.services.list_async(page_size=4)
    assert len({service.sid for service in services}) == len(services) == 6


async def test_who_is_let_in(sandbox: RunningSandbox) -> None:
    async with sdk(sandbox, "SK1", "key secret") as client:
        assert len(await client.incoming_phone_numbers.list_async()) == 1
    async with sdk(sandbox, account=CHILD) as parent:
        assert [each.phone_number for each in await parent.incoming_phone_numbers.list_async()] == [CHILDS]
        assert {each.sid for each in await parent.api.accounts.list_async()} == {PARENT, CHILD}
    for user, secret, account, status, code in (
        (PARENT, "stranger", PARENT, 401, 20003),
        (CHILD, "child", PARENT, 404, 20404),
        (PARENT, "parent", STRANGER, 404, 20404),
    ):
        async with sdk(sandbox, user, secret, account) as client:
            with pytest.raises(TwilioRestException) as refused:
                await client.balance.fetch_async()
            assert (refused.value.status, refused.value.code) == (status, code)


async def test_a_suspended_account_is_shut_and_its_parent_sees_why(sandbox: RunningSandbox) -> None:
    await patch(sandbox, f"accounts/{CHILD}", {"status": "suspended"})
    async with sdk(sandbox, CHILD, "child", CHILD) as client:
        with pytest.raises(TwilioRestException) as refused:
            await client.api.accounts(CHILD).fetch_async()
        assert refused.value.code == 20005
    async with sdk(sandbox) as parent:
        assert str((await parent.api.accounts(CHILD).fetch_async()).status) == "suspended"


async def test_a_failed_webhook_raises_an_alert_and_alerts_filter_by_time(
    sandbox: RunningSandbox, client: Client
) -> None:
    state = sandbox.state
    state.alerts.append(Alert(account_sid=PARENT, error_code=12300, sid="NO1", at=1_000_000_000))
    await patch(sandbox, f"services/{SERVICE}", {"inbound_request_url": "http://127.0.0.1:1/sms#rc=0"})
    number = state.directory.number(PARENT, NUMBER)
    assert number is not None
    await post_webhook(state, receive(state, number, from_="+14155550123", body="hi", media=()))
    first, second = await client.monitor.v1.alerts.list_async()
    assert (first.error_code, first.request_url) == ("11205", "http://127.0.0.1:1/sms")
    assert second.error_code == "12300"
    assert first.date_generated is not None
    assert len(await client.monitor.v1.alerts.list_async(start_date=first.date_generated)) == 1


async def test_a_fault_can_strike_one_resource(sandbox: RunningSandbox, client: Client) -> None:
    sandbox.state.faults.add(
        Fault(operation=Operation.CONFIGURATION, path_contains="Balance", answer=Answer.ERROR, status=503, code=20503)
    )
    assert (await client.api.accounts(PARENT).fetch_async()).sid == PARENT
    with pytest.raises(TwilioException):
        await client.balance.fetch_async()


async def patch(sandbox: RunningSandbox, path: str, change: dict[str, Any], *, status: int = 200) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.patch(f"{sandbox.base_url}/sandbox/twilio/{path}", json=change) as answer,
    ):
        assert answer.status == status
        return await answer.json()


async def test_twilios_side_can_be_bent_by_the_control_routes(sandbox: RunningSandbox) -> None:
    number = await patch(sandbox, f"numbers/{NUMBER}", {"sms_url": "https://elsewhere.example.com/", "sms": False})
    assert (number["sms_url"], number["sms"], number["voice_url"]) == (
        "https://elsewhere.example.com/",
        False,
        "https://v.example.com/",
    )
    await patch(sandbox, f"numbers/{CHILDS}9", {}, status=404)
    await patch(sandbox, f"numbers/{NUMBER}", {"sms": "perhaps"}, status=400)
    async with aiohttp.ClientSession(sandbox.base_url) as http:
        service = {"sid": "MG9", "account_sid": CHILD, "numbers": [CHILDS]}
        async with http.put("/sandbox/twilio/services", json=service) as answer:
            assert answer.status == 200
        application = {"sid": "AP9", "account_sid": CHILD}
        async with http.put("/sandbox/twilio/applications", json=application) as answer:
            assert answer.status == 200
        async with http.post("/sandbox/twilio/alerts", json={"account_sid": CHILD, "error_code": 11200}) as answer:
            assert answer.status == 201
    directory = sandbox.state.directory
    assert directory.service(CHILD, "MG9") is not None
    assert directory.application(CHILD, "AP9") is not None
    assert [alert.error_code for alert in sandbox.state.alerts] == [11200]


ACCOUNT_PATH = f"/2010-04-01/Accounts/{PARENT}"


@pytest.mark.parametrize(
    ("resource", "host", "path", "key"),
    [
        ("account", "api", f"{ACCOUNT_PATH}.json", None),
        ("balance", "api", f"{ACCOUNT_PATH}/Balance.json", None),
        ("page", "api", f"{ACCOUNT_PATH}/IncomingPhoneNumbers.json", None),
        ("incoming_phone_number", "api", f"{ACCOUNT_PATH}/IncomingPhoneNumbers.json", "incoming_phone_numbers"),
        ("application", "api", f"{ACCOUNT_PATH}/Applications/{APPLICATION}.json", None),
        ("service", "messaging", f"/v1/Services/{SERVICE}", None),
        ("pool_number", "messaging", f"/v1/Services/{SERVICE}/PhoneNumbers", "phone_numbers"),
        ("meta", "messaging", f"/v1/Services/{SERVICE}/PhoneNumbers", "meta"),
        ("campaign", "messaging", f"/v1/Services/{SERVICE}/Compliance/Usa2p", "compliance"),
        ("alert", "monitor", "/v1/Alerts", "alerts"),
    ],
)
async def test_an_answer_has_the_documented_fields(
    sandbox: RunningSandbox, resource: str, host: str, path: str, key: str | None
) -> None:
    sandbox.state.alerts.append(Alert(account_sid=PARENT, error_code=11200, sid="NO1", at=1_000_000_000))
    headers = {
        "Authorization": aiohttp.encode_basic_auth(PARENT, "parent"),
        "X-Original-Host": f"{host}.twilio.com",
    }
    async with aiohttp.ClientSession(sandbox.base_url, headers=headers) as http, http.get(path) as answer:
        assert answer.status == 200
        shown = await answer.json()
    shown = shown[key] if key else {name: value for name, value in shown.items() if name != "incoming_phone_numbers"}
    shown = shown[0] if isinstance(shown, list) else shown
    documented = RECORDED[resource]
    assert set(shown) == set(documented)
    wrong = {name: value for name, value in shown.items() if not _fits(value, documented[name])}
    assert wrong == {}


async def test_a_resource_is_served_on_its_own_host_only(sandbox: RunningSandbox) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(PARENT, "parent"), "X-Original-Host": "api.twilio.com"}
    async with aiohttp.ClientSession(sandbox.base_url, headers=headers) as http, http.get("/v1/Alerts") as answer:
        assert answer.status == 404


def _fits(value: object, types: list[str]) -> bool:
    named = {"string": str, "boolean": bool, "integer": int, "object": dict, "array": list, "null": type(None)}
    return "any" in types or any(isinstance(value, named[each]) for each in types)
