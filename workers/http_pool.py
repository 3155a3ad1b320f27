"""Kept connections of HTTP/1.1, each lent to one request at a time.

For requests that must not be repeated: it tells apart a connection that was never made (nothing was sent) from one
that broke (`workers/http_connection.py`), and leaves the moment of sending to the caller. Proxies are not used.
"""

import asyncio
import socket
import ssl
from collections import deque

import aiohappyeyeballs
import msgspec

from shared.unreached import why_unreached
from workers.http_connection import Connection, NotConnectedError

MOST = 100
"""Connections at once, to all origins together; more requests wait."""

KEEP_S = 30.0
"""An idle connection that is older is not used again: the other side may be about to close it."""

NEXT_ADDRESS_S = 0.25
"""After this time the next address is tried beside the first. Source: RFC 8305, section 5."""


class Origin(msgspec.Struct, frozen=True):
    """Whom to connect to."""

    host: str
    port: int
    tls: bool


class Pool:
    """Makes, lends and keeps connections. Make it inside the running loop; close it."""

    def __init__(self, *, connect_s: float) -> None:
        self._connect_s = connect_s
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(MOST)
        self._idle: dict[Origin, deque[Connection]] = {}
        """The one used last stands last."""
        self._all: set[Connection] = set()
        self._tls: ssl.SSLContext | None = None

    async def take(self, origin: Origin, *, limit_s: float) -> Connection:
        """A connection that was usable a moment ago; give it back. Raises NotConnectedError."""
        if self._slots.locked():
            try:
                async with asyncio.timeout(limit_s):
                    await self._slots.acquire()
            except TimeoutError as error:
                raise NotConnectedError("all connections are in use") from error
        else:
            await self._slots.acquire()
        try:
            return self._kept(origin) or await self._connect(origin, min(self._connect_s, limit_s))
        except BaseException:
            self._slots.release()
            raise

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep it for the next request, or close it if its answer did not come whole."""
        self._slots.release()
        if connection.usable:
            connection.idle_since = self._loop.time()
            self._idle.setdefault(origin, deque()).append(connection)
        else:
            self._drop(connection)

    async def close(self) -> None:
        """Close every connection; who waits for an answer gets none."""
        self._idle.clear()
        for connection in tuple(self._all):
            self._drop(connection)
        await asyncio.sleep(0)  # the transports close at the loop's next turn

    def _kept(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        if not idle:
            return None
        oldest = self._loop.time() - KEEP_S
        while idle and (idle[0].idle_since < oldest or not idle[0].usable):
            self._drop(idle.popleft())
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
            self._drop(connection)
        return None

    async def _connect(self, origin: Origin, limit_s: float) -> Connection:
        connection = Connection(self._loop)
        try:
            async with asyncio.timeout(limit_s):
                await self._open(origin, connection)
        except (OSError, ValueError) as error:  # refused, no such name, no name at all, no time, no good certificate
            connection.close()
            raise NotConnectedError(why_unreached(error)) from error
        except BaseException:  # cancelled, perhaps in the moment in which it stood
            connection.close()
            raise
        if not connection.usable:  # its end came along with the end of the handshake
            connection.close()
            raise NotConnectedError("the other side closed the connection at once")
        self._all.add(connection)
        return connection

    async def _open(self, origin: Origin, connection: Connection) -> None:
        infos = await self._loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        found = await aiohappyeyeballs.start_connection(infos, happy_eyeballs_delay=NEXT_ADDRESS_S)
        try:
            await self._loop.create_connection(
                lambda: connection,
                sock=found,
                ssl=self._context() if origin.tls else None,
                server_hostname=origin.host if origin.tls else None,
            )
        except BaseException:
            found.close()
            raise

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:  # reading the authorities takes a while
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def _drop(self, connection: Connection) -> None:
        self._all.discard(connection)
        connection.close()
