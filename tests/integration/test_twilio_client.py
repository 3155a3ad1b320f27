"""What Twilio, or something between us and it, may answer: whatever cannot be read leaves the outcome unknown."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from shared.errors import OutcomeUnknownError
from shared.phone import Address
from shared.records import Origin, Part
from shared.secrets import Secret
from shared.settings import Account
from workers.twilio_client import TwilioApi

ACCOUNT = Account(
    id="default", account_sid="AC" + "1" * 32, auth_token=Secret("token"), from_number=Address("+15550001111")
)
PART = Part(
    part_id="r.0",
    reply_id="r",
    index=0,
    count=1,
    account_id="default",
    conversation="c",
    to="+15557654321",
    body="hello",
    encoding="GSM-7",
    segments=1,
    origin=Origin.AGENT,
    created_ms=1,
)


@asynccontextmanager
async def twilio_answers(status: str, body: bytes, content_type: str = "application/json") -> AsyncIterator[TwilioApi]:
    """A client of a Twilio that gives every request this answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        api = TwilioApi(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            yield api
        finally:
            await api.close()


async def send(api: TwilioApi) -> object:
    return await api.send(ACCOUNT, PART)


async def look(api: TwilioApi) -> object:
    return await api.list_sent(ACCOUNT, PART.to, datetime.now(UTC))


@pytest.mark.parametrize("ask", [send, look])
@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        ("201 Created", b"<html>a proxy's page</html>", "text/html"),
        ("200 OK", b'{"sid": "SM', "application/json"),
        ("201 Created", b"", "application/json"),
        ("201 Created", b"[1]", "application/json"),
        ("201 Created", b"null", "application/json"),
        ("201 Created", b'{"messages": [7], "page": 0}', "application/json"),
        ("200 OK", b"\xff\xfe", "application/json; charset=utf-8"),
        ("502 Bad Gateway", b"<html>bad gateway</html>", "text/html"),
        ("500 Internal Server Error", b"\xff", "text/html; charset=utf-8"),
    ],
)
async def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(
    ask: Callable[[TwilioApi], Awaitable[object]], status: str, body: bytes, content_type: str
) -> None:
    """Not a bug, for which the part would be given up: Twilio may have it."""
    async with twilio_answers(status, body, content_type) as api:
        with pytest.raises(OutcomeUnknownError):
            await ask(api)


async def test_an_answer_that_names_no_message_is_not_one() -> None:
    async with twilio_answers("201 Created", b"{}") as api:
        with pytest.raises(OutcomeUnknownError):
            await send(api)
