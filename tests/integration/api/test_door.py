"""Who may do what: tokens, scopes, accounts, limits; and that the API is only there while it has tokens."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from ingress.api.routes import ApiRoutes
from ingress.app import create_app
from shared.keys import Keys
from shared.reload import SettingsWatcher
from shared.settings import load_settings
from tests.integration.api.conftest import ANN, SETTINGS, TOKEN, Caller, running

MESSAGE = f"/v1/messages/{'a' * 16}-api-1"
CONVERSATION = f"/v1/conversations/{'a' * 16}"


@pytest.mark.parametrize("path", ["/v1/messages", MESSAGE, CONVERSATION])
@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        ("", "Bearer"),
        ("Bearer", 'Bearer error="invalid_token"'),
        ("Bearer ", 'Bearer error="invalid_token"'),
        ("Bearer wrong", 'Bearer error="invalid_token"'),
        (f"Bearer {TOKEN}x", 'Bearer error="invalid_token"'),
        (f"Bearer {TOKEN[:-1]}", 'Bearer error="invalid_token"'),
        (f"Basic {TOKEN}", 'Bearer error="invalid_token"'),
        (TOKEN, 'Bearer error="invalid_token"'),
        ("Bearer tökén", 'Bearer error="invalid_token"'),
    ],
)
async def test_a_missing_or_wrong_token_gets_401_and_touches_nothing(
    api: Caller, redis: Redis, path: str, authorization: str, challenge: str
) -> None:
    method = "POST" if path == "/v1/messages" else "GET"
    answer = await api.call(method, path, token=None, headers={"authorization": authorization} if authorization else {})
    assert (answer.status, answer.problem) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == challenge
    assert await redis.dbsize() == 0


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_may_be_spelled_as_one_likes(api: Caller, scheme: str) -> None:
    answer = await api.get(MESSAGE, token=None, headers={"authorization": f"{scheme} {TOKEN}"})
    assert answer.problem == "not-found"


@pytest.mark.parametrize(
    ("token", "sends", "reads"),
    [("token-of-automation", 202, 404), ("token-of-sender", 202, 403), ("token-of-reader", 403, 404)],
)
async def test_a_token_does_what_its_scopes_say(api: Caller, token: str, sends: int, reads: int) -> None:
    answers = [
        (await api.post({"to": ANN, "text": "hello"}, token=token), sends, "messages:send"),
        (await api.get(MESSAGE, token=token), reads, "messages:read"),
        (await api.get(CONVERSATION, token=token), reads, "messages:read"),
    ]
    for answer, status, scope in answers:
        assert answer.status == status
        if status == 403:
            assert answer.problem == "scope-missing"
            assert answer.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'


async def test_a_token_sees_its_own_accounts_only(api: Caller) -> None:
    posted = {
        account: (await api.post({"to": ANN, "text": "hello", "account": account})).json
        for account in ("default", "shop")
    }
    for account, status in (("default", 404), ("shop", 200)):
        for path in posted[account]["links"].values():
            assert (await api.get(path, token="token-of-keeper")).status == status
            assert (await api.get(path)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "problem", "allow"),
    [
        ("GET", "/v1/messages", "method-not-allowed", {"POST"}),
        ("POST", MESSAGE, "method-not-allowed", {"DELETE", "GET", "HEAD"}),
        ("POST", CONVERSATION, "method-not-allowed", {"GET", "HEAD"}),
        ("GET", "/v1/", "not-found", set()),
        ("GET", "/v1/messages/", "not-found", set()),
        ("GET", "/v1/nothing", "not-found", set()),
        ("GET", "/v1/messages/a/b", "not-found", set()),
    ],
)
async def test_what_is_not_there_is_a_problem_document_too(
    api: Caller, method: str, path: str, problem: str, allow: set[str]
) -> None:
    answer = await api.call(method, path)
    assert answer.problem == problem
    assert set(filter(None, answer.headers.get("allow", "").split(", "))) == allow


async def test_a_token_that_asks_too_often_gets_429_and_the_others_do_not(
    api: Caller, redis: Redis, keys: Keys
) -> None:
    statuses = [(await api.get(MESSAGE, token="token-of-hasty")).status for _ in range(4)]
    assert statuses == [404, 404, 404, 429]
    answer = await api.post({"to": ANN, "text": "hello"}, token="token-of-hasty")
    assert answer.problem == "too-many-requests"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (await api.get(MESSAGE)).status == 404
    assert await redis.get(keys.api_rate("automation")) is None, "without a limit nothing is counted"


async def test_without_tokens_there_is_no_api(redis_url: str, redis: Redis) -> None:
    async with running(redis_url, msgspec.structs.replace(SETTINGS, api_tokens=())) as api:
        for method, path in (("POST", "/v1/messages"), ("GET", MESSAGE), ("GET", "/v1/openapi.json")):
            answer = await api.call(method, path)
            assert answer.status == 404
            assert answer == await api.call(method, "/nothing/here"), "nothing tells that there could be one"


async def test_the_description_needs_no_token(api: Caller) -> None:
    answer = await api.get("/v1/openapi.json", token=None)
    assert (answer.status, answer.json["openapi"]) == (200, "3.1.0")


async def test_the_log_names_callers_and_messages_but_no_person_text_or_token(api: Caller) -> None:
    with capture_logs() as events:
        posted = (await api.post({"to": ANN, "text": "a private matter"}, key="k")).json
        await api.get(posted["links"]["self"])
        await api.post({"to": f"{ANN}0000000000", "text": "a private matter"})
        await api.post({"to": ANN}, token="a wrong token")
    lines = [event for event in events if event["event"] == "api_request"]
    assert [(event["status"], event.get("problem"), event["token"]) for event in lines] == [
        (202, None, "automation"),
        (200, None, "automation"),
        (400, "invalid-request", "automation"),
        (401, "unauthorized", None),
    ]
    assert lines[0]["message"] == lines[1]["message"] == posted["id"]
    assert not any(secret in str(events) for secret in (ANN[1:], "private", TOKEN, "a wrong token"))


class Desk:
    """A configuration file and an ingress that watches it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "textgate.json5"
        self.ticks = 0
        self.sms: dict[str, Any] = {
            "accountSid": "AC" + "1" * 32,
            "authToken": "twilio",
            "fromNumber": "+15550001111",
            "defaultTo": ANN,
        }

    def write(self, **tokens: str) -> None:
        entries = {name: {"token": secret, "scopes": ["messages:send"]} for name, secret in tokens.items()}
        self.file.write_text(json.dumps({"channels": {"sms": self.sms}, "api": {"tokens": entries}}))
        self.file.chmod(0o600)
        self.ticks += 1
        os.utime(self.file, ns=(self.ticks * 10**9, self.ticks * 10**9))


