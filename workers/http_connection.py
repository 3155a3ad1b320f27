"""One connection of HTTP/1.1: a request goes out whole, its answer is collected, then comes the next.

The bytes of an answer are read by httptools (llhttp, as in Node.js). Nothing is retried and no redirect is followed.
"""

import asyncio
from typing import cast

import httptools
import msgspec

MOST_HEAD_BYTES = 64 * 1024
"""Of an answer; whoever sends more is no API."""

MOST_BODY_BYTES = 10_000_000
"""Of an answer, with what its chunks add: a page of Twilio's list is a hundredth of it."""

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class NotConnectedError(Exception):
    """There was no connection to send on: nothing was sent. Its message says why."""


class BrokenOffError(Exception):
    """The request went out, perhaps in part, and no answer that can be read came back. Its message says why."""


class Answer(msgspec.Struct, frozen=True):
    """What came back; the names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """Carries one exchange at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._received_bytes = 0
        """Of this answer, and of those before it that only announce it (1xx)."""
        self._head_bytes = 0
        """Of the names and values of its headers and trailers."""
        self._head_is_whole = False
        self._framed = False
        """The answer's head says where its body ends."""
        self._until_eof = False
        """The answer's head has come, and its body ends with the connection."""
        self._keep = False
        """The other side will wait for another request."""
        self._free = False
        """It stands, is idle, and the other side means to keep it."""
        self.idle_since = 0.0
        """By the loop's clock; the pool's to set."""

    @property
    def usable(self) -> bool:
        """It stands, is idle, and neither side is closing it."""
        return self._free and self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, *, limit_s: float) -> asyncio.Future[Answer]:
        """Hand the request to the system; the answer comes within `limit_s`. Awaiting it raises BrokenOffError.

        Raises NotConnectedError at once if the connection has ended since it was lent, RuntimeError if it is busy.
        """
        if self._waiting is not None:
            raise RuntimeError("this connection is busy")
        if self._transport is None or not self.usable:
            raise NotConnectedError("the other side closed the connection")
        self._free = False
        self._received_bytes, self._head_is_whole = 0, False
        self._waiting = waiting = self._loop.create_future()
        self._timer = self._loop.call_later(limit_s, self._break_off, f"no answer within {limit_s:.1f} s")
        self._transport.write(request)
        return waiting

    def close(self) -> None:
        """End it now; whoever waits for an answer gets none."""
        self._break_off("the connection was closed")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._free = True

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            return
        self._received_bytes += len(data)
        if self._received_bytes > MOST_HEAD_BYTES + MOST_BODY_BYTES:
            self._break_off(f"an answer of more than {MOST_BODY_BYTES} bytes")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._break_off(f"not HTTP: {type(error).__name__}")
        if not self._head_is_whole and self._received_bytes > MOST_HEAD_BYTES:
            self._break_off_head()

    def eof_received(self) -> None:
        self._free = False  # the transport closes by itself

    def connection_lost(self, error: Exception | None) -> None:
        self._free = False
        if self._until_eof and error is None:
            self._hand_over()
        self._break_off(type(error).__name__ if error else "the other side closed the connection")
        self._parser = None  # which refers to us

    def on_message_begin(self) -> None:
        if self._waiting is None:  # nobody asked
            self._break_off("an answer without a request")
        self._headers, self._body, self._framed = [], [], False
        self._head_bytes, self._head_is_whole = 0, False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _FRAMING:
            self._framed = True
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MOST_HEAD_BYTES:
            self._break_off_head()
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._head_is_whole = self._status() >= 200
        self._until_eof = not self._framed and self._head_is_whole
        self._keep = self._parser is not None and self._parser.should_keep_alive()  # it has forgotten this at the end

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._status() >= 200:  # else the answer is still to come
            self._hand_over()

    def _status(self) -> int:
        return 0 if self._parser is None else self._parser.get_status_code()

    def _hand_over(self) -> None:
        waiting, self._waiting, self._until_eof = self._waiting, None, False
        if self._timer is not None:
            self._timer.cancel()
        if waiting is None or waiting.done() or self._parser is None or self._transport is None:
            return
        self._free = self._keep
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers}
        waiting.set_result(Answer(self._status(), headers, b"".join(self._body)))

    def _break_off_head(self) -> None:
        self._break_off(f"an answer with a head of more than {MOST_HEAD_BYTES} bytes")

    def _break_off(self, reason: str) -> None:
        self._free = False
        if self._timer is not None:
            self._timer.cancel()
        waiting, self._waiting = self._waiting, None
        if self._transport is not None:
            self._transport.abort()
        if waiting is not None and not waiting.done():
            waiting.set_exception(BrokenOffError(reason))
