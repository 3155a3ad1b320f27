"""The look at our own public address, against servers on the loopback.

Contract: only the configured address is asked, once each way, without following a redirect; an address that is not
public is never asked; what answers instead of us is named.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.integration.probe.bench import Bench, find
from workers.probe.finding import Verdict
from workers.probe.outside import look_from_outside
from workers.public_addresses import PrivateAddressError, PublicResolver, is_public


async def test_a_public_address_that_hangs_or_hangs_up_is_named(bench: Bench) -> None:
    for kind in ("outside-timeout", "outside-broken"):
        async with hostile(bench, kind):
            bench.timeout_s = 1.0
            assert (await bench.probe()).verdict is Verdict.BAD
            find(await bench.probe(), kind)


@contextlib.asynccontextmanager
async def hostile(bench: Bench, kind: str) -> AsyncIterator[None]:
    """Something at the public address that says nothing, or hangs up."""
    gone = asyncio.Event()

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if kind == "outside-timeout":
            await gone.wait()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bench.block["publicWebhookUrl"] = f"http://127.0.0.1:{port}/webhooks/sms"
    bench.set_number(sms_url=bench.url)
    try:
        yield
    finally:
        gone.set()
        server.close()
        await server.wait_closed()


async def test_what_is_asked_from_outside_is_one_unsigned_post_and_the_health(bench: Bench) -> None:
    await bench.probe()
    assert sorted(bench.public.requests) == [("GET", "/healthz", b""), ("POST", "/webhooks/sms", b"")]


async def test_a_redirect_is_not_followed(bench: Bench) -> None:
    bench.public.status, bench.public.headers = 307, {"location": f"{bench.public.url}/elsewhere"}
    await bench.probe()
    assert {path for _, path, _ in bench.public.requests} == {"/healthz", "/webhooks/sms"}


async def test_a_loopback_address_is_asked_only_while_twilio_is_a_stand_in(bench: Bench) -> None:
    seen = await look_from_outside(bench.public.url, sandboxed=False)
    assert seen.trouble == "private"
    assert bench.public.requests == []


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "169.254.169.254", "[::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "0.0.0.1", "100.64.0.1"]
)
async def test_a_private_address_is_never_asked(address: str) -> None:
    assert (await look_from_outside(f"http://{address}/webhooks/sms", sandboxed=True)).trouble in {"private", "connect"}
    assert not is_public(address.strip("[]"))


async def test_a_name_that_leads_to_a_private_address_is_not_asked() -> None:
    with pytest.raises(PrivateAddressError):
        await PublicResolver().resolve("localhost", 80)
