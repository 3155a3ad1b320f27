"""Requests over real connections: what was never sent, what may have been, and which connections are kept."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from workers.http_connection import MOST_BODY_BYTES, MOST_HEAD_BYTES, Answer, BrokenOffError, NotConnectedError
from workers.http_pool import MOST, Origin, Pool
from workers.http_wire import encode_request

REQUEST = encode_request("POST", "localhost", "/", {}, b"a=b")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LIMIT_S = 20.0

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_server(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[Origin]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls) as server:
        yield Origin("127.0.0.1", server.sockets[0].getsockname()[1], tls=False)


class Answers:
    """Answers each request of each connection with the same bytes, and counts both."""

    def __init__(self, raw: bytes, *, then_close: bool = False) -> None:
        self.raw, self.then_close = raw, then_close
        self.connections = self.requests = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            await reader.readuntil(b"a=b")
            self.requests += 1
            writer.write(self.raw)
            if self.then_close:
                return


class Floods:
    """Answers with `first`, and then with `again` for ever."""

    def __init__(self, first: bytes, again: bytes) -> None:
        self.first, self.again = first, again

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"a=b")
        writer.write(self.first)
        while True:
            writer.write(self.again)
            await writer.drain()


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()  # until the other side has gone


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(connect_s=LIMIT_S)
    yield pool
    await pool.close()


async def ask(pool: Pool, origin: Origin, *, limit_s: float = LIMIT_S) -> Answer:
    connection = await pool.take(origin, limit_s=LIMIT_S)
    try:
        return await connection.send(REQUEST, limit_s=limit_s)
    finally:
        pool.give_back(origin, connection)


async def test_one_connection_serves_one_request_after_another(pool: Pool) -> None:
    answers = Answers(b"HTTP/1.1 201 Created\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nok")
    async with a_server(answers) as origin:
        for _ in range(3):
            assert await ask(pool, origin) == Answer(201, {"retry-after": "3", "content-length": "2"}, b"ok")
    assert answers.connections == 1


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        (OK + b"HTTP/1.1 200 OK\r\n", False),
    ],
)
async def test_a_connection_is_kept_if_the_answer_leaves_it_clean(pool: Pool, raw: bytes, kept: bool) -> None:
    answers = Answers(raw)
    async with a_server(answers) as origin:
        for _ in range(2):
            answer = await ask(pool, origin)
            assert (answer.status, answer.body) == (200, b"ok")
    assert answers.connections == (1 if kept else 2)


async def test_a_body_without_a_length_ends_with_the_connection(pool: Pool) -> None:
    async with a_server(Answers(b"HTTP/1.1 200 OK\r\n\r\nok", then_close=True)) as origin:
        assert (await ask(pool, origin)).body == b"ok"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 201 Cre",
        b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nok",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx",
    ],
)
async def test_an_answer_that_does_not_come_whole_is_none(pool: Pool, raw: bytes) -> None:
    async with a_server(Answers(raw, then_close=True)) as origin:
        with pytest.raises(BrokenOffError):
            await ask(pool, origin)


async def test_an_answer_that_does_not_come_is_not_waited_for(pool: Pool) -> None:
    async with a_server(never) as origin:
        with pytest.raises(BrokenOffError, match="no answer within"):
            await ask(pool, origin, limit_s=0.01)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 8000),
        (b"HTTP/1.1 200 ", b"y" * 8000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 200_000),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n", b"y" * 200_000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nok\r\n" * 20_000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 1000),
    ],
)
async def test_an_answer_without_an_end_is_broken_off(pool: Pool, first: bytes, again: bytes) -> None:
    async with a_server(Floods(first, again)) as origin:
        with pytest.raises(BrokenOffError, match="more than"):
            await ask(pool, origin)


@pytest.mark.parametrize(("head", "body"), [(0, MOST_BODY_BYTES), (MOST_HEAD_BYTES - 1000, 2), (MOST_HEAD_BYTES, 2)])
async def test_a_long_answer_is_read_up_to_the_limits(pool: Pool, head: int, body: int) -> None:
    raw = b"HTTP/1.1 200 OK\r\nX: " + b"y" * head + b"\r\nContent-Length: %d\r\n\r\n" % body + b"z" * body
    async with a_server(Answers(raw)) as origin:
        if head < MOST_HEAD_BYTES:
            assert (await ask(pool, origin)).body == b"z" * body
        else:
            with pytest.raises(BrokenOffError, match="a head of more than"):
                await ask(pool, origin)


async def test_a_connection_that_ends_while_it_is_lent_has_sent_nothing(pool: Pool) -> None:
    enough = asyncio.Event()

    async def hang_up_then(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await enough.wait()

    async with a_server(hang_up_then) as origin:
        connection = await pool.take(origin, limit_s=LIMIT_S)
        enough.set()
        async with asyncio.timeout(LIMIT_S):
            while connection.usable:  # noqa: ASYNC110 - nothing tells when the news has come
                await asyncio.sleep(0.005)
        with pytest.raises(NotConnectedError, match="closed"):
            connection.send(REQUEST, limit_s=LIMIT_S)
        pool.give_back(origin, connection)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_server_that_hangs_up_at_once_is_no_bug_of_ours(run: Callable[[Coroutine[None, None, None]], None]) -> None:
    async def scenario() -> None:
        pool = Pool(connect_s=LIMIT_S)
        async with a_server(hang_up) as origin:
            for _ in range(50):
                with pytest.raises((NotConnectedError, BrokenOffError)):
                    await ask(pool, origin)
        await pool.close()

    run(scenario())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_name_that_is_none_has_sent_nothing(run: Callable[[Coroutine[None, None, None]], None]) -> None:
    async def scenario() -> None:
        pool = Pool(connect_s=LIMIT_S)
        for name in ("a" * 64 + ".invalid", "a..invalid", "\0.invalid"):
            with pytest.raises(NotConnectedError):
                await pool.take(Origin(name, 80, tls=False), limit_s=LIMIT_S)
        await pool.close()

    run(scenario())


async def test_a_connection_that_the_other_side_has_closed_is_not_used_again(pool: Pool) -> None:
    answers = Answers(OK, then_close=True)
    async with a_server(answers) as origin:
        connection = await pool.take(origin, limit_s=LIMIT_S)
        await connection.send(REQUEST, limit_s=LIMIT_S)
        pool.give_back(origin, connection)
        async with asyncio.timeout(LIMIT_S):
            while connection.usable:  # noqa: ASYNC110 - nothing tells when the news has come
                await asyncio.sleep(0.005)
        assert (await ask(pool, origin)).body == b"ok"
    assert answers.connections == 2


async def test_who_stops_waiting_takes_the_connection_along(pool: Pool) -> None:
    """Its answer would be taken for the next request's."""
    async with a_server(never) as origin:
        connection = await pool.take(origin, limit_s=LIMIT_S)
        waiting = connection.send(REQUEST, limit_s=LIMIT_S)
        waiting.cancel()
        pool.give_back(origin, connection)
        assert await pool.take(origin, limit_s=LIMIT_S) is not connection


