"""Holding, releasing, canceling and quiet hours in any order, with lost jobs and dying workers: each message joins its
lane once, in the order of its times.

First the cases that people meet, told one by one; then a machine that looks for the others. No time passes: what is to
be due is dated in the past.
"""

from typing import Any

import pytest
import redis as sync_redis
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from redis.asyncio import Redis

from shared.holds import Held, cancel, hold_parts, hold_reply, load_all_held, load_held_message, load_hold, release
from shared.keys import Keys, Stage, conversation_id
from shared.lanes import append, hand_over
from shared.outbox import dispatch
from shared.records import Origin, Part, Reply, decode_part, decode_reply, encode
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call
from workers.release import mend_holds

ANN = "+12025550111"
CONVERSATION = conversation_id("default", ANN)
LONG_AGO, FAR_AWAY = 1_000, 4_000_000_000_000


def reply_of(name: str) -> Reply:
    return Reply(
        reply_id=f"{CONVERSATION}-{name}",
        account_id="default",
        conversation=CONVERSATION,
        to=ANN,
        texts=(name,),
        origin=Origin.API,
        created_ms=1,
    )


def parts_of(name: str, count: int) -> list[Part]:
    return [
        Part(
            part_id=f"{CONVERSATION}-{name}.{index}",
            reply_id=f"{CONVERSATION}-{name}",
            index=index,
            count=count,
            account_id="default",
            conversation=CONVERSATION,
            to=ANN,
            body=name,
            encoding="GSM-7",
            segments=1,
            origin=Origin.API,
            created_ms=1,
        )
        for index in range(count)
    ]


