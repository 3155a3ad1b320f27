"""A client's connection, within limits: uvicorn bounds neither the time nor the size of what precedes a body.

Without this a client that sends a byte a minute holds a connection for ever, and one whose headers never end fills the
memory; neither has to sign anything. Bodies have limits of their own (`body.py`). Touches no Redis.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ingress.outgoing import Outgoing
from shared.logs import logger

MAX_BARE_BYTES = 32 * 1024
"""Bytes in a row that are no body: request line and headers, or what may follow a chunked body. Twilio needs 1 kB."""

MAX_REQUEST_S = 15.0
"""From the connection's start, or a request's first byte, to its last: as long as Twilio waits for the whole answer."""

log = logger(__name__)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 over httptools; a request that is too slow or has too large a head ends its connection."""

    _bare_bytes = 0
    _is_whole = False
    """Whether the last byte received ended a request."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(Outgoing(transport, self.loop))  # type: ignore[arg-type]  # in all that uvicorn uses
        self._watch()

    def data_received(self, data: bytes) -> None:
        self._is_whole = False
        self._bare_bytes += len(data)
        super().data_received(data)
        self._watch()
        if self._bare_bytes > MAX_BARE_BYTES and not self.transport.is_closing():
            self._end("too_large")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unwatch()

    def on_message_begin(self) -> None:
        self._is_whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._bare_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._bare_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_whole, self._bare_bytes = True, 0
        super().on_message_complete()

    def _watch(self) -> None:
        if self._is_whole or self.transport.is_closing():
            self._unwatch()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(MAX_REQUEST_S, self._end, "too_slow")

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, reason: str) -> None:
        log.warning("connection_ended", reason=reason)
        self._unwatch()
        self.transport.close()
