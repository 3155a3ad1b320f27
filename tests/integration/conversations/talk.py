"""One conversation, text by text and turn by turn, on a real Redis: the test is Twilio, the agent and the worker."""

import itertools
import random
import time
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from shared.admission import Verdict, commit_text
from shared.gate import Gate, Keyword
from shared.history import History, history_of, load_history
from shared.keys import Keys, Stage, conversation_id
from shared.phone import Address
from shared.records import InboundText, Reply, decode_reply
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call
from shared.settings import Account, AgentKind, AgentSection, DmPolicy, Settings
from shared.texts import Texts
from workers.agent import SPEC
from workers.agents.contract import Agent, Answer, Later, Turn
from workers.agents.directory import only
from workers.boundary import run_guarded
from workers.work import Environment, Work

ANN = "+15557650001"
OURS = "+15550001111"

OPEN = Gate(
    policy="open",
    sender_per_minute=0,
    account_per_minute=0,
    pairing_max_pending=3,
    debounce_ms=0,
)


async def nods(turn: Turn) -> Answer:
    """Answers what it was asked, by number."""
    return f"you said {turn.prompt}"


class Talk:
    """What one person and the gateway say to each other."""

    def __init__(self, redis: Redis, keys: Keys, *, sender: str = ANN, **agent: Any) -> None:
        self.redis = redis
        self.keys = keys
        self.sender = sender
        self.conversation = conversation_id("default", sender)
        self.section = AgentSection(kind=AgentKind.PYTHON, callable="any:one", **agent)
        self.gate = OPEN
        self.texts = Texts(name="the shop")
        self.seen: list[Turn] = []
        """What the agent was handed."""
        self.now_ms = time.time_ns() // 1_000_000
        """The person's clock: when the next text is received."""
        self._sids = itertools.count(1)

    async def text(self, *bodies: str, **more: Any) -> list[Verdict]:
        """The person sends these, one after another; what became of each."""
        return [await self.admitted(self.inbound(body, **more)) for body in bodies]

    def inbound(self, body: str, *, at_ms: int | None = None, **more: Any) -> InboundText:
        return InboundText(
            account_id="default",
            conversation=self.conversation,
            sender=self.sender,
            recipient=OURS,
            body=body,
            received_ms=self.now_ms if at_ms is None else at_ms,
            **{"message_sid": f"SM{self.sender[-8:]}{next(self._sids):024x}", **more},
        )

    async def admitted(self, text: InboundText, **more: Any) -> Verdict:
        how = {"listed": False, "keyword": Keyword.NONE, "now_ms": text.received_ms, **more}
        return await commit_text(self.send, keys=self.keys, gate=self.gate, text=text, **how)

    async def turn(self, agent: Agent = nods, *, attempt: int = 1) -> Work:
        """A worker takes the current turn, with what waits now."""
        return await self.run(await self.claim(attempt=attempt), agent)

    async def claim(self, *, attempt: int = 1) -> Work:
        """The current turn as a worker holds it; it may become a zombie."""
        lane = self.keys.lane(Stage.AGENT, self.conversation)
        number = await self.redis.hget(lane.state, Stage.AGENT.value)  # type: ignore[misc]
        return Work(
            stage=Stage.AGENT,
            conversation=self.conversation,
            turn=number.decode(),
            lane=lane,
            records=await load_list(self.redis, lane.list, 0, SPEC.take - 1),
            attempt=attempt,
            call=self.send,
            commit=self.send,
            facts={},
        )

    async def run(self, work: Work, agent: Agent = nods) -> Work:
        """Run a claimed turn to its commit, its put-off (raises PutOff) or its burial."""

        async def watched(turn: Turn) -> Answer | Later:
            self.seen.append(turn)
            return await agent(turn)

        await run_guarded(SPEC, work, self.environment(watched), random.Random(1))
        return work

    def environment(self, agent: Agent | None = None) -> Environment:
        """What the turns of one worker share."""
        account = Account(
            id="default", account_sid="AC1", from_number=Address(OURS), dm_policy=DmPolicy.OPEN, texts=self.texts
        )
        account = msgspec.structs.replace(account, agent=self.section)
        settings = Settings(accounts={"default": account}, state_dir=Path("/nowhere"))
        agents = None if agent is None else only(agent)
        return Environment(settings=settings, keys=self.keys, redis=self.redis, agents=agents)

    async def all_turns(self, agent: Agent = nods) -> None:
        """Take turns until nobody waits."""
        lane = self.keys.lane(Stage.AGENT, self.conversation)
        while await self.redis.exists(lane.list):
            await self.turn(agent)

    async def replies(self) -> list[Reply]:
        """What is on its way to the person."""
        lane = self.keys.lane(Stage.FORMAT, self.conversation)
        return [decode_reply(record) for record in await load_list(self.redis, lane.list, 0, -1)]

    async def said(self) -> list[str]:
        return [text for reply in await self.replies() for text in reply.texts]

    async def history(self) -> History:
        return history_of(await self.send(load_history(keys=self.keys, conversation=self.conversation)))

    async def remembered(self) -> list[str]:
        return [line.body for line in (await self.history()).lines]

    async def waiting(self) -> int:
        return len(await load_list(self.redis, self.keys.lane(Stage.AGENT, self.conversation).list, 0, -1))

    def settle_on(self, **agent: Any) -> None:
        """Another configuration from now on."""
        self.section = msgspec.structs.replace(self.section, **agent)

    async def send(self, call: Call) -> Any:
        (reply,) = await execute(self.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply
