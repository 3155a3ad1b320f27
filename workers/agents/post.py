"""One HTTP POST to an agent's endpoint: bounded, following no redirect, its faults cut by what may be done next.

The whole time is bounded by the turn (`agent.timeoutSeconds`); here only the connecting is.
"""

import email.utils
import time

import aiohttp
import msgspec

from shared.errors import PermanentError, TextgateError, TransientError
from workers.agents.failures import describe, shorten

CONNECT_S = 10.0
MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_RETRY_AFTER_S = 3600.0

_TRANSIENT = frozenset({408, 409, 421, 423, 425, 429})
"""Client errors that go away by themselves; the 5xx are all taken to do so."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came back."""

    status: int
    content_type: str
    """In small letters, without parameters."""
    retry_after_s: float | None
    body: bytes


class Poster:
    """Posts for one agent, over connections that are kept."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answered:
        """Raises TransientError if the other side cannot be reached, PermanentError if it says too much."""
        session = self._session = self._session or _session()  # made here: it belongs to the running loop
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return Answered(
                    status=response.status,
                    content_type=response.content_type.lower(),
                    retry_after_s=retry_after_s(response.headers.get("retry-after"), now_s=time.time()),
                    body=await _read(response),
                )
        except aiohttp.InvalidURL as error:
            raise PermanentError("the agent's URL is none", code="agent-url", hint="mend the URL") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(f"the agent cannot be reached: {describe(error)}", code="agent-unreachable") from error

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()


def retry_after_s(header: str | None, *, now_s: float) -> float | None:
    """How long the other side asks to wait, in seconds or as a date; else None. Source: RFC 9110, 10.2.3."""
    if header is None:
        return None
    try:
        asked = float(header)
    except ValueError:
        try:
            asked = email.utils.parsedate_to_datetime(header).timestamp() - now_s
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(0.0, asked), MAX_RETRY_AFTER_S)


def fault_of(answer: Answered, *, said: str, hint: str) -> TextgateError:
    """What a status that is no success means. `said` are the other side's words, `hint` what the operator may do."""
    words = f"the agent answered {answer.status}" + (f": {shorten(said, 200)}" if said else "")
    code = f"agent-{answer.status}"
    if answer.status >= 500 or answer.status in _TRANSIENT:
        return TransientError(words, code=code, retry_after_s=answer.retry_after_s)
    if 300 <= answer.status < 400:
        hint = "redirects are not followed: configure the address that it leads to"
    return PermanentError(words, code=code, hint=hint)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise PermanentError(
                f"the agent's answer is larger than {MAX_ANSWER_BYTES} bytes",
                code="agent-answer-too-large",
                hint="make the agent say less",
            )
    return bytes(body)


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),  # one person's cookie must not come along with another's turn
        connector=aiohttp.TCPConnector(limit=0),  # `workers.agent.concurrency` is the limit
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        headers={"user-agent": "textgate"},
    )