async def test_who_stops_connecting_leaves_nothing_behind(pool: Pool) -> None:
    answers = Answers(OK)
    async with a_server(answers) as origin:
        for turns in range(12):  # cancelled at every moment of it
            taking = asyncio.create_task(pool.take(origin, limit_s=LIMIT_S))
            for _ in range(turns):
                await asyncio.sleep(0)
            if taking.done():
                pool.give_back(origin, taking.result())
            taking.cancel()
            await asyncio.wait([taking])
        assert (await ask(pool, origin)).body == b"ok"


async def test_a_busy_connection_takes_no_second_request(pool: Pool) -> None:
    async with a_server(never) as origin:
        connection = await pool.take(origin, limit_s=LIMIT_S)
        waiting = connection.send(REQUEST, limit_s=LIMIT_S)
        with pytest.raises(RuntimeError):
            connection.send(REQUEST, limit_s=LIMIT_S)
        pool.give_back(origin, connection)
        with pytest.raises(BrokenOffError, match="closed"):
            await waiting


async def test_a_refused_connection_has_sent_nothing(pool: Pool) -> None:
    async with a_server(never) as origin:
        pass
    with pytest.raises(NotConnectedError, match="nothing listens there"):
        await pool.take(origin, limit_s=LIMIT_S)


async def test_a_name_that_nobody_has_has_sent_nothing(pool: Pool) -> None:
    with pytest.raises(NotConnectedError, match="its name could not be looked up"):
        await pool.take(Origin("nobody.invalid", 80, tls=False), limit_s=LIMIT_S)


async def test_who_waits_for_a_connection_in_vain_has_sent_nothing(pool: Pool) -> None:
    async with a_server(Answers(OK)) as origin:
        taken = [await pool.take(origin, limit_s=LIMIT_S) for _ in range(MOST)]
        with pytest.raises(NotConnectedError, match="in use"):
            await pool.take(origin, limit_s=0.01)
        waiting = asyncio.create_task(pool.take(origin, limit_s=LIMIT_S))
        await asyncio.sleep(0)
        pool.give_back(origin, taken.pop())
        taken.append(await waiting)
        for connection in taken:
            pool.give_back(origin, connection)


def a_certificate(name: str, folder: Path) -> tuple[Path, ssl.SSLContext]:
    """One that says `name`, and a server's side of TLS with it."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    made = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -addext subjectAltName=DNS:{name}"
    subprocess.run(["openssl", *made.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    return certificate, tls


@needs_openssl
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_close_that_comes_with_the_end_of_the_handshake_is_no_bug_of_ours(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[[Coroutine[None, None, None]], None],
    version: ssl.TLSVersion,
) -> None:
    """In TLS 1.2 the server speaks last: its alert may lie in the same packet."""
    certificate, tls = a_certificate("localhost", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls.maximum_version = version

    async def scenario() -> None:
        pool = Pool(connect_s=LIMIT_S)
        async with a_server(hang_up, tls) as origin:
            for _ in range(20):
                with pytest.raises((NotConnectedError, BrokenOffError)):
                    await ask(pool, Origin("localhost", origin.port, tls=True))
        await pool.close()

    run(scenario())


@needs_openssl
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(
    ("name", "trusted", "good"),
    [("localhost", True, True), ("localhost", False, False), ("elsewhere.example", True, False)],
)
def test_only_a_server_with_a_good_certificate_gets_anything(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[[Coroutine[None, None, None]], None],
    name: str,
    trusted: bool,
    good: bool,
) -> None:
    certificate, tls = a_certificate(name, tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    answers = Answers(OK)

    async def scenario() -> None:
        pool = Pool(connect_s=LIMIT_S)
        async with a_server(answers, tls) as origin:
            there = Origin("localhost", origin.port, tls=True)
            if good:
                assert [(await ask(pool, there)).body for _ in range(2)] == [b"ok", b"ok"]
            else:
                with pytest.raises(NotConnectedError, match="its certificate does not pass"):
                    await ask(pool, there)
            await pool.close()

    run(scenario())
    assert answers.requests == (2 if good else 0)
