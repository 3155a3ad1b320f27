"""Six set-ups as people break them: what the first look says, and what `--fix` does about it.

A real ingress, the real command, the stand-in for Twilio. The first line below the verdict names the cause, the next
one the repair; where it can be repaired, a text that was lost before arrives afterwards.
"""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from cli.ports import free_ports
from sandbox.config import DEFAULT_ACCOUNT_SID, SandboxAccount, SandboxService
from tests.journeys.house import OURS, House, open_house

ANN = "+12025550111"
SERVICE = "MG" + "7a" * 16


def set_number(house: House, **changes: object) -> None:
    directory = house.sandbox.state.directory
    number = directory.number(DEFAULT_ACCOUNT_SID, OURS)
    assert number is not None
    directory.put_number(msgspec.structs.replace(number, **changes))


def wrong_path(house: House) -> None:
    set_number(house, sms_url=f"{house.url}/sms")


def wrong_method(house: House) -> None:
    set_number(house, sms_url=f"{house.url}/webhooks/sms", sms_method="GET")


def wrong_scheme(house: House) -> None:
    set_number(house, sms_url=f"{house.url}/webhooks/sms".replace("http", "https"))


def service_defers_to_number(house: House) -> None:
    service = SandboxService(
        sid=SERVICE, account_sid=DEFAULT_ACCOUNT_SID, numbers=(OURS,), use_inbound_webhook_on_number=True
    )
    house.sandbox.state.directory.put_service(service)
    set_number(house, sms_url="https://demo.twilio.com/welcome/sms/reply")
    block = house.config["channels"]["sms"]
    del block["fromNumber"]
    block["messagingServiceSid"] = SERVICE


@pytest.mark.parametrize(
    ("break_it", "code", "cause"),
    [
        (wrong_path, "url-path", "Twilio has /sms, configured is /webhooks/sms"),
        (wrong_method, "method-not-post", "with GET"),
        (wrong_scheme, "url-scheme", "Twilio has https, configured is http"),
        (service_defers_to_number, "service-defers-to-wrong-webhook", "defers to the webhooks of its numbers"),
    ],
)
async def test_what_is_wrong_at_twilio_is_named_and_repaired(
    tmp_path: Path, break_it: Callable[[House], None], code: str, cause: str
) -> None:
    async with open_house(tmp_path) as house:
        house.open_door()
        break_it(house)
        await house.start("ingress")
        house.extra_environ["COLUMNS"] = "120"
        first = await look(house, status=1)
        assert code in first.splitlines()[1]
        assert cause in " ".join(first.split())
        assert "-> Let `--fix`" in first
        fixed = await look(house, "--fix", "--yes", status=0)
        assert "read back as written" in fixed
        await house.text(ANN, "can you hear me?")


async def test_the_token_of_another_account_is_named(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        other = SandboxAccount(account_sid="AC" + "9d" * 16, auth_token="token-of-another-account")
        house.sandbox.state.directory.put_account(other)
        house.config["channels"]["sms"]["authToken"] = other.auth_token
        await house.start("ingress")
        first = await look(house, "--fix", "--yes", status=1)
        assert "wrong-credentials" in first.splitlines()[1]
        assert "refuses the auth token" in first
        assert "Account Info" in first
        assert "Nothing at Twilio is to be changed" in first
        assert other.auth_token not in first


async def test_a_tunnel_with_nothing_behind_it_is_named(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, tunnel() as url:
        house.config["channels"]["sms"]["publicWebhookUrl"] = f"{url}/webhooks/sms"
        set_number(house, sms_url=f"{url}/webhooks/sms")
        await house.start("ingress")
        first = await look(house, status=1)
        assert "outside-tunnel-down" in first.splitlines()[1]
        assert "answered 502 by a tunnel or proxy" in " ".join(first.split())
        assert "-> Start the gateway" in first


async def look(house: House, *words: str, status: int) -> str:
    """What `textgate channels status --probe` prints."""
    return await house.cli("channels", "status", "--probe", *words, status=status, stream="out")


@contextlib.asynccontextmanager
async def tunnel() -> AsyncIterator[str]:
    """A tunnel's public end, which reaches nobody."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=502, text="Bad Gateway")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
