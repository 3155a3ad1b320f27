"""The format and outbound stages as the workers run them, turn by turn, through the real SDK against the sandbox."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from sandbox.config import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, DEFAULT_NUMBER, default_config
from sandbox.message import Direction, Message
from sandbox.server import RunningSandbox, serve
from shared.dead_letters import load_letters
from shared.keys import Keys, Stage, conversation_id
from shared.lanes import append
from shared.outbox import PartState, load_part_state
from shared.phone import Address
from shared.records import DeadLetter, Origin, Reply, encode
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call
from shared.secrets import Secret
from shared.settings import Account, RedisSettings, Settings
from tests.conftest import PREFIX
from workers import format as formatting, outbound
from workers.boundary import run_guarded
from workers.engine_jobs import PutOff
from workers.twilio_client import TwilioApi
from workers.work import Environment, Work

ANN, BOB = "+12025550111", "+12025550122"
SPECS = {Stage.FORMAT: formatting.SPEC, Stage.OUTBOUND: outbound.SPEC}


class Post:
    """One gateway's way out: what is handed to it goes to the sandbox when a turn is asked for."""

    def __init__(self, env: Environment, sandbox: RunningSandbox) -> None:
        self.env = env
        self.redis = env.redis
        self.keys = env.keys
        self.sandbox = sandbox
        self.facts: dict[str, Any] = {}
        """What the last turn logged."""
        self._replies = 0

    def configure(self, **changes: Any) -> None:
        """Change the account, as a reload does."""
        account = msgspec.structs.replace(self.env.settings.accounts["default"], **changes)
        self.env.settings = msgspec.structs.replace(self.env.settings, accounts={"default": account})

    async def do(self, call: Call) -> Any:
        (reply,) = await execute(self.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply

    def reply(self, *texts: str, to: str = ANN, **fields: Any) -> Reply:
        self._replies += 1
        given: dict[str, Any] = {"origin": Origin.OPERATOR, "created_ms": 1, **fields}
        conversation = conversation_id("default", to)
        return Reply(
            reply_id=f"{conversation}-test-{self._replies}",
            account_id="default",
            conversation=conversation,
            to=to,
            texts=texts,
            **given,
        )

    async def hand_in(self, *texts: str, to: str = ANN, **fields: Any) -> Reply:
        reply = self.reply(*texts, to=to, **fields)
        lane = self.keys.lane(Stage.FORMAT, reply.conversation)
        await self.do(append(lane=lane, stage=Stage.FORMAT, records=(encode(reply),)))
        return reply

    async def turn(self, stage: Stage, to: str = ANN) -> str:
        """One attempt at the head of the lane, as a worker makes it: its outcome, with the delay if it was put off."""
        conversation = conversation_id("default", to)
        lane = self.keys.lane(stage, conversation)
        number = await self.redis.hget(lane.state, stage.value)  # type: ignore[misc]
        work = Work(
            stage=stage,
            conversation=conversation,
            turn=number.decode() if number else "",
            lane=lane,
            records=await load_list(self.redis, lane.list, 0, SPECS[stage].take - 1),
            attempt=1,
            call=self.do,
            commit=self.do,
            facts={},
        )
        if not work.records:
            return "idle"
        try:
            await run_guarded(SPECS[stage], work, self.env, random.Random(7))
        except PutOff:
            pass
        finally:
            self.facts = work.facts
        return work.outcome

    async def drain(self, to: str = ANN, *, limit: int = 50) -> list[str]:
        """Turns of both stages until both lanes are idle; the outcomes of the outbound stage."""
        outcomes: list[str] = []
        for _ in range(limit):
            if await self.turn(Stage.FORMAT, to) == "idle":
                outcome = await self.turn(Stage.OUTBOUND, to)
                if outcome == "idle":
                    return outcomes
                outcomes.append(outcome)
        raise AssertionError(f"not idle after {limit} turns: {outcomes}")

    def got(self, phone: str = ANN) -> list[Message]:
        """What Twilio has for this phone, oldest first."""
        return [m for m in self.sandbox.state.messages() if m.direction is Direction.OUTBOUND_API and m.to == phone]

    async def state(self, part_id: str) -> PartState:
        state = await load_part_state(self.redis, self.keys, part_id)
        assert state is not None
        return state

    async def letters(self) -> list[DeadLetter]:
        return [kept.letter async for kept in load_letters(self.redis, self.keys)]


def account_of(**changes: Any) -> Account:
    account = Account(
        id="default",
        account_sid=DEFAULT_ACCOUNT_SID,
        auth_token=Secret(DEFAULT_AUTH_TOKEN),
        from_number=Address(DEFAULT_NUMBER),
        segments_per_second=0,
    )
    return msgspec.structs.replace(account, **changes)


@pytest.fixture
async def post(redis: Redis, keys: Keys) -> AsyncIterator[Post]:
    settings = Settings(
        accounts={"default": account_of()},
        default_account_id="default",
        redis=RedisSettings(prefix=PREFIX),
        state_dir=Path("/nowhere"),
    )
    async with serve(default_config()) as sandbox:
        twilio = TwilioApi(sandbox.base_url, timeout_s=5)
        yield Post(Environment(settings=settings, keys=keys, redis=redis, twilio=twilio), sandbox)
        await twilio.close()
        await sandbox.state.settle()
