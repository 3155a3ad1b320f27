"""`GET /v1/messages/{id}`: what became of a message, told from what Redis knows at each step of its way."""

from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from ingress.api import stored
from shared.dead_letters import bury, load_letters, retry
from shared.delivery import record_status, recorded_of
from shared.keys import Keys, Stage
from shared.lanes import append, hand_over
from shared.outbox import Status, dispatch, settle
from shared.records import DeadLetter, Origin, Part, Reply, decode_reply, encode
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call
from tests.integration.api.conftest import ANN, Caller


@dataclass
class Way:
    """One message of three parts on its way, moved by the very calls of the workers."""

    api: Caller
    redis: Redis
    keys: Keys
    message: dict[str, Any]

    @property
    def reply(self) -> Reply:
        return Reply(
            reply_id=self.message["id"],
            account_id="default",
            conversation=self.message["conversation"],
            to=ANN,
            texts=("hello",),
            origin=Origin.OPERATOR,
            created_ms=1,
        )

    def part(self, index: int, reply_id: str | None = None) -> Part:
        reply = self.reply
        return Part(
            part_id=f"{reply_id or reply.reply_id}.{index}",
            reply_id=reply_id or reply.reply_id,
            index=index,
            count=3,
            account_id="default",
            conversation=reply.conversation,
            to=ANN,
            body=f"part {index}",
            encoding="GSM-7",
            segments=1,
            origin=Origin.OPERATOR,
            created_ms=1,
        )

    async def send(self, call: Call) -> Any:
        (reply,) = await execute(self.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def turn(self, stage: Stage) -> str:
        raw = await self.redis.hget(self.keys.conversation(self.reply.conversation), stage.value)  # type: ignore[misc]
        return str(raw.decode())

    async def format(self, *parts: Part) -> None:
        source = self.keys.lane(Stage.FORMAT, self.reply.conversation)
        call = hand_over(
            source=source,
            source_stage=Stage.FORMAT,
            turn=await self.turn(Stage.FORMAT),
            taken=1,
            target=self.keys.lane(Stage.OUTBOUND, self.reply.conversation),
            target_stage=Stage.OUTBOUND,
            records=tuple(map(encode, parts)),
        )
        assert await self.send(call) == 1

    async def dispatch(self, part: Part) -> None:
        turn = await self.turn(Stage.OUTBOUND)
        call = dispatch(keys=self.keys, part=part, turn=turn, attempt="a", sender="+1", segments_per_second=0)
        assert (await self.send(call))[0] == b"go"

    async def accept(self, part: Part, status: Status = Status.QUEUED) -> None:
        await self.dispatch(part)
        turn = await self.turn(Stage.OUTBOUND)
        sid = f"SM{part.index}"
        assert await self.send(settle(keys=self.keys, part=part, turn=turn, sid=sid, status=status)) == 1

    async def callback(self, part: Part, status: Status, code: str = "") -> None:
        call = record_status(
            keys=self.keys, part_id=part.part_id, sid=f"SM{part.index}", status=status, error_code=code
        )
        assert recorded_of(await self.send(call)).outcome == "recorded"

    async def bury(
        self,
        stage: Stage,
        records: tuple[bytes, ...],
        part_ids: tuple[str, ...] = (),
        *,
        code: str = "opted-out",
        message: str = "the recipient has opted out",
    ) -> None:
        turn = await self.turn(stage)
        letter = DeadLetter(
            letter_id=f"{stage.value}-{self.reply.conversation}-{turn}",
            stage=stage.value,
            account_id="default",
            conversation=self.reply.conversation,
            turn=turn,
            code=code,
            message=message,
            hint="they must text START first",
            attempts=1,
            buried_ms=1,
            records=records,
        )
        assert await self.send(bury(keys=self.keys, stage=stage, letter=letter, part_ids=part_ids)) == 1

    async def look(self) -> dict[str, Any]:
        answer = await self.api.get(self.message["links"]["self"])
        assert answer.status == 200
        assert b"part 0" not in answer.body
        assert ANN.encode() not in answer.body
        return dict(answer.json)

    async def seen(self) -> tuple[str, list[tuple[str, str | None]]]:
        """The status, and phase and status of each part."""
        said = await self.look()
        assert [part["id"] for part in said["parts"]] == [f"{said['id']}.{i}" for i in range(len(said["parts"]))]
        return said["status"], [(part["phase"], part["status"]) for part in said["parts"]]


@pytest.fixture
async def way(api: Caller, redis: Redis, keys: Keys) -> Way:
    return Way(api, redis, keys, (await api.post({"to": ANN, "text": "hello"})).json)


async def test_each_step_of_the_way_shows(way: Way) -> None:
    parts = [way.part(i) for i in range(3)]
    waiting = ("waiting", None)
    assert await way.seen() == ("queued", [])
    await way.format(*parts)
    assert await way.seen() == ("queued", [waiting] * 3)
    await way.dispatch(parts[0])
    assert await way.seen() == ("sending", [("dispatching", None), waiting, waiting])
    await way.accept(parts[0])
    assert await way.seen() == ("sending", [("accepted", "queued"), waiting, waiting])
    for part in parts[1:]:
        await way.accept(part)
    assert await way.seen() == ("sent", [("accepted", "queued")] * 3)
    for part in parts:
        await way.callback(part, Status.DELIVERED)
    assert await way.seen() == ("delivered", [("accepted", "delivered")] * 3)


async def test_a_part_tells_its_sid_and_when(way: Way) -> None:
    await way.format(way.part(0))
    await way.accept(way.part(0), Status.SENT)
    await way.callback(way.part(0), Status.DELIVERED)
    said = await way.look()
    (part,) = said["parts"]
    assert part["sid"] == "SM0"
    assert part["error"] is None
    times = [said["createdAt"], part["dispatchedAt"], part["acceptedAt"], part["statusAt"]]
    assert all(time.endswith("Z") for time in times)
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("code", "meaning"), [("30003", "the handset could not be reached"), ("99999", "Twilio refused it"), ("", None)]
)
async def test_a_part_that_did_not_arrive_says_why(way: Way, code: str, meaning: str | None) -> None:
    await way.format(way.part(0))
    await way.accept(way.part(0))
    await way.callback(way.part(0), Status.UNDELIVERED, code)
    said = await way.look()
    (part,) = said["parts"]
    assert (said["status"], part["status"]) == ("failed", "undelivered")
    assert (part["error"] or {}).get("meaning") == meaning
    if code:
        assert part["error"]["code"] == f"twilio-{code}"
        assert part["error"]["hint"]


