"""The journal of a part: who may post, what is in doubt, and that a SID is claimed by one part only."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from shared.accounts import load_pause, pause, resume
from shared.aftermath import aftermath_of
from shared.dead_letters import bury
from shared.delivery import Recorded, record_status, recorded_of
from shared.keys import Keys, Stage
from shared.lanes import append, fail
from shared.optout import Cause, is_opted_out, load_trail
from shared.outbox import PartState, Status, dispatch, load_part_of_sid, load_part_state, release, settle
from shared.records import DeadLetter, Origin, Part, decode_dead_letter, decode_part, encode
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call
from shared.setbacks import note_put_off, setback_of, setbacks_in

PEER, CONVERSATION = "+15557654321", "conversation"


def part_of(index: int, segments: int = 1) -> Part:
    return Part(
        part_id=f"r.{index}",
        reply_id="r",
        index=index,
        count=3,
        account_id="default",
        conversation=CONVERSATION,
        to=PEER,
        body=f"part {index}",
        encoding="GSM-7",
        segments=segments,
        origin=Origin.AGENT,
        created_ms=1,
    )


@dataclass
class Desk:
    """One outbound worker's view of one recipient's lane, and whatever else touches it."""

    redis: Redis
    keys: Keys
    seen_ms: int = 0

    async def send(self, call: Call) -> Any:
        (reply,) = await execute(self.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def fill(self, *parts: Part) -> None:
        lane = self.keys.lane(Stage.OUTBOUND, CONVERSATION)
        await self.send(append(lane=lane, stage=Stage.OUTBOUND, records=tuple(encode(part) for part in parts)))

    async def turn(self) -> str:
        (job,) = await self.redis.zrange(self.keys.queue("outbound"), 0, -1)
        return str(job.decode().rpartition(":")[2])

    async def dispatch(
        self, part: Part, attempt: str = "a", *, rate: float = 0, turn: str | None = None, vain: str = ""
    ) -> tuple[str, str]:
        verdict, detail = await self.send(
            dispatch(
                keys=self.keys,
                part=part,
                turn=turn or await self.turn(),
                attempt=attempt,
                sender="+15550001111",
                segments_per_second=rate,
                looked_for_ms=vain,
            )
        )
        return verdict.decode(), detail.decode()

    async def fail(self, turn: str) -> int:
        lane = self.keys.lane(Stage.OUTBOUND, CONVERSATION)
        self.seen_ms += 1  # no two failures of a turn are seen at the same moment
        setback = msgspec.structs.replace(setback_of("it failed", code="unreachable"), at_ms=self.seen_ms)
        failures, _ = await self.send(fail(lane=lane, stage=Stage.OUTBOUND, turn=turn, setback=setback))
        return int(failures)

    async def settle(self, part: Part, sid: str, status: Status = Status.QUEUED, *, turn: str | None = None) -> str:
        call = settle(keys=self.keys, part=part, turn=turn or await self.turn(), sid=sid, status=status)
        said = await self.send(call)
        return {1: "settled", 0: "fenced"}.get(said) or str(said.decode())

    async def callback(self, part: Part, sid: str, status: Status, code: str = "") -> str:
        call = record_status(keys=self.keys, part_id=part.part_id, sid=sid, status=status, error_code=code)
        return recorded_of(await self.send(call)).outcome

    async def state(self, part: Part) -> PartState:
        state = await load_part_state(self.redis, self.keys, part.part_id)
        assert state is not None
        return state

    async def waiting(self) -> list[str]:
        lane = self.keys.lane(Stage.OUTBOUND, CONVERSATION)
        return [decode_part(record).part_id for record in await load_list(self.redis, lane.list, 0, -1)]


@pytest.fixture
def desk(redis: Redis, keys: Keys) -> Desk:
    return Desk(redis, keys)


async def test_parts_leave_their_lane_one_by_one_in_order(desk: Desk) -> None:
    parts = [part_of(i) for i in range(3)]
    await desk.fill(*parts)
    for i, part in enumerate(parts):
        assert (await desk.dispatch(part))[0] == "go"
        assert await desk.settle(part, f"SM{i}") == "settled"
        assert await desk.waiting() == [p.part_id for p in parts[i + 1 :]]
    assert await desk.redis.zcard(desk.keys.queue("outbound")) == 0
    assert await desk.redis.zcard(desk.keys.busy) == 0


async def test_a_part_that_another_attempt_announced_is_in_doubt_and_never_just_posted(desk: Desk) -> None:
    await desk.fill(part_of(0))
    assert (await desk.dispatch(part_of(0), "a"))[0] == "go"
    verdict, detail = await desk.dispatch(part_of(0), "b")
    assert verdict == "in_doubt"
    journaled_ms = detail.split()[0]

    assert (await desk.dispatch(part_of(0), "a"))[0] == "go", "its own announcement, asked again, is no doubt"
    assert (await desk.dispatch(part_of(0), "b", vain="12345"))[0] == "in_doubt", "another entry was looked for"
    journaled_ms = (await desk.dispatch(part_of(0), "b"))[1].split()[0]
    assert (await desk.dispatch(part_of(0), "b", vain=journaled_ms))[0] == "go"
    assert (await desk.dispatch(part_of(0), "a"))[0] == "in_doubt", "the one that lost it may not post"


async def test_a_released_part_is_free_again_but_only_its_holder_can_release_it(desk: Desk) -> None:
    await desk.fill(part_of(0))
    await desk.dispatch(part_of(0), "a")
    assert await desk.send(release(keys=desk.keys, part_id="r.0", attempt="b")) == 0
    assert await desk.send(release(keys=desk.keys, part_id="r.0", attempt="a")) == 1
    assert (await desk.dispatch(part_of(0), "b"))[0] == "go"


async def test_a_callback_before_the_answer_settles_the_doubt(desk: Desk) -> None:
    await desk.fill(part_of(0))
    await desk.dispatch(part_of(0), "a")
    assert await desk.callback(part_of(0), "SM1", Status.SENT) == "recorded"
    assert await desk.dispatch(part_of(0), "b") == ("accepted", "SM1")
    assert await desk.settle(part_of(0), "SM1", Status.QUEUED) == "settled"
    assert (await desk.state(part_of(0))).status is Status.SENT, "the late answer does not step back"


async def test_a_message_carries_one_part_only(desk: Desk) -> None:
    """Ruling 6: two parts with the same words must not both claim one message."""
    await desk.fill(part_of(0), part_of(1))
    await desk.dispatch(part_of(0))
    await desk.settle(part_of(0), "SM1")
    await desk.dispatch(part_of(1))
    assert await desk.settle(part_of(1), "SM1") == "sid_taken"
    assert await desk.waiting() == ["r.1"]
    assert await desk.callback(part_of(1), "SM1", Status.SENT) == "unknown"


async def test_a_zombie_settles_nothing_twice(desk: Desk) -> None:
    await desk.fill(part_of(0), part_of(1))
    old = await desk.turn()
    await desk.dispatch(part_of(0))
    assert await desk.settle(part_of(0), "SM1", turn=old) == "settled"
    assert await desk.settle(part_of(0), "SM1", turn=old) == "fenced"
    assert await desk.waiting() == ["r.1"]
    assert (await desk.dispatch(part_of(1), turn=old))[0] == "fenced"


async def test_an_opt_out_is_seen_at_the_very_moment_of_the_journal(desk: Desk) -> None:
    await desk.fill(part_of(0))
    await desk.redis.hset(desk.keys.opted_out("default"), PEER, "now")  # type: ignore[misc]
    assert (await desk.dispatch(part_of(0)))[0] == "opted_out"


async def test_a_paused_account_sends_nothing(desk: Desk) -> None:
    await desk.fill(part_of(0))
    await desk.redis.set(desk.keys.paused("default"), b"why")
    assert await desk.dispatch(part_of(0)) == ("paused", "why")
    await desk.redis.delete(desk.keys.paused("default"))
    assert (await desk.dispatch(part_of(0)))[0] == "go"


async def test_pace_is_a_debt_in_segments_that_is_paid_once(desk: Desk) -> None:
    """Ruling 8: any part size passes, nothing pays twice."""
    big, small = part_of(0, segments=10), part_of(1)
    await desk.fill(big, small)
    assert (await desk.dispatch(big, rate=0.001))[0] == "go", "a part of any size may start at once"
    await desk.settle(big, "SM1")
    verdict, detail = await desk.dispatch(small, "b", rate=0.001)
    assert verdict == "wait"
    reserved = await desk.redis.get(desk.keys.pace("default", "+15550001111"))
    again, sooner = await desk.dispatch(small, "c", rate=0.001)
    assert again == "wait"
    assert int(sooner) <= int(detail)
    assert await desk.redis.get(desk.keys.pace("default", "+15550001111")) == reserved


async def test_statuses_only_rise(desk: Desk) -> None:
    await desk.fill(part_of(0))
    await desk.dispatch(part_of(0))
    await desk.settle(part_of(0), "SM1")
    assert await desk.callback(part_of(0), "SM1", Status.DELIVERED) == "recorded"
    assert await desk.callback(part_of(0), "SM1", Status.SENT) == "stale"
    assert await desk.callback(part_of(0), "SM1", Status.DELIVERED) == "stale"
    found = await load_part_of_sid(desk.redis, desk.keys, "SM1")
    assert found is not None
    assert found.status is Status.DELIVERED


async def test_a_contradiction_between_two_ends_is_kept_beside_the_first(desk: Desk) -> None:
    await desk.fill(part_of(0))
    await desk.dispatch(part_of(0))
    await desk.settle(part_of(0), "SM1")
    assert await desk.callback(part_of(0), "SM1", Status.DELIVERED) == "recorded"
    assert await desk.callback(part_of(0), "SM1", Status.UNDELIVERED, "30003") == "contradiction"
    state = await desk.state(part_of(0))
    assert (state.status, state.contradiction, state.error_code) == (Status.DELIVERED, Status.UNDELIVERED, None)


async def test_a_code_that_speaks_of_the_account_pauses_it_once(desk: Desk) -> None:
    call = pause(keys=desk.keys, account_id="default", code="twilio-30034", message="not registered", hint="register")
    assert [await desk.send(call) for _ in range(2)] == [1, 0]
    found = await load_pause(desk.redis, desk.keys, "default")
    assert found is not None
    assert found.hint == "register"
    assert await resume(desk.redis, desk.keys, "default")
    assert not await resume(desk.redis, desk.keys, "default")


async def test_a_text_whose_call_is_sent_again_is_appended_once(desk: Desk) -> None:
    """A connection that breaks before the answer makes the client repeat the call."""
    lane = desk.keys.lane(Stage.OUTBOUND, CONVERSATION)
    call = append(lane=lane, stage=Stage.OUTBOUND, records=(encode(part_of(0)),), once=desk.keys.once("r"))
    assert [await desk.send(call) for _ in range(2)] == [1, 0]
    assert await desk.waiting() == ["r.0"]


async def test_a_callback_by_another_accounts_webhook_settles_nothing(desk: Desk) -> None:
    await desk.fill(part_of(0))
    await desk.dispatch(part_of(0))
    call = record_status(
        keys=desk.keys, part_id=part_of(0).part_id, sid="SM1", status=Status.DELIVERED, account_id="another"
    )
    assert recorded_of(await desk.send(call)).outcome == "unknown"
    assert (await desk.dispatch(part_of(0), "b"))[0] == "in_doubt"


async def test_what_a_failure_means_for_the_account_is_done_in_the_step_that_records_it(desk: Desk) -> None:
    """A crash in between left a failure that was known and an account that went on: no repetition mends that."""
    await desk.fill(part_of(0))
    await desk.dispatch(part_of(0))
    facts: dict[str, Any] = {
        "keys": desk.keys,
        "part_id": part_of(0).part_id,
        "sid": "SM1",
        "status": Status.UNDELIVERED,
    }
    aftermath = aftermath_of(30034, to=PEER)
    another = record_status(**facts, account_id="another", aftermath=aftermath)
    assert not recorded_of(await desk.send(another)).paused
    assert await load_pause(desk.redis, desk.keys, "another") is None

    call = record_status(**facts, account_id="default", aftermath=aftermath)
    assert recorded_of(await desk.send(call)).paused
    assert recorded_of(await desk.send(call)).paused, "it was sent again because its reply got lost"
    paused = await load_pause(desk.redis, desk.keys, "default")
    assert paused is not None
    assert paused.code == "twilio-30034"

    await resume(desk.redis, desk.keys, "default")
    assert recorded_of(await desk.send(call)) == Recorded(outcome="stale"), "a repetition after the operator's resume"
    assert await load_pause(desk.redis, desk.keys, "default") is None


async def test_a_late_21610_opts_the_person_out_in_the_step_that_records_it(desk: Desk) -> None:
    await desk.fill(part_of(0))
    await desk.dispatch(part_of(0))
    call = record_status(
        keys=desk.keys,
        part_id=part_of(0).part_id,
        sid="SM1",
        status=Status.FAILED,
        account_id="default",
        aftermath=aftermath_of(21610, to=f"rcs:{PEER}"),
    )
    assert [recorded_of(await desk.send(call)).opted_out for _ in range(2)] == [True, False]
    assert await is_opted_out(desk.redis, desk.keys, "default", PEER)
    assert [change.cause for change in await load_trail(desk.redis, desk.keys, "default", PEER)] == [Cause.TWILIO]


async def test_the_journal_keeps_under_which_sender_a_part_goes_out(desk: Desk) -> None:
    await desk.fill(part_of(0))
    await desk.dispatch(part_of(0))
    stored = await desk.redis.hget(desk.keys.part(part_of(0).part_id), "sender")  # type: ignore[misc]
    assert stored, "what is configured later must not decide where a doubt is looked for"


async def test_failures_are_counted_per_turn(desk: Desk) -> None:
    await desk.fill(part_of(0), part_of(1))
    turn = await desk.turn()
    assert [await desk.fail(turn) for _ in range(3)] == [1, 2, 3]
    await desk.dispatch(part_of(0))
    await desk.settle(part_of(0), "SM1")
    assert await desk.fail(turn) == 0, "the turn is over"
    assert await desk.fail(await desk.turn()) == 1


async def test_a_failure_that_is_told_again_after_a_lost_reply_counts_once(desk: Desk) -> None:
    await desk.fill(part_of(0))
    lane, turn = desk.keys.lane(Stage.OUTBOUND, CONVERSATION), await desk.turn()
    assert await desk.fail(turn) == 1
    setback = setback_of("it failed", code="unreachable")
    call = fail(lane=lane, stage=Stage.OUTBOUND, turn=turn, setback=setback)
    assert [(await desk.send(call))[0] for _ in range(3)] == [2, 2, 2]
    assert await desk.send(note_put_off(lane=lane, stage=Stage.OUTBOUND, turn=turn, setback=setback_of("wait"))) == 1
    assert (await desk.send(call))[0] == 2, "whatever was noted in between"
    assert len(setbacks_in(await desk.redis.hget(lane.state, "outbound:story"))) == 2  # type: ignore[misc]


async def test_the_reason_of_a_turn_is_forgotten_with_it(desk: Desk) -> None:
    await desk.fill(part_of(0), part_of(1))
    lane, turn = desk.keys.lane(Stage.OUTBOUND, CONVERSATION), await desk.turn()
    setback = setback_of("the account is paused by +15557654321")
    call = note_put_off(lane=lane, stage=Stage.OUTBOUND, turn=turn, setback=setback)
    assert await desk.send(call) == 1
    (kept,) = setbacks_in(await desk.redis.hget(lane.state, "outbound:last"))  # type: ignore[misc]
    assert kept == setback
    assert "7654321" not in kept.reason
    await desk.fail(turn)
    await desk.dispatch(part_of(0))
    await desk.settle(part_of(0), "SM1")
    left = await desk.redis.hkeys(lane.state)  # type: ignore[misc]
    assert [field for field in left if b":" in field] == []
    assert await desk.send(call) == 0, "the reason of an old turn is not told of a new one"


async def test_giving_up_takes_the_rest_of_the_reply_and_the_lane_goes_on(desk: Desk) -> None:
    parts = [part_of(i) for i in range(3)]
    await desk.fill(*parts)
    await desk.dispatch(parts[0])
    letter = DeadLetter(
        letter_id="l1",
        stage="outbound",
        account_id="default",
        conversation=CONVERSATION,
        turn=await desk.turn(),
        code="twilio-21211",
        message="no such number",
        hint="check it",
        attempts=1,
        buried_ms=1,
        records=tuple(encode(part) for part in parts[:2]),
    )
    call = bury(keys=desk.keys, stage=Stage.OUTBOUND, letter=letter, part_ids=("r.0", "r.1"))
    assert await desk.send(call) == 1
    assert await desk.send(call) == 0, "the second time the turn is over"

    assert await desk.waiting() == ["r.2"]
    assert (await desk.state(parts[0])).state == "dead"
    raw = await desk.redis.get(desk.keys.dead_letter("l1"))
    assert decode_dead_letter(raw) == letter
    assert await desk.redis.zcard(desk.keys.dead) == 1
