"""The real agent stage behind its real boundary on a real Redis: a person texts, a turn runs, and what came of it."""

import json
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from shared.keys import Keys, Stage, conversation_id
from shared.lanes import append
from shared.records import DeadLetter, InboundText, Reply, decode_dead_letter, decode_reply, encode
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call
from shared.settings import Settings, load_settings
from tests.integration.agents.endpoint import Endpoint, serving
from workers.agent import SPEC
from workers.agents.directory import Agents
from workers.boundary import run_guarded
from workers.engine_jobs import PutOff
from workers.work import Environment, Work

ANN = "+15557650001"
CONVERSATION = conversation_id("default", ANN)
BLOCK: dict[str, Any] = {
    "accountSid": "AC" + "1" * 32,
    "authToken": "token",
    "fromNumber": "+15550001111",
    "publicWebhookUrl": "https://gate.example.com/webhooks/sms",
}


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt came to."""

    outcome: str
    facts: dict[str, Any]
    put_off: PutOff | None


class Desk:
    """One conversation with the agent that the configuration names."""

    def __init__(self, folder: Path, redis: Redis, keys: Keys) -> None:
        self.folder = folder
        self.redis = redis
        self.keys = keys
        self._env: Environment | None = None
        self._agents: Agents | None = None
        self._texts = 0

    def load(self, agent: dict[str, Any], **environ: str) -> Settings:
        file = self.folder / "textgate.json5"
        file.write_text(json.dumps({"channels": {"sms": BLOCK}, "agent": agent, "redis": {"prefix": "test:"}}))
        file.chmod(0o600)
        return load_settings(file, {"HOME": str(self.folder), "PATH": "/usr/local/bin:/usr/bin:/bin", **environ})

    def answer_with(self, agent: dict[str, Any], **environ: str) -> None:
        """Start, or reload, with this `agent` section."""
        settings = self.load(agent, **environ)
        if self._env is None or self._agents is None:
            self._agents = Agents(settings.accounts)
            self._env = Environment(settings=settings, keys=self.keys, redis=self.redis, agents=self._agents)
        else:
            self._agents.replace(settings.accounts)
            self._env.settings = settings

    def remove_account(self) -> None:
        """Reload without any account."""
        assert self._env is not None
        assert self._agents is not None
        self._agents.replace({})
        self._env.settings = msgspec.structs.replace(self._env.settings, accounts={})

    async def text(self, body: str) -> None:
        self._texts += 1
        text = InboundText(
            message_sid=f"SM{self._texts:032x}",
            account_id="default",
            conversation=CONVERSATION,
            sender=ANN,
            recipient="+15550001111",
            body=body,
            received_ms=1_795_340_000_000 + self._texts,
        )
        lane = self.keys.lane(Stage.AGENT, CONVERSATION)
        await self.call(append(lane=lane, stage=Stage.AGENT, records=(encode(text),)))

    async def turn(self) -> Turned:
        """Run the conversation's current turn once."""
        assert self._env is not None
        lane = self.keys.lane(Stage.AGENT, CONVERSATION)
        turn = await self.redis.hget(lane.state, Stage.AGENT.value)  # type: ignore[misc]
        work = Work(
            stage=Stage.AGENT,
            conversation=CONVERSATION,
            turn=turn.decode(),
            lane=lane,
            records=await load_list(self.redis, lane.list, 0, SPEC.take - 1),
            attempt=1,
            call=self.call,
            commit=self.call,
            facts={},
        )
        put_off = None
        try:
            await run_guarded(SPEC, work, self._env, random.Random(1))
        except PutOff as order:
            put_off = order
            failed_ms = time.time_ns() // 1_000_000
            while time.time_ns() // 1_000_000 == failed_ms:
                """A second failure in this millisecond would count as the same one told twice (`lua/fail.lua`)."""
        return Turned(outcome=work.outcome, facts=work.facts, put_off=put_off)

    async def call(self, what: Call) -> Any:
        (reply,) = await execute(self.redis, [what])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def said(self) -> list[Reply]:
        """What waits to be formatted."""
        lane = self.keys.lane(Stage.FORMAT, CONVERSATION)
        return [decode_reply(record) for record in await load_list(self.redis, lane.list, 0, -1)]

    async def letters(self) -> list[DeadLetter]:
        ids = await self.redis.zrange(self.keys.dead, 0, -1)
        raw = [await self.redis.get(self.keys.dead_letter(letter_id.decode())) for letter_id in ids]
        return [decode_dead_letter(each) for each in raw if each is not None]

    async def close(self) -> None:
        if self._agents is not None:
            await self._agents.close()


@pytest.fixture
async def desk(tmp_path: Path, redis: Redis, keys: Keys) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path, redis, keys)
    yield desk
    await desk.close()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with serving() as running:
        yield running
