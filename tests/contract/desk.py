"""What the contract's tests share: a gateway made from a configuration as people write it, asked like Twilio asks it.

The ASGI app is the real one, Redis too, signatures are made by Twilio's own SDK. Time passes by `pass_time`, which ages
every key at once instead of waiting.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from redis.asyncio import Redis
from starlette.applications import Starlette
from twilio.request_validator import RequestValidator

from ingress.app import create_app
from shared.admission import Verdict
from shared.keys import Keys, Stage, conversation_id
from shared.pairing import approve, list_requests
from shared.records import InboundText, PairingRequest, Reply, decode_inbound_text, decode_reply
from shared.redis_client import connect, load_list
from shared.settings import Settings, load_settings
from tests.conftest import PREFIX

SID, TOKEN = "AC" + "1" * 32, "the auth token"
OURS = "+15550001111"
URL = "https://gate.example.com/webhooks/sms"
ANN, BOB, CAT = "+15557650001", "+15557650002", "+15557650003"

BLOCK: dict[str, Any] = {
    "accountSid": SID,
    "authToken": TOKEN,
    "fromNumber": OURS,
    "publicWebhookUrl": URL,
}
"""A `channels.sms` block that loads and receives; everything else is at its default."""

Pairs = Sequence[tuple[str, str]]

LIMIT_S = 30.0
"""How long any fact may take before a test fails; far more than it takes."""

_numbers = itertools.count(1)


class Multi(dict[str, str]):
    """Form fields as the SDK's validator takes repeated ones."""

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        self._pairs = tuple(pairs)

    def getlist(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]


def sdk_signature(pairs: Pairs, *, token: str = TOKEN, url: str = URL, algorithm: str = "HMAC_SHA1") -> str:
    """What Twilio would send, as Twilio's own SDK computes it."""
    return str(RequestValidator(token).compute_signature(url, Multi(pairs), algorithm))  # type: ignore[no-untyped-call]


def new_sid() -> str:
    return f"SM{next(_numbers):032x}"


def form_of(body: str = "hello", *, sender: str = ANN, **fields: str) -> dict[str, str]:
    """The form of one text; a field given as an empty string stays, as Twilio posts it."""
    sid = fields.get("MessageSid", new_sid())
    return {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": SID,
        "From": sender,
        "To": OURS,
        "Body": body,
        "NumMedia": "0",
        "FromCity": "",
        "SmsStatus": "received",
        **fields,
    }


class Door:
    """One replica of the ingress."""

    def __init__(self, app: Starlette, redis: Redis, settings: Settings) -> None:
        self.app = app
        self.redis = redis
        self.settings = settings
        self.keys = Keys(PREFIX)
        self.sent: list[dict[str, Any]] = []
        """The ASGI messages of the last answer."""

    async def ask(
        self,
        body: bytes = b"",
        *,
        method: str = "POST",
        path: str = "/webhooks/sms",
        query: str = "",
        signature: str | None = None,
        content_type: str = "application/x-www-form-urlencoded",
        client: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> int:
        """One request as it stands; the status."""
        self.sent = []
        fields = [("content-type", content_type), *headers]
        fields += [] if signature is None else [("x-twilio-signature", signature)]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            self.sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in fields],
            "client": (client, 4711) if client else None,
            "app": self.app,
        }
        await self.app(scope, receive, send)
        status: int = self.sent[0]["status"]
        return status

    async def post(
        self, form: Mapping[str, str] | Pairs, *, token: str = TOKEN, url: str = URL, query: str = "", **more: Any
    ) -> int:
        """A webhook that Twilio signed for `url`; the status."""
        pairs = list(form.items()) if isinstance(form, Mapping) else list(form)
        signature = sdk_signature(pairs, token=token, url=url)
        return await self.ask(urlencode(pairs).encode(), signature=signature, query=query, **more)

    async def text(self, sender: str, body: str = "hello", **fields: str) -> Verdict:
        """A person texts; what became of it. Twilio is told 200 in any case."""
        form = form_of(body, sender=sender, **fields)
        assert await self.post(form) == 200
        return await self.verdict(form["MessageSid"])

    async def verdict(self, message_sid: str, account: str = "default") -> Verdict:
        """What is remembered of a message: the first word of it is the verdict."""
        remembered = await self.redis.get(self.keys.seen(account, message_sid))
        return Verdict(remembered.decode().partition(" ")[0])

    async def stored(self, sender: str, account: str = "default") -> list[InboundText]:
        """What waits for the agent."""
        lane = self.keys.lane(Stage.AGENT, conversation_id(account, sender))
        return [decode_inbound_text(record) for record in await load_list(self.redis, lane.list, 0, -1)]

    async def replies(self, person: str, account: str = "default") -> list[Reply]:
        """What is on its way to a person."""
        lane = self.keys.lane(Stage.FORMAT, conversation_id(account, person))
        return [decode_reply(record) for record in await load_list(self.redis, lane.list, 0, -1)]

    async def requests(self, account: str = "default") -> list[PairingRequest]:
        return await list_requests(self.redis, self.keys, account)

    async def approve(self, person: str) -> None:
        (code,) = [request.code for request in await self.requests() if request.sender == person]
        await approve(self.redis, self.keys, code)


class Desk:
    """A folder with a configuration file, and doors that open with it."""

    def __init__(self, folder: Path, redis: Redis, redis_url: str) -> None:
        self.file = folder / "textgate.json5"
        self.redis = redis
        self.redis_url = redis_url

    def write(self, text: str) -> None:
        self.file.write_text(text)
        self.file.chmod(0o600)

    def load(self, environ: Mapping[str, str] | None = None, **sections: Any) -> Settings:
        """Settings of a file with these sections."""
        self.write(json.dumps(sections))
        return load_settings(self.file, {"HOME": str(self.file.parent), **(environ or {})})

    def load_block(self, **block: Any) -> Settings:
        """Settings of a `channels.sms` block laid over one that loads."""
        return self.load(channels={"sms": {**BLOCK, **block}})

    @contextlib.asynccontextmanager
    async def opened(self, **block: Any) -> AsyncIterator[Door]:
        """A door whose `channels.sms` is a block that loads, with these keys over it."""
        async with self.opened_with(channels={"sms": {**BLOCK, **block}}) as door:
            yield door

    @contextlib.asynccontextmanager
    async def opened_with(self, **sections: Any) -> AsyncIterator[Door]:
        """A door with these sections."""
        settings = self.load(**{"redis": {"prefix": PREFIX}, **sections})
        app = create_app(settings, connect(self.redis_url))
        lifespan = app.router.lifespan_context(app)
        await lifespan.__aenter__()
        try:
            yield Door(app, self.redis, settings)
        finally:  # as a server does it: the app is told to stop, whatever went wrong outside
            await lifespan.__aexit__(None, None, None)


async def eventually(fact: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a fact, at most `LIMIT_S`."""
    deadline = asyncio.get_running_loop().time() + LIMIT_S
    while not await fact():
        assert asyncio.get_running_loop().time() < deadline, f"{fact.__qualname__} did not come true"
        await asyncio.sleep(0.02)


async def pass_time(redis: Redis, seconds: float) -> None:
    """Age everything: keys whose time has come are gone, the others live shorter; so do pending pairing requests."""
    async for key in redis.scan_iter(count=1000):
        left_ms = await redis.pttl(key)
        if left_ms >= 0:
            await redis.pexpire(key, max(left_ms - int(seconds * 1000), 0))
        if b":pairing:pending:" in key:
            for code, _ in await redis.zrange(key, 0, -1, withscores=True):
                await redis.zincrby(key, -seconds * 1000, code)