class Desk:
    """One person's holds and lanes."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys
        self.hold_key = keys.hold(Stage.FORMAT, CONVERSATION).set

    async def do(self, call: Call) -> Any:
        (reply,) = await execute(self.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def hold(self, name: str, due_ms: int) -> None:
        assert await self.do(hold_reply(keys=self.keys, reply=reply_of(name), due_ms=due_ms)) == 1

    async def release(self, stage: Stage = Stage.FORMAT, job_id: str = "") -> int:
        return int(await self.do(release(keys=self.keys, stage=stage, conversation=CONVERSATION, job_id=job_id)))

    async def held(self, stage: Stage = Stage.FORMAT) -> list[Held]:
        return await load_hold(self.redis, self.keys, stage, CONVERSATION)

    async def names(self) -> list[str]:
        """What waits in the format lane."""
        lane = self.keys.lane(Stage.FORMAT, CONVERSATION)
        return [decode_reply(record).texts[0] for record in await load_list(self.redis, lane.list, 0, -1)]

    async def parts(self) -> list[str]:
        lane = self.keys.lane(Stage.OUTBOUND, CONVERSATION)
        waiting = [decode_part(record) for record in await load_list(self.redis, lane.list, 0, -1)]
        return [part.part_id.removeprefix(f"{CONVERSATION}-") for part in waiting]

    async def fill(self, *parts: Part) -> None:
        lane = self.keys.lane(Stage.OUTBOUND, CONVERSATION)
        await self.do(append(lane=lane, stage=Stage.OUTBOUND, records=tuple(encode(part) for part in parts)))

    async def turn(self) -> str:
        found = await self.redis.hget(self.keys.conversation(CONVERSATION), "outbound")  # type: ignore[misc]
        assert found is not None
        return str(found.decode())

    async def put_off(self, part: Part, count: int, due_ms: int, *, turn: str | None = None) -> int:
        call = hold_parts(keys=self.keys, part=part, turn=turn or await self.turn(), count=count, due_ms=due_ms)
        return int(await self.do(call))

    async def jobs(self, stage: Stage = Stage.FORMAT) -> dict[str, float]:
        """The jobs that wake the hold."""
        found = await self.redis.zrange(self.keys.queue(stage.value), 0, -1, withscores=True)
        hold = self.keys.hold(stage, CONVERSATION).set
        return {job.decode(): due for job, due in found if job.decode().startswith(f"{hold}:")}


@pytest.fixture
def desk(redis: Redis, keys: Keys) -> Desk:
    return Desk(redis, keys)


async def test_a_held_message_has_a_job_at_its_very_time(desk: Desk) -> None:
    await desk.hold("later", FAR_AWAY)
    assert await desk.jobs() == {f"{desk.hold_key}:{FAR_AWAY}": FAR_AWAY}
    await desk.hold("sooner", FAR_AWAY - 5)
    assert f"{desk.hold_key}:{FAR_AWAY - 5}" in await desk.jobs()
    assert [held.message_id for held in await desk.held()] == [f"{CONVERSATION}-{name}" for name in ("sooner", "later")]
    assert await desk.redis.zrange(desk.keys.held, 0, -1, withscores=True) == [
        (desk.hold_key.encode(), float(FAR_AWAY - 5))
    ]


async def test_what_is_due_joins_in_the_order_of_its_times_then_of_its_coming(desk: Desk) -> None:
    for name, due_ms in (("c", 30), ("a", 10), ("b1", 20), ("b2", 20), ("future", FAR_AWAY)):
        await desk.hold(name, due_ms)
    assert await desk.release() == 4
    assert await desk.names() == ["a", "b1", "b2", "c"]
    assert [held.message_id for held in await desk.held()] == [f"{CONVERSATION}-future"]
    assert await desk.release() == 0
    lane = desk.keys.lane(Stage.FORMAT, CONVERSATION)
    assert await desk.redis.zcard(lane.queue) > len(await desk.jobs()), "the lane that was idle has its job"


async def test_the_last_message_leaves_nothing_behind(desk: Desk) -> None:
    await desk.hold("a", LONG_AGO)
    (job_id,) = await desk.jobs()
    assert await desk.release(job_id=job_id) == 1
    assert await desk.jobs() == {}
    assert not await desk.redis.exists(desk.keys.held, desk.hold_key)
    assert [key async for key in desk.redis.scan_iter(f"{desk.hold_key}:*")] == []


async def test_a_job_that_lets_go_while_a_message_comes_does_not_forget_it(desk: Desk) -> None:
    """Its own job is finished in the same step, so a message of the same ms finds none and gets a new one."""
    await desk.hold("a", LONG_AGO)
    (job_id,) = await desk.jobs()
    assert await desk.release(job_id=job_id) == 1
    await desk.hold("b", LONG_AGO)
    assert list(await desk.jobs()) == [job_id]


async def test_the_same_message_is_put_aside_once(desk: Desk) -> None:
    """A connection that breaks before the answer makes the client repeat the call."""
    call = hold_reply(keys=desk.keys, reply=reply_of("a"), due_ms=FAR_AWAY)
    assert [await desk.do(call) for _ in range(2)] == [1, 0]
    assert len(await desk.held()) == 1


async def test_a_lost_job_is_healed_by_the_sweeper(desk: Desk) -> None:
    await desk.hold("a", LONG_AGO)
    await desk.hold("b", FAR_AWAY)
    await desk.redis.delete(desk.keys.queue("format"))
    assert await mend_holds(desk.redis, desk.keys) == 1
    assert await desk.names() == ["a"]
    assert list(await desk.jobs()) == [f"{desk.hold_key}:{FAR_AWAY}"]

    await desk.redis.delete(desk.keys.queue("format"))
    assert await mend_holds(desk.redis, desk.keys) == 0
    assert await desk.jobs() == {}, "it is due in a hundred years"
    assert await mend_holds(desk.redis, desk.keys, ahead_s=FAR_AWAY / 1000) == 0
    assert list(await desk.jobs()) == [f"{desk.hold_key}:{FAR_AWAY}"], "it has its job before it is due"


async def test_a_hold_of_an_unknown_stage_is_left_alone(desk: Desk) -> None:
    await desk.redis.zadd(desk.keys.held, {f"{desk.keys.prefix}hold:newer:c": 1})
    await desk.hold("a", LONG_AGO)
    assert await mend_holds(desk.redis, desk.keys) == 1
    assert await desk.redis.zcard(desk.keys.held) == 1
    assert await load_all_held(desk.redis, desk.keys) == []


async def test_quiet_parts_leave_the_head_of_their_lane_and_come_back_together(desk: Desk) -> None:
    quiet, answer = parts_of("quiet", 2), parts_of("answer", 1)
    await desk.fill(*quiet, *answer)
    assert await desk.put_off(quiet[0], 2, LONG_AGO) == 1
    assert await desk.parts() == ["answer.0"]
    (held,) = await desk.held(Stage.OUTBOUND)
    assert (held.part_ids, held.has_begun) == (tuple(part.part_id for part in quiet), False)
    assert await desk.release(Stage.OUTBOUND) == 1
    assert await desk.parts() == ["answer.0", "quiet.0", "quiet.1"]


async def test_however_many_are_due_they_leave_together_and_in_order(desk: Desk) -> None:
    names = [f"n{number:03}" for number in range(250)]
    for name in names:
        await desk.hold(name, LONG_AGO)
    assert await desk.release() == len(names)
    assert await desk.names() == names
    assert await desk.held() == []


async def test_what_is_held_and_due_goes_before_what_came_later(desk: Desk) -> None:
    night, morning, noon = parts_of("night", 2), parts_of("morning", 2), parts_of("noon", 1)
    await desk.fill(*night)
    assert await desk.put_off(night[0], 2, LONG_AGO) == 1
    await desk.fill(*morning, *noon)
    assert await desk.put_off(morning[0], 2, 0) == 1
    assert await desk.parts() == ["night.0", "night.1", "morning.0", "morning.1", "noon.0"]
    assert await desk.held(Stage.OUTBOUND) == []


async def test_what_was_let_go_a_moment_ago_still_goes_first_and_meets_nobody_in_the_hold(desk: Desk) -> None:
    night, morning = parts_of("night", 1), parts_of("morning", 2)
    await desk.fill(*night)
    assert await desk.put_off(night[0], 1, LONG_AGO) == 1
    await desk.fill(*morning)
    assert await desk.release(Stage.OUTBOUND) == 1  # between the question of `morning` and its answer
    assert await desk.put_off(morning[0], 2, 0) == 1
    assert await desk.parts() == ["night.0", "morning.0", "morning.1"]
    assert await desk.held(Stage.OUTBOUND) == []


async def test_a_zombie_holds_nothing(desk: Desk) -> None:
    (part,) = parts_of("a", 1)
    await desk.fill(part)
    old = await desk.turn()
    assert await desk.put_off(part, 1, FAR_AWAY) == 1
    await desk.fill(*parts_of("b", 1))
    assert await desk.put_off(part, 1, FAR_AWAY, turn=old) == 0
    assert await desk.parts() == ["b.0"]


async def test_a_held_message_is_canceled_however_often_the_call_is_sent(desk: Desk) -> None:
    await desk.hold("a", FAR_AWAY)
    await desk.hold("b", FAR_AWAY)
    held = await load_held_message(desk.redis, desk.keys, f"{CONVERSATION}-a")
    assert held is not None
    assert [await desk.do(cancel(keys=desk.keys, held=held)) for _ in range(2)] == [b"canceled", b"canceled"]
    assert [each.message_id for each in await desk.held()] == [f"{CONVERSATION}-b"]
    assert await desk.redis.hget(desk.keys.message(held.message_id), "canceled_ms")  # type: ignore[misc]


async def test_what_has_joined_its_lane_cannot_be_canceled(desk: Desk) -> None:
    await desk.hold("a", LONG_AGO)
    (held,) = await desk.held()
    await desk.release()
    assert await desk.do(cancel(keys=desk.keys, held=held)) == b"gone"
    assert await desk.names() == ["a"]


async def test_what_may_be_with_twilio_cannot_be_canceled(desk: Desk) -> None:
    (part,) = parts_of("a", 1)
    await desk.fill(part)
    announced = dispatch(
        keys=desk.keys, part=part, turn=await desk.turn(), attempt="a", sender="+1", segments_per_second=0
    )
    assert (await desk.do(announced))[0] == b"go"
    assert await desk.put_off(part, 1, FAR_AWAY) == 1
    (held,) = await desk.held(Stage.OUTBOUND)
    assert await desk.do(cancel(keys=desk.keys, held=held)) == b"sent"
    assert len(await desk.held(Stage.OUTBOUND)) == 1


# --- the machine ---

KEYS = Keys("test:")
PEOPLE = ("ann", "bob")
people = st.sampled_from(PEOPLE)


class Holds(RuleBasedStateMachine):
    """Two people's messages: held, released, canceled, or taken from the lane and held again, as quiet hours do.

    The lane is the outbound one throughout. `order` is what the model expects in the hold: (due, number of coming).
    """

    client: sync_redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.held: dict[str, list[tuple[int, int, str]]] = {person: [] for person in PEOPLE}
        self.lane: dict[str, list[str]] = {person: [] for person in PEOPLE}
        self.sent: dict[str, list[str]] = {person: [] for person in PEOPLE}
        self.canceled: set[str] = set()
        self.number = 0

    # --- what happens ---

    @rule(person=people, due_ms=st.sampled_from([10, 20, 30, FAR_AWAY, FAR_AWAY + 10]))
    def quiet_hours_hold_the_head(self, person: str, due_ms: int) -> None:
        """A new message comes to its lane; a worker finds that it must not go now, and may ask twice."""
        self.number += 1
        message = f"{person}-{self.number}"
        part = self.part(person, message)
        self.run(append(lane=KEYS.lane(Stage.OUTBOUND, person), stage=Stage.OUTBOUND, records=(encode(part),)))
        self.lane[person].append(message)
        self.hold_head(person, due_ms)

    @precondition(lambda self: any(self.lane.values()))
    @rule(person=people, due_ms=st.sampled_from([10, FAR_AWAY]), twice=st.booleans())
    def what_had_joined_is_held_again(self, person: str, due_ms: int, twice: bool) -> None:
        turn = self.turn(person)
        if self.lane[person]:
            self.hold_head(person, due_ms)
            if twice:
                assert self.run(self.hold_call(person, "x", turn, due_ms)) == 0, "the turn is over"

    @precondition(lambda self: any(self.lane.values()))
    @rule(person=people)
    def the_head_is_sent(self, person: str) -> None:
        if self.lane[person]:
            self.sent[person].append(self.lane[person].pop(0))
            self.send_head(person)

    @rule(person=people, with_job=st.booleans(), twice=st.booleans())
    def a_job_lets_go(self, person: str, with_job: bool, twice: bool) -> None:
        """Perhaps the job, perhaps the sweeper; perhaps the answer got lost and it comes again."""
        jobs = [job for job in self.jobs(person) if with_job]
        for _ in range(1 + twice):
            self.run(release(keys=KEYS, stage=Stage.OUTBOUND, conversation=person, job_id=jobs[0] if jobs else ""))
        self.expect_release(person)

    @rule(person=people)
    def a_worker_dies_before_it_lets_go(self, person: str) -> None:
        """Its job stays, claimed: the lease will end."""

    @rule(person=people)
    def a_job_is_lost(self, person: str) -> None:
        for job in self.jobs(person):
            self.client.zrem(KEYS.queue("outbound"), job)
            self.client.delete(f"arq:job:{job}")
        self.sweep()

    @rule()
    def sweep(self) -> None:
        """The sweeper as in `mend_holds`, with a long look ahead."""
        indexed: Any = self.client.zrange(KEYS.held, 0, -1)
        for raw in indexed:
            _, person = KEYS.hold_of_set(raw.decode())
            self.run(release(keys=KEYS, stage=Stage.OUTBOUND, conversation=person))
            self.expect_release(person)

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data(), twice=st.booleans())
    def somebody_cancels(self, data: st.DataObject, twice: bool) -> None:
        person = data.draw(st.sampled_from([person for person in PEOPLE if self.held[person]]))
        entry = data.draw(st.sampled_from(sorted(self.held[person])))
        members: Any = self.client.zrange(KEYS.hold(Stage.OUTBOUND, person).set, 0, -1)
        (member,) = [raw.decode() for raw in members if raw.decode().endswith(f":{entry[2]}")]
        held = Held(
            message_id=entry[2],
            stage=Stage.OUTBOUND,
            conversation=person,
            member=member,
            due_ms=entry[0],
            account_id="default",
            to=ANN,
            origin=Origin.API,
            part_ids=(f"{entry[2]}.0",),
        )
        assert self.run(cancel(keys=KEYS, held=held)) == b"canceled"
        if twice:
            assert self.run(cancel(keys=KEYS, held=held)) == b"canceled"
        self.held[person].remove(entry)
        self.canceled.add(entry[2])

    @rule(person=people)
    def their_time_comes(self, person: str) -> None:
        """The clock moves on past the first far time; jobs keep their names, as they do in a queue."""
        hold = KEYS.hold(Stage.OUTBOUND, person)
        later: Any = self.client.zrangebyscore(hold.set, FAR_AWAY, "+inf")
        for member in later:
            self.client.zadd(hold.set, {member: 40})
        first: Any = self.client.zrange(hold.set, 0, 0, withscores=True)
        if first:
            self.client.zadd(KEYS.held, {hold.set: first[0][1]})
        self.held[person] = [(due if due < FAR_AWAY else 40, number, name) for due, number, name in self.held[person]]
        for job in self.jobs(person):
            self.client.zadd(KEYS.queue("outbound"), {job: 1})

    # --- what always holds ---

    @invariant()
    def every_message_is_in_one_place_and_in_order(self) -> None:
        for person in PEOPLE:
            members: Any = self.client.zrange(KEYS.hold(Stage.OUTBOUND, person).set, 0, -1)
            in_hold = [raw.decode().partition(":")[2] for raw in members]
            lane: Any = self.client.lrange(KEYS.lane(Stage.OUTBOUND, person).list, 0, -1)
            in_lane = [decode_part(record).reply_id for record in lane]
            # What comes due at one ms by the clock's moving keeps the order of its numbers.
            assert in_hold == [name for _, _, name in sorted(self.held[person])]
            assert in_lane == self.lane[person]
            entries = list(self.client.scan_iter(f"{KEYS.hold(Stage.OUTBOUND, person).set}:*"))
            assert len(entries) == len(in_hold), "each has its records, and no records are left over"

    @invariant()
    def a_hold_has_its_job_and_its_place_in_the_index(self) -> None:
        for person in PEOPLE:
            hold = KEYS.hold(Stage.OUTBOUND, person).set
            first: Any = self.client.zrange(hold, 0, 0, withscores=True)
            indexed: Any = self.client.zscore(KEYS.held, hold)
            assert indexed == (first[0][1] if first else None)
            if first:
                scores: list[Any] = [self.client.zscore(KEYS.queue("outbound"), job) for job in self.jobs(person)]
                assert scores, "somebody will come"
                assert min(scores) <= first[0][1], "and not too late"

    def teardown(self) -> None:
        """Whatever has happened, honest workers now let all of it go, in order."""
        for person in PEOPLE:
            self.their_time_comes(person)
            while jobs := self.jobs(person):
                for job in jobs:
                    self.run(release(keys=KEYS, stage=Stage.OUTBOUND, conversation=person, job_id=job))
            self.expect_release(person)
            while self.lane[person]:
                self.the_head_is_sent(person)
        assert self.client.zcard(KEYS.held) == 0
        everything = {message for person in PEOPLE for message in self.sent[person]}
        assert len(everything) == sum(map(len, self.sent.values())), "nobody is texted twice"
        assert len(everything) + len(self.canceled) == self.number, "nothing is lost"
        assert not everything & self.canceled

    # --- hands ---

    def hold_head(self, person: str, due_ms: int) -> None:
        message = self.lane[person].pop(0)
        self.sequence = getattr(self, "sequence", 0) + 1
        self.held[person].append((due_ms, self.sequence, message))
        assert self.run(self.hold_call(person, message, self.turn(person), due_ms)) == 1

    def hold_call(self, person: str, message: str, turn: str, due_ms: int) -> Call:
        return hold_parts(keys=KEYS, part=self.part(person, message), turn=turn, count=1, due_ms=due_ms)

    def expect_release(self, person: str) -> None:
        due = sorted(entry for entry in self.held[person] if entry[0] < FAR_AWAY)
        self.held[person] = [entry for entry in self.held[person] if entry not in due]
        self.lane[person] += [name for _, _, name in due]

    def send_head(self, person: str) -> None:
        lane, sink = KEYS.lane(Stage.OUTBOUND, person), KEYS.lane(Stage.AGENT, person)
        call = hand_over(
            source=lane,
            source_stage=Stage.OUTBOUND,
            turn=self.turn(person),
            taken=1,
            target=sink,
            target_stage=Stage.AGENT,
            records=(),
        )
        assert self.run(call) == 1

    def turn(self, person: str) -> str:
        found: Any = self.client.hget(KEYS.conversation(person), "outbound")
        return str(found.decode()) if found else ""

    def part(self, person: str, message: str) -> Part:
        return Part(
            part_id=f"{message}.0",
            reply_id=message,
            index=0,
            count=1,
            account_id="default",
            conversation=person,
            to=ANN,
            body=message,
            encoding="GSM-7",
            segments=1,
            origin=Origin.API,
            created_ms=1,
        )

    def run(self, call: Call) -> Any:
        return self.client.execute_command("EVAL", call.script.source, *call.command()[2:])  # type: ignore[no-untyped-call]

    def jobs(self, person: str) -> list[str]:
        queued: Any = self.client.zrange(KEYS.queue("outbound"), 0, -1)
        hold = KEYS.hold(Stage.OUTBOUND, person).set
        return [job.decode() for job in queued if job.decode().startswith(f"{hold}:")]


def test_each_message_joins_its_lane_once_and_in_the_order_of_its_times(redis_url: str) -> None:
    class HoldsHere(Holds):
        client = sync_redis.Redis.from_url(redis_url)

    run_state_machine_as_test(
        HoldsHere,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    HoldsHere.client.flushall()
    HoldsHere.client.close()
