"""What Twilio, or something between us and it, may answer: whatever cannot be read leaves the outcome unknown."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest
import uvloop

from shared.errors import OutcomeUnknownError, PermanentError, TransientError
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


async def fetch(api: TwilioApi) -> object:
    return await api.fetch(ACCOUNT, "SM" + "1" * 32)


@pytest.mark.parametrize("ask", [send, look, fetch])
@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        ("201 Created", b"<html>a proxy's page</html>", "text/html"),
        ("200 OK", b'{"sid": "SM', "application/json"),
        ("201 Created", b"", "application/json"),
        ("201 Created", b"[1]", "application/json"),
        ("201 Created", b"null", "application/json"),
        ("201 Created", b'{"messages": [7], "page": 0}', "application/json"),
        ("200 OK", b"<html>a proxy's page</html>", "text/html"),
        ("200 OK", b'{"sid": "SM1", "status": []}', "application/json"),
        ("200 OK", b'{"sid": "SM1", "num_segments": 1, "error_code": Infinity}', "application/json"),
        ("200 OK", b"[" * 200_000, "application/json"),
        ("200 OK", b"{}", "application/json; charset=hex"),
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


async def test_a_refusal_is_one_whatever_its_code_is() -> None:
    async with twilio_answers("400 Bad Request", b'{"code": [], "message": 5}') as api:
        with pytest.raises(PermanentError):
            await send(api)


async def test_a_code_that_is_none_does_not_reach_the_part() -> None:
    async with twilio_answers("200 OK", b'{"sid": "SM1", "status": "failed", "error_code": [1]}') as api:
        end = await api.fetch(ACCOUNT, "SM1")
    assert end is not None
    assert end.error_code is None


async def test_a_text_that_cannot_be_written_was_not_sent() -> None:
    """Half of a character, as broken programs leave it: looking for it at Twilio would find nothing for hours."""
    async with twilio_answers("201 Created", b"{}") as api:
        with pytest.raises(PermanentError) as refused:
            await api.send(ACCOUNT, msgspec.structs.replace(PART, body="\ud83d"))
    assert refused.value.code == "no-request"


async def test_a_host_that_is_no_name_was_sent_nothing() -> None:
    api = TwilioApi("http://" + "a" * 64 + ".invalid")
    with pytest.raises(TransientError) as refused:
        await send(api)
    await api.close()
    assert refused.value.code == "unreachable"


def test_a_twilio_that_hangs_up_at_once_gets_the_part_again_or_is_asked_for_it() -> None:
    """Not a bug, for which the part would be given up."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            api = TwilioApi(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            for _ in range(20):
                with pytest.raises((TransientError, OutcomeUnknownError)):
                    await send(api)
            await api.close()

    uvloop.run(scenario())
