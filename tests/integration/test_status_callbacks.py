"""Callbacks that Twilio tries again: through the real SDK and the stand-in, into our own signature check.

The connection overrides travel in the fragment of the callback's URL, which is posted to nobody and never signed.
"""

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ingress.verifier import Verifier
from sandbox.config import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, DEFAULT_NUMBER, default_config
from sandbox.server import serve
from shared.phone import Address
from shared.records import Origin, Part
from shared.secrets import Secret
from shared.settings import Account
from shared.status_callback import part_of_query
from workers.twilio_client import TwilioApi

ACCOUNT = Account(
    id="default",
    account_sid=DEFAULT_ACCOUNT_SID,
    auth_token=Secret(DEFAULT_AUTH_TOKEN),
    from_number=Address(DEFAULT_NUMBER),
)
PART = Part(
    part_id="r.0",
    reply_id="r",
    index=0,
    count=1,
    account_id="default",
    conversation="c",
    to="+12025550111",
    body="hello",
    encoding="GSM-7",
    segments=1,
    origin=Origin.OPERATOR,
    created_ms=1,
)


class Gateway:
    """In the ingress' place: checks each callback's signature, then answers as told."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        """Statuses of the first answers; 200 afterwards."""
        self.told: list[tuple[str, int]] = []
        """Status of the message, and what was answered."""
        self.verifier: Verifier | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/webhooks/sms", self._take)
        async with TestServer(app, host="127.0.0.1") as server:
            yield f"http://127.0.0.1:{server.port}/webhooks/sms"

    async def _take(self, request: web.Request) -> web.Response:
        assert self.verifier is not None
        form = parse_qsl(await request.text(), keep_blank_values=True)
        scope = {"path": request.path, "query_string": request.raw_path.partition("?")[2].encode()}
        headers = {name.lower().encode(): value.encode() for name, value in request.headers.items()}
        self.verifier.check(scope, headers, form=form, fields=dict(form))
        assert part_of_query(request.query_string) == PART.part_id
        status = self.answers.pop(0) if self.answers else 200
        self.told.append((dict(form)["MessageStatus"], status))
        return web.Response(status=status)


@pytest.mark.parametrize("query", ["", "?shared=secret&x=%20"])
@pytest.mark.parametrize(
    ("fragment", "told"),
    [
        ("", [("queued", 503), ("queued", 503), ("queued", 200), ("sent", 200), ("delivered", 200)]),
        ("#rc=1&rp=5xx", [("queued", 503), ("queued", 503), ("sent", 200), ("delivered", 200)]),
        ("#rc=3", [("queued", 503), ("sent", 503), ("delivered", 200)]),
    ],
    ids=["ours", "own", "own without 5xx"],
)
async def test_a_callback_that_met_a_503_comes_again_and_is_still_genuine(
    query: str, fragment: str, told: list[tuple[str, int]]
) -> None:
    gateway = Gateway(503, 503)
    async with gateway.running() as url, serve(default_config(status_gap_s=0)) as sandbox:
        account = msgspec.structs.replace(ACCOUNT, public_webhook_url=f"{url}{query}{fragment}")
        gateway.verifier = Verifier(account)
        twilio = TwilioApi(sandbox.base_url, timeout_s=5)
        try:
            await twilio.send(account, PART)
            await sandbox.state.settle()
        finally:
            await twilio.close()
    assert gateway.told == told
