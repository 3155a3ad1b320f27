"""The API through the real ASGI app and a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette

from ingress.app import create_app
from shared.keys import Keys, Stage, conversation_id
from shared.phone import Address
from shared.records import Reply, decode_reply
from shared.redis_client import connect, load_list
from shared.round_trip import execute
from shared.secrets import Secret
from shared.settings import Account, ApiScope, ApiToken, RedisSettings, Settings
from shared.turns import OpenTurn, TurnState, open_turn
from tests.conftest import PREFIX

ANN, BOB = "+12025550111", "+12025550122"
TOKEN = "token-of-automation"
BOTH = frozenset(ApiScope)


def account_of(account_id: str, **changes: Any) -> Account:
    return msgspec.structs.replace(
        Account(
            id=account_id,
            account_sid="AC" + "1" * 32,
            auth_token=Secret("twilio"),
            from_number=Address("+15550001111"),
            webhook_path=f"/webhooks/{account_id}",
        ),
        **changes,
    )


def token_of(name: str, secret: str, **changes: Any) -> ApiToken:
    return msgspec.structs.replace(ApiToken(name=name, secret=Secret(secret), scopes=BOTH), **changes)


SETTINGS = Settings(
    accounts={
        "default": account_of("default"),
        "shop": account_of("shop", default_to=Address(BOB)),
        "off": account_of("off", enabled=False),
    },
    default_account_id="default",
    api_tokens=(
        token_of("automation", TOKEN),
        token_of("sender", "token-of-sender", scopes=frozenset({ApiScope.SEND})),
        token_of("reader", "token-of-reader", scopes=frozenset({ApiScope.READ})),
        token_of("keeper", "token-of-keeper", accounts=frozenset({"shop"})),
        token_of("hasty", "token-of-hasty", requests_per_minute=3),
    ),
    state_dir=Path("/nowhere"),
    redis=RedisSettings(prefix=PREFIX),
)


class Answer(msgspec.Struct, frozen=True):
    """What the API said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def problem(self) -> str:
        """The type of the problem, without the common part; the document agrees with the status."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return str(self.json["type"]).removeprefix("urn:textgate:problem:")


class Caller:
    """A program that uses the API: one request at a time, straight into ASGI."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    async def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        token: str | None = TOKEN,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        given = {"authorization": f"Bearer {token}"} if token is not None else {}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in (given | (headers or {})).items()],
            "client": None,
        }
        await self.app(scope, receive, send)
        names = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], names, b"".join(message.get("body", b"") for message in sent[1:]))

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.call("GET", path, **options)

    async def post(self, document: Any = None, *, key: str | None = None, **options: Any) -> Answer:
        """POST /v1/messages with a JSON document, or with bytes as they are."""
        body = document if isinstance(document, bytes) else msgspec.json.encode(document)
        headers = {"content-type": "application/json", **({"idempotency-key": key} if key is not None else {})}
        return await self.call("POST", "/v1/messages", body, headers=headers | options.pop("headers", {}), **options)


async def opened_turn(redis: Redis, person: str, *, account: str = "default", turn: str = "7") -> str:
    """A turn whose agent was asked and has not answered; its key."""
    keys, conversation = Keys(PREFIX), conversation_id(account, person)
    await redis.hset(keys.conversation(conversation), Stage.AGENT.value, turn)  # type: ignore[misc]
    await redis.expire(keys.conversation(conversation), 3600)
    about = OpenTurn(account=account, conversation=conversation, to=person, message_sid="SM1", received_ms=1)
    (state,) = await execute(redis, [open_turn(keys=keys, turn=turn, about=about, ttl_ms=3_600_000)])
    assert TurnState(state.decode()) is TurnState.OPEN
    return f"{conversation}-{turn}"


@asynccontextmanager
async def running(redis_url: str, settings: Settings = SETTINGS) -> AsyncIterator[Caller]:
    """One ingress with these settings."""
    app = create_app(settings, connect(redis_url))
    async with app.router.lifespan_context(app):
        yield Caller(app)


@asynccontextmanager
async def served(redis_url: str) -> AsyncIterator[str]:
    """The real app behind a real server; its address."""
    settings = msgspec.structs.replace(
        SETTINGS,
        accounts={"default": account_of("default", default_to=Address(BOB)), "shop": account_of("shop")},
        api_tokens=(token_of("automation", TOKEN),),
    )
    app = create_app(settings, connect(redis_url))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def api(redis_url: str, redis: Redis) -> AsyncIterator[Caller]:
    async with running(redis_url) as caller:
        yield caller


async def waiting(redis: Redis, keys: Keys, to: str = ANN, account: str = "default") -> list[Reply]:
    """The messages to this person that wait to be formatted."""
    lane = keys.lane(Stage.FORMAT, conversation_id(account, to))
    return [decode_reply(record) for record in await load_list(redis, lane.list, 0, -1)]
