"""A phone of the sandbox, held by a program: it texts the gateway and sees what comes back.

Speaks the control routes of the sandbox over HTTP. Waits for the sandbox's events, never for time alone.
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout

from sandbox.message import Direction
from sandbox.wire import EventsAnswer, MessagesAnswer, MessageView, Summary, TextAnswer
from shared.errors import TextgateError

_HTTP_LIMIT_S = 20.0
_POLL_S = 5.0
"""Longest wait for one event before the messages are read again all the same."""


class PhoneError(TextgateError):
    """The sandbox did not do what a phone asked of it."""


class SandboxPhone:
    """One phone at one sandbox. Use as an async context manager."""

    def __init__(self, sandbox_url: str, *, number: str, gateway: str) -> None:
        self.number = number
        self._gateway = gateway
        self._url = sandbox_url
        self._session = ClientSession(timeout=ClientTimeout(total=_HTTP_LIMIT_S))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def text(self, body: str) -> MessageView:
        """Send a text; returns it once the gateway has answered the webhook with 200. Raises PhoneError if not."""
        document = {"from": self.number, "to": self._gateway, "body": body}
        answer = msgspec.json.decode(await self._ask("POST", "/texts", document), type=TextAnswer)
        if answer.webhook_status != 200:
            raise PhoneError(f"the gateway answered the webhook with {answer.webhook_status or 'nothing'}")
        return msgspec.json.decode(await self._ask("GET", f"/messages/{answer.sid}"), type=MessageView)

    async def received(self, *, after: int = 0) -> list[MessageView]:
        """What came to this phone, in order; `after`: only messages with a greater `seq`."""
        answer = msgspec.json.decode(await self._ask("GET", f"/messages?after={after}"), type=MessagesAnswer)
        return [m for m in answer.messages if m.to == self.number and m.direction is Direction.OUTBOUND_API]

    async def hear(self, is_last: Callable[[str], bool], *, after: int, limit_s: float) -> list[MessageView]:
        """What comes after `after`, up to the first text that `is_last` knows. Empty if none is, within the limit."""
        deadline = time.monotonic() + limit_s
        while True:
            last = msgspec.json.decode(await self._ask("GET", ""), type=Summary).last_event
            heard = await self.received(after=after)
            for index, message in enumerate(heard):
                if is_last(message.body):
                    return heard[: index + 1]
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return []
            await self.wait_for_event(after=last, limit_s=left_s)

    async def wait_for_event(self, *, after: int, limit_s: float) -> None:
        """Return when something happened after that event, or the limit (5 s at most) has passed."""
        wait = min(limit_s, _POLL_S)
        msgspec.json.decode(await self._ask("GET", f"/events?after={after}&wait={wait:.2f}"), type=EventsAnswer)

    async def _ask(self, method: str, path: str, document: object = None) -> bytes:
        try:
            async with self._session.request(method, f"{self._url}/sandbox{path}", json=document) as answer:
                body = await answer.read()
        except (ClientError, TimeoutError) as error:
            raise PhoneError(f"the sandbox does not answer: {type(error).__name__}") from error
        if answer.status >= 400:
            raise PhoneError(f"the sandbox refused {method} {path}: {body.decode(errors='replace')[:200]}")
        return body
