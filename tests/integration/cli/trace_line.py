"""One conversation that tests move through the pipeline step by step, with the very scripts of ingress and workers."""

from typing import Any

from redis.asyncio import Redis

from cli.target import Target
from cli.trace import load
from cli.trace_show import as_json
from cli.trace_words import explain
from shared.admission import commit_text
from shared.gate import Gate, Keyword
from shared.keys import ARQ_IN_PROGRESS, Keys, Stage, conversation_id
from shared.lanes import hand_over
from shared.outbox import Status, dispatch, settle
from shared.records import InboundText, Origin, Part, Reply, encode
from shared.round_trip import execute
from shared.scripts import Call
from shared.secrets import Secret

PEER = "+12025550123"
CONVERSATION = conversation_id("default", PEER)
SID, OTHER_SID, OUT_SID = (f"SM{digit * 32}" for digit in "0ab")


class Line:
    """One conversation, moved on step by step, as ingress and workers do it."""

    def __init__(self, redis: Redis, keys: Keys, redis_url: str) -> None:
        self.redis = redis
        self.keys = keys
        self.target = Target(
            redis_url=Secret(redis_url), prefix=keys.prefix, accounts={"default": True}, default_account="default"
        )

    async def do(self, call: Call) -> Any:
        (reply,) = await execute(self.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def trace(self, sought: str) -> dict[str, Any]:
        """The JSON that the command prints; {} if nothing is known."""
        found, house = await load(self.target, sought, ["default"])
        return {} if found is None else as_json(found, explain(found, house), now_ms=house.now_ms)

    async def text(self, sid: str = SID, *, policy: str = "open", body: str = "a secret word") -> InboundText:
        text = InboundText(
            message_sid=sid,
            account_id="default",
            conversation=CONVERSATION,
            sender=PEER,
            recipient="+12025550100",
            body=body,
            received_ms=1,
        )
        gate = Gate(
            policy=policy,
            sender_per_minute=0,
            account_per_minute=0,
            pairing_max_pending=3,
            debounce_ms=0,
        )
        await commit_text(self.do, keys=self.keys, gate=gate, text=text, listed=False, keyword=Keyword.NONE, now_ms=1)
        return text

    async def turn(self, stage: Stage) -> str:
        turn = await self.redis.hget(self.keys.conversation(CONVERSATION), stage.value)  # type: ignore[misc]
        assert turn is not None
        return str(turn.decode())

    async def claim(self, stage: Stage) -> None:
        lane = self.keys.lane(stage, CONVERSATION)
        await self.redis.set(f"{ARQ_IN_PROGRESS}{lane.list}:{await self.turn(stage)}", "worker", ex=60)

    async def answer(self) -> str:
        """The agent answers the one text that waits; the reply's id."""
        turn = await self.turn(Stage.AGENT)
        reply = Reply(
            reply_id=f"{CONVERSATION}-{turn}",
            account_id="default",
            conversation=CONVERSATION,
            to=PEER,
            texts=("another secret",),
            origin=Origin.AGENT,
            created_ms=1,
            in_reply_to=SID,
        )
        note = {"note_keys": (self.keys.answer("default", SID),), "note": reply.reply_id}
        await self._hand_over(Stage.AGENT, Stage.FORMAT, turn, (encode(reply),), **note)
        return reply.reply_id

    async def cut(self, reply_id: str, count: int = 2) -> list[Part]:
        parts = [
            Part(
                part_id=f"{reply_id}.{index}",
                reply_id=reply_id,
                index=index,
                count=count,
                account_id="default",
                conversation=CONVERSATION,
                to=PEER,
                body="another secret",
                encoding="GSM-7",
                segments=1,
                origin=Origin.AGENT,
                created_ms=1,
            )
            for index in range(count)
        ]
        records = tuple(encode(part) for part in parts)
        await self._hand_over(Stage.FORMAT, Stage.OUTBOUND, await self.turn(Stage.FORMAT), records)
        return parts

    async def announce(self, part: Part) -> str:
        turn = await self.turn(Stage.OUTBOUND)
        call = dispatch(keys=self.keys, part=part, turn=turn, attempt="a", sender="+1", segments_per_second=0)
        return str((await self.do(call))[0].decode())

    async def send(self, part: Part, sid: str) -> None:
        assert await self.announce(part) == "go"
        turn = await self.turn(Stage.OUTBOUND)
        await self.do(settle(keys=self.keys, part=part, turn=turn, sid=sid, status=Status.QUEUED))

    async def _hand_over(self, stage: Stage, to: Stage, turn: str, records: tuple[bytes, ...], **note: Any) -> None:
        call = hand_over(
            source=self.keys.lane(stage, CONVERSATION),
            source_stage=stage,
            turn=turn,
            taken=1,
            target=self.keys.lane(to, CONVERSATION),
            target_stage=to,
            records=records,
            **note,
        )
        assert await self.do(call) == 1
