"""Fetches one file from Twilio: with credentials from its API, without any from its content network, within bounds.

One redirect is followed, after it was checked. Names are resolved to public addresses only, and the connection goes to
the very address that was checked. With an API base (a stand-in on this machine) both hosts are replaced by that one,
after the checks, and the host that was meant travels in `X-Original-Host`.
"""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import msgspec
from yarl import URL

from workers.media.rules import MediaError, check_content, check_redirect, in_megabytes
from workers.media.sniff import HEAD_BYTES, FileType
from workers.public_addresses import PublicResolver, leads_inside

CONNECT_S = 5.0
SILENCE_S = 10.0
"""How long the other side may say nothing; how long all of it may take is the caller's matter."""

CHUNK_BYTES = 65_536
TRIES = 2
"""What Twilio answers with a 5xx, or a broken connection, is asked for once more."""

PAUSE_S = 0.5

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Budget(msgspec.Struct):
    """What all files of a turn may still take together."""

    left_bytes: int


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """One file on this machine."""

    path: Path
    kind: FileType
    size_bytes: int


class _AgainError(Exception):
    """It may go well the next time."""


def open_session(api_base: str | None) -> aiohttp.ClientSession:
    """A session for the files of one turn; the caller closes it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=8, resolver=None if api_base else PublicResolver()),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


class Fetcher:
    """Fetches with the credentials of one account."""

    def __init__(self, session: aiohttp.ClientSession, credentials: tuple[str, str], api_base: str | None) -> None:
        self._session = session
        self._auth = aiohttp.encode_basic_auth(*credentials)
        self._api_base = urlsplit(api_base) if api_base else None

    async def fetch(self, url: str, to: Path, *, declared: str, limit_bytes: int, budget: Budget) -> Fetched:
        """Bring the file of a checked URL to `to` plus its extension. Raises MediaError."""
        for left in reversed(range(TRIES)):
            try:
                return await self._follow(url, to, declared, limit_bytes, budget)
            except (_AgainError, aiohttp.ClientError, OSError) as error:
                if leads_inside(error):
                    raise MediaError("its host leads to an address that is not public") from error
                if not left:
                    words = str(error) if isinstance(error, _AgainError) else "the connection to Twilio failed"
                    raise MediaError(words) from error
                await asyncio.sleep(PAUSE_S)
        raise AssertionError("unreachable")

    async def _follow(self, url: str, to: Path, declared: str, limit_bytes: int, budget: Budget) -> Fetched:
        async with self._get(url, {"Authorization": self._auth}) as answer:
            if answer.status not in _REDIRECTS:
                return await _store(answer, to, declared, limit_bytes, budget)
            target = check_redirect(answer.headers.get("Location", ""))
        async with self._get(target, {}) as answer:
            if answer.status in _REDIRECTS:
                raise MediaError("Twilio redirects more than once")
            return await _store(answer, to, declared, limit_bytes, budget)

    def _get(self, url: str, headers: dict[str, str]) -> "aiohttp.client._RequestContextManager":
        headers = {**headers, "Accept-Encoding": "identity", "User-Agent": "Textgate"}
        if self._api_base is not None:
            parts = urlsplit(url)
            headers["X-Original-Host"] = parts.hostname or ""
            url = urlunsplit(parts._replace(scheme=self._api_base.scheme, netloc=self._api_base.netloc))
        return self._session.get(URL(url, encoded=True), headers=headers, allow_redirects=False)


async def _store(answer: aiohttp.ClientResponse, to: Path, declared: str, limit_bytes: int, budget: Budget) -> Fetched:
    if answer.status >= 500 or answer.status == 429:
        raise _AgainError(f"Twilio answered HTTP {answer.status}")
    if answer.status != 200:
        raise MediaError(f"Twilio answered HTTP {answer.status}")
    if (answer.content_length or 0) > limit_bytes:
        raise _too_large(limit_bytes)
    content = answer.content.iter_chunked(CHUNK_BYTES)
    head = b""
    async for chunk in content:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    kind = check_content(head[:HEAD_BYTES], declared)
    path = to.with_suffix(kind.extension)
    size_bytes = 0
    file = await asyncio.to_thread(path.open, "xb")
    try:
        while head:
            size_bytes += len(head)
            budget.left_bytes -= len(head)
            if budget.left_bytes < 0:
                raise MediaError("the files of this turn are too large together")
            if size_bytes > limit_bytes:
                raise _too_large(limit_bytes)
            await asyncio.to_thread(file.write, head)
            head = await answer.content.read(CHUNK_BYTES)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        file.close()
    return Fetched(path=path, kind=kind, size_bytes=size_bytes)


def _too_large(limit_bytes: int) -> MediaError:
    return MediaError(f"it is larger than {in_megabytes(limit_bytes)}")