async def test_what_waits_behind_others_is_queued(way: Way) -> None:
    other = "another-reply"
    lane = way.keys.lane(Stage.OUTBOUND, way.reply.conversation)
    await way.send(append(lane=lane, stage=Stage.OUTBOUND, records=(encode(way.part(0, other)),)))
    await way.format(way.part(0))
    await way.send(append(lane=lane, stage=Stage.OUTBOUND, records=(encode(way.part(1)),)))
    assert await way.seen() == ("queued", [("waiting", None)] * 2)
    await way.accept(way.part(0, other))
    assert await way.seen() == ("queued", [("waiting", None)] * 2)


async def test_what_waits_far_behind_others_is_queued_too(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "NEAR_HEAD", 1)
    lane = way.keys.lane(Stage.OUTBOUND, way.reply.conversation)
    await way.send(append(lane=lane, stage=Stage.OUTBOUND, records=(encode(way.part(0, "another-reply")),)))
    await way.format(way.part(0))
    assert await way.seen() == ("queued", [])


async def test_a_retried_rest_of_a_message_waits_again_behind_others(way: Way) -> None:
    """A retry puts it at the end of the lane, so its earlier parts say nothing about what follows."""
    parts = [way.part(i) for i in range(3)]
    await way.format(*parts)
    await way.accept(parts[0], Status.DELIVERED)
    await way.bury(Stage.OUTBOUND, tuple(map(encode, parts[1:])), tuple(part.part_id for part in parts[1:]))
    lane = way.keys.lane(Stage.OUTBOUND, way.reply.conversation)
    await way.send(append(lane=lane, stage=Stage.OUTBOUND, records=(encode(way.part(0, "another-reply")),)))
    (kept,) = [each async for each in load_letters(way.redis, way.keys)]
    assert await way.send(retry(keys=way.keys, kept=kept)) == 1
    assert await way.seen() == ("sending", [("accepted", "delivered"), ("waiting", None), ("waiting", None)])


