"""The gateway under fire: five accounts with different policies behind the real ASGI app, and a real Redis.

`Gate.volley` hurls many requests at once; an exception that leaves the app, or a second answer, fails right there.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
from redis.asyncio import Redis
from starlette.applications import Starlette

from ingress.app import create_app
from shared.keys import Keys
from shared.phone import Address
from shared.redis_client import connect
from shared.secrets import Secret
from shared.settings import Account, DmPolicy, RateLimits, RedisSettings, Settings
from tests.conftest import PREFIX

DOCUMENTED = frozenset({200, 400, 403, 404, 405, 408, 413, 429})
"""Mission §2; 503 as well, but only while Redis is away, which it is not here."""

NO_ANSWER = 0
"""The client hung up: nobody is left to answer."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One request, byte by byte."""

    method: str = "POST"
    path: str = "/open"
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    chunks: tuple[bytes, ...] = (b"",)
    """The body as it arrives."""
    hangs_up: bool = False
    """The client goes away before the body is complete."""
    stalls: bool = False
    """The client sends no more and does not go away."""

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def as_one_piece(self) -> Self:
        """The same for people: its body in one chunk."""
        return msgspec.structs.replace(self, chunks=(self.body,))

    def header(self, name: bytes) -> bytes:
        """The last one of that name, as a server that joins nothing sees it."""
        return dict(self.headers).get(name, b"")


def account(name: str, policy: DmPolicy, **more: Any) -> Account:
    return Account(
        id=name,
        webhook_path=f"/{name}",
        public_webhook_url=more.pop("public_webhook_url", f"https://gate.example.com/{name}"),
        account_sid="AC" + name.encode().hex().ljust(32, "0"),
        auth_token=Secret(f"token of {name}"),
        from_number=more.pop("from_number", Address("+15550001111")),
        dm_policy=policy,
        rate_limits=RateLimits(
            per_sender_per_minute=0,
            per_account_per_minute=0,
            failed_signatures_per_minute=more.pop("failed_signatures_per_minute", 0),
        ),
        **more,
    )


LISTED = tuple(Address(f"+1555765{i:04}") for i in range(20))
"""Whom `allowFrom` names."""

ACCOUNTS = {
    each.id: each
    for each in (
        account(
            "open",
            DmPolicy.OPEN,
            allow_all=True,
            auth_token_secondary=Secret("second token of open"),
            public_webhook_url="https://gate.example.com/open#rc=3&rp=ct,rt,5xx",
        ),
        account("pairing", DmPolicy.PAIRING, allow_from=frozenset(LISTED[:5])),
        account("allow", DmPolicy.ALLOWLIST, allow_from=frozenset(LISTED), failed_signatures_per_minute=25),
        account("off", DmPolicy.DISABLED, allow_from=frozenset(LISTED)),
        account(
            "service",
            DmPolicy.OPEN,
            allow_all=True,
            from_number=None,
            messaging_service_sid="MG" + "5" * 32,
            public_webhook_url="https://gate.example.com:8443/public/service?tenant=a%20b&x=",
        ),
    )
}


class Gate:
    """One replica of the ingress."""

    def __init__(self, app: Starlette, redis: Redis) -> None:
        self.app = app
        self.redis = redis
        self.keys = Keys(PREFIX)

    async def volley(self, webhooks: Sequence[Webhook]) -> list[int]:
        """All at once; their statuses. They reach Redis in the order given."""
        told = await asyncio.gather(*(self._send(webhook) for webhook in webhooks), return_exceptions=True)
        for webhook, status in zip(webhooks, told, strict=True):
            if isinstance(status, BaseException):
                raise AssertionError(f"{webhook.as_one_piece()} made the app raise") from status
        return [status for status in told if isinstance(status, int)]

    async def _send(self, webhook: Webhook) -> int:
        status = NO_ANSWER
        left = list(webhook.chunks)
        ended = False

        async def receive() -> dict[str, Any]:
            if not left and webhook.stalls:
                await asyncio.Event().wait()
            if not left and webhook.hangs_up:
                return {"type": "http.disconnect"}
            chunk = left.pop(0) if left else b""
            return {
                "type": "http.request",
                "body": chunk,
                "more_body": bool(left) or webhook.hangs_up or webhook.stalls,
            }

        async def send(message: Any) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                assert status == NO_ANSWER, "answered twice"
                status = message["status"]
            else:
                assert not ended
                assert len(message.get("body", b"")) < 100, "an answer holds no detail"
                ended = not message.get("more_body", False)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": webhook.method,
            "path": webhook.path,
            "raw_path": webhook.path.encode(),
            "root_path": "",
            "query_string": webhook.query,
            "headers": list(webhook.headers),
            "client": ("203.0.113.7", 4711),
            "server": ("127.0.0.1", 8080),
            "app": self.app,
        }
        await self.app(scope, receive, send)
        assert ended or (status == NO_ANSWER and webhook.hangs_up)
        return status


@contextlib.asynccontextmanager
async def opened(redis_url: str) -> AsyncIterator[Gate]:
    """The app with an empty Redis."""
    settings = Settings(accounts=ACCOUNTS, state_dir=Path("/nowhere"), redis=RedisSettings(prefix=PREFIX))
    redis = connect(redis_url)
    await redis.flushall()
    app = create_app(settings, connect(redis_url))
    lifespan = app.router.lifespan_context(app)
    await lifespan.__aenter__()
    try:
        yield Gate(app, redis)
    finally:
        await lifespan.__aexit__(None, None, None)
        await redis.flushall()
        await redis.aclose()