async def test_a_reload_turns_tokens_on_and_off(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    desk = Desk(tmp_path)
    desk.write()
    settings = msgspec.structs.replace(load_settings(desk.file, {}), redis=SETTINGS.redis)
    app = create_app(settings, redis)
    (routes,) = [route for route in app.routes if isinstance(route, ApiRoutes)]
    watcher = SettingsWatcher(settings, apply=routes.replace, environ={})
    caller = Caller(app)
    hello = {"text": "hello"}
    assert (await caller.post(hello)).status == 404

    desk.write(first="0123456789abcdef")
    await watcher.look()
    assert (await caller.post(hello, token="0123456789abcdef")).status == 202
    desk.write(second="fedcba9876543210")
    desk.sms["defaultTo"] = None
    await watcher.look()
    assert (await caller.post(hello, token="0123456789abcdef")).status == 401
    assert (await caller.post(hello, token="fedcba9876543210")).status == 202
    desk.write(second="fedcba9876543210")
    await watcher.look()
    assert (await caller.post(hello, token="fedcba9876543210")).status == 400, "accounts are those of now, too"
    desk.write()
    await watcher.look()
    assert (await caller.post(hello, token="fedcba9876543210")).status == 404


async def test_the_running_ingress_follows_its_file(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    """The watcher of the app itself, not one of this test."""
    desk = Desk(tmp_path)
    desk.write()
    settings = msgspec.structs.replace(load_settings(desk.file, {}), redis=SETTINGS.redis)
    async with running(redis_url, settings) as api, asyncio.timeout(20):
        desk.write(first="0123456789abcdef")
        status = 404
        while status == 404:
            await asyncio.sleep(0.02)
            status = (await api.post({"text": "hello"}, token="0123456789abcdef")).status
        assert status == 202