@pytest.mark.parametrize(
    ("code", "message", "meaning"),
    [
        ("twilio-21211", f"Invalid 'To' Phone Number: {ANN}", "the recipient is no valid number"),
        ("twilio-1", f"{ANN}", "Twilio refused it"),
        ("bug", f"ValueError: part 0 to {ANN}", "something unforeseen happened"),
        ("no-answer", "it failed too often", "it failed too often"),
    ],
)
async def test_a_cause_names_neither_number_nor_text(way: Way, code: str, message: str, meaning: str) -> None:
    await way.format(way.part(0))
    await way.bury(Stage.OUTBOUND, (encode(way.part(0)),), (way.part(0).part_id,), code=code, message=message)
    (part,) = (await way.look())["parts"]
    assert (part["error"]["code"], part["error"]["meaning"]) == (code, meaning)


async def test_what_was_given_up_before_it_was_tried_has_failed(way: Way) -> None:
    """The person texted STOP meanwhile: such parts leave no state but their dead letter."""
    parts = [way.part(i) for i in range(3)]
    await way.format(*parts)
    await way.accept(parts[0], Status.DELIVERED)
    await way.bury(Stage.OUTBOUND, tuple(map(encode, parts[1:])), tuple(part.part_id for part in parts[1:]))
    assert await way.seen() == ("failed", [("accepted", "delivered"), ("dead", None), ("dead", None)])
    said = await way.look()
    assert said["parts"][2]["error"] == {
        "code": "opted-out",
        "meaning": "the recipient has opted out",
        "hint": "they must text START first",
    }


async def test_what_was_given_up_after_it_was_tried_has_failed(way: Way) -> None:
    await way.format(way.part(0))
    await way.dispatch(way.part(0))
    await way.bury(Stage.OUTBOUND, (encode(way.part(0)),), (way.part(0).part_id,))
    assert await way.seen() == ("failed", [("dead", None)])
    assert (await way.look())["parts"][0]["error"]["code"] == "opted-out"


async def test_a_message_that_could_not_be_formatted_has_failed(way: Way) -> None:
    lane = way.keys.lane(Stage.FORMAT, way.reply.conversation)
    records = tuple(await load_list(way.redis, lane.list, 0, -1))
    assert decode_reply(records[0]).reply_id == way.message["id"]
    await way.bury(Stage.FORMAT, records)
    assert await way.seen() == ("failed", [])


async def test_a_message_of_which_nothing_is_left_is_empty(way: Way) -> None:
    await way.format()
    assert await way.seen() == ("empty", [])


async def test_a_message_of_many_parts_shows_them_all(way: Way) -> None:
    parts = [way.part(i) for i in range(20)]
    await way.format(*parts)
    for part in parts:
        await way.accept(part, Status.DELIVERED)
    assert await way.seen() == ("delivered", [("accepted", "delivered")] * 20)


async def test_an_agents_reply_can_be_looked_at_once_a_part_is_known(way: Way) -> None:
    reply_id = f"{way.reply.conversation}-1700000000000"
    path = f"/v1/messages/{reply_id}"
    assert (await way.api.get(path)).status == 404
    lane = way.keys.lane(Stage.OUTBOUND, way.reply.conversation)
    await way.send(append(lane=lane, stage=Stage.OUTBOUND, records=(encode(way.part(0, reply_id)),)))
    await way.accept(way.part(0, reply_id))
    said = (await way.api.get(path)).json
    assert (said["account"], said["status"], said["createdAt"]) == ("default", "sent", None)


@pytest.mark.parametrize("message_id", ["nothing", f"{'a' * 16}-api-1", f"{'A' * 16}-api-1", f"{'a' * 16}-{'1' * 200}"])
async def test_what_is_not_known_is_404(api: Caller, message_id: str) -> None:
    answer = await api.get(f"/v1/messages/{message_id}")
    assert (answer.status, answer.problem) == (404, "not-found")
