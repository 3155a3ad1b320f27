"""Twilio's edge, as small as it gets: every message is accepted at once, and when it came is kept. For benches only.

On bare connections, since it shares the machine with what is measured: on an ASGI server it took 90 microseconds a
request, as much as one of Textgate's stages. It understands what the contenders' clients send, and no more.

`GET /arrivals` tells the time (`time.perf_counter`, one clock for all processes of a machine) at which the message
whose body ends with each number came, and forgets them.
"""

import asyncio
import json
import re
import sys
import time
from urllib.parse import unquote_plus

import uvloop

_arrived: dict[int, list[float]] = {}
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BODY = re.compile(rb"(?:^|&)Body=([^&]*)")


class Edge(asyncio.Protocol):
    """One kept connection."""

    _count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # of a TCP connection
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while True:
            head, found, rest = self._seen.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            wanted = int(length[1]) if length else 0
            if not found or len(rest) < wanted:
                return
            self._seen = rest[wanted:]
            self._transport.write(self._arrivals() if head.startswith(b"GET ") else self._accept(rest[:wanted]))

    @staticmethod
    def _accept(body: bytes) -> bytes:
        found = _BODY.search(body)
        *_, number = unquote_plus(found[1].decode()).split() if found else [""]
        if not number.isdigit():
            return _answer(b"400 Bad Request", b"{}")
        _arrived.setdefault(int(number), []).append(time.perf_counter())
        Edge._count += 1
        return _answer(b"201 Created", b'{"sid": "SM%032x", "status": "queued", "error_code": null}' % Edge._count)

    @staticmethod
    def _arrivals() -> bytes:
        found = json.dumps(_arrived).encode()
        _arrived.clear()
        return _answer(b"200 OK", found)


def _answer(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
    return head + body


async def serve(port: int) -> None:
    """Until SIGTERM."""
    server = await asyncio.get_running_loop().create_server(Edge, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
