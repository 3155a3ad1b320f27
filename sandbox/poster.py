"""Posts signed webhooks as Twilio does, with its retries, and to this machine only.

Owns the outgoing HTTP requests of the sandbox. What is tried again is decided in `sandbox/overrides.py`. Redirects are
not followed, no proxy is used, and a URL that is not loopback is refused and reported instead of posted.
"""

import asyncio
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from sandbox.loopback import is_loopback_url
from sandbox.overrides import Overrides, decide_retry, parse_failure, parse_overrides
from sandbox.posts import Attempt, Failure, PostResult
from sandbox.signature import sign
from sandbox.webhooks import Form

MAX_CONNECTIONS = 200
KEEP_ALIVE_S = 2.0
"""Shorter than any server's, so that no request is written into a connection that the other side is closing."""


class Poster:
    """One pool of connections, opened at the first post."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: str, form: Form, *, auth_token: str, idempotency_token: str, method: str = "POST"
    ) -> PostResult:
        """Post until an answer is good, the retries of the URL are used up, or its total time is over."""
        called, overrides = parse_overrides(url)
        if not is_loopback_url(called):
            return PostResult(refused=f"{called} is not on this machine; the sandbox posts only to loopback addresses")
        if method == "GET":
            called, form = f"{called}{'&' if '?' in called else '?'}{urlencode(form)}", []
        headers = _headers(sign(auth_token=auth_token, url=called, params=form), idempotency_token)
        body = urlencode(form).encode()
        clock = asyncio.get_running_loop().time
        end = clock() + overrides.total_time_ms / 1000
        attempts: list[Attempt] = []
        while True:
            attempts.append(await self._try(method, called, body, headers, overrides, left_s=end - clock()))
            left_ms = (end - clock()) * 1000
            if not decide_retry(attempts[-1].failure, overrides, tries=len(attempts), left_ms=left_ms):
                return PostResult(attempts=tuple(attempts))

    async def close(self) -> None:
        """Close the connections; a later post opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _try(
        self, method: str, url: str, body: bytes, headers: dict[str, str], overrides: Overrides, *, left_s: float
    ) -> Attempt:
        timeout = aiohttp.ClientTimeout(
            total=left_s,
            sock_connect=overrides.connect_timeout_ms / 1000,
            sock_read=overrides.read_timeout_ms / 1000,
        )
        try:
            async with self._open().request(
                method,
                URL(url, encoded=True),  # byte for byte what was signed
                data=body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                await answer.read()
                return Attempt(url=url, status=answer.status, failure=parse_failure(answer.status))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Attempt(url=url, failure=Failure.CONNECT)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Attempt(url=url, failure=Failure.READ)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _headers(signature: str, idempotency_token: str) -> dict[str, str]:
    return {
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "I-Twilio-Idempotency-Token": idempotency_token,
        "User-Agent": "TwilioProxy/1.1",
        "X-Home-Region": "us1",
        "X-Twilio-Signature": signature,
    }
