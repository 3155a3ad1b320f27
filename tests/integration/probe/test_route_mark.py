"""The real ingress marks its answers, so that a look from outside tells it from a tunnel; it says nothing more."""

from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from ingress.app import create_app
from shared.redis_client import connect
from shared.route_mark import ROUTE_HEADER
from shared.settings import Account, RedisSettings, Settings

ACCOUNT = Account(id="default", account_sid="AC" + "0" * 32, public_webhook_url="https://sms.example.com/webhooks/sms")


@pytest.mark.parametrize(
    ("method", "path", "status", "mark"),
    [
        ("POST", "/webhooks/sms", 403, "webhook"),
        ("GET", "/webhooks/sms", 405, "webhook"),
        ("GET", "/healthz", 200, "health"),
        ("POST", "/elsewhere", 404, "none"),
    ],
)
async def test_each_kind_of_route_has_its_mark(
    redis_url: str, redis: Redis, method: str, path: str, status: int, mark: str
) -> None:
    settings = Settings(accounts={"default": ACCOUNT}, state_dir=Path("/nowhere"), redis=RedisSettings(prefix="test:"))
    app = create_app(settings, connect(redis_url))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/x-www-form-urlencoded")],
        "client": None,
    }
    async with app.router.lifespan_context(app):
        await app(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    assert (sent[0]["status"], headers[ROUTE_HEADER]) == (status, mark)
    assert set(headers) <= {"content-type", "content-length", "allow", ROUTE_HEADER}
