"""Burying, retrying and dropping, in any order and with anything in between: nothing is lost, nothing goes out twice.

First the cases that people meet, told one by one; then a machine that looks for the others.
"""

import asyncio
from typing import Any

import msgspec
import pytest
import redis as sync_redis
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from redis.asyncio import Redis

from shared.dead_letters import Kept, bury, count_letters, drop, load_letters, load_named, load_notes, retry
from shared.delivery import record_status
from shared.keys import Keys, LaneKeys, Stage
from shared.lanes import append, fail, hand_over
from shared.outbox import Status, dispatch, load_part_state, release, settle
from shared.records import DeadLetter, InboundText, Origin, Part, decode_dead_letter, decode_part, encode
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call
from shared.setbacks import MOST_KEPT, setback_of

CONVERSATION = "conversation"


def parts_of(reply_id: str, count: int, conversation: str = CONVERSATION) -> list[Part]:
    return [
        Part(
            part_id=f"{reply_id}.{index}",
            reply_id=reply_id,
            index=index,
            count=count,
            account_id="default",
            conversation=conversation,
            to="+15557654321",
            body=f"part {index} of {reply_id}",
            encoding="GSM-7",
            segments=1,
            origin=Origin.AGENT,
            created_ms=1,
        )
        for index in range(count)
    ]


def letter_of(stage: Stage, turn: str, records: list[bytes], conversation: str = CONVERSATION) -> DeadLetter:
    return DeadLetter(
        letter_id=f"{stage.value}-{conversation}-{turn}",
        stage=stage.value,
        account_id="default",
        conversation=conversation,
        turn=turn,
        code="twilio-21211",
        message="no such number",
        hint="check it",
        attempts=1,
        buried_ms=1,
        records=tuple(records),
    )


class Desk:
    """One recipient's outbound lane, the worker at it, and the operator."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys
        self.lane = keys.lane(Stage.OUTBOUND, CONVERSATION)

    async def send(self, call: Call) -> Any:
        (reply,) = await execute(self.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def fill(self, *parts: Part) -> None:
        await self.send(append(lane=self.lane, stage=Stage.OUTBOUND, records=tuple(encode(part) for part in parts)))

    async def turn(self) -> str:
        turn = await self.redis.hget(self.lane.state, "outbound")  # type: ignore[misc]
        assert turn is not None
        return str(turn.decode())

    async def dispatch(self, part: Part, attempt: str, *, rate: float = 0, vain: str = "") -> tuple[str, str]:
        call = dispatch(
            keys=self.keys,
            part=part,
            turn=await self.turn(),
            attempt=attempt,
            sender="+15550001111",
            segments_per_second=rate,
            looked_for_ms=vain,
        )
        verdict, detail = await self.send(call)
        return verdict.decode(), detail.decode()

    async def fail(self, reason: str) -> int:
        setback = setback_of(reason, code="unreachable")
        call = fail(lane=self.lane, stage=Stage.OUTBOUND, turn=await self.turn(), setback=setback)
        failures, _ = await self.send(call)
        return int(failures)

    async def bury(self, *parts: Part) -> Kept:
        letter = letter_of(Stage.OUTBOUND, await self.turn(), [encode(part) for part in parts])
        part_ids = tuple(part.part_id for part in parts)
        assert await self.send(bury(keys=self.keys, stage=Stage.OUTBOUND, letter=letter, part_ids=part_ids)) == 1
        (kept,) = await load_named(self.redis, self.keys, [letter.letter_id])
        assert kept is not None
        return kept

    async def retry(self, kept: Kept) -> int:
        return int(await self.send(retry(keys=self.keys, kept=kept)))

    async def state(self, part: Part) -> str | None:
        state = await load_part_state(self.redis, self.keys, part.part_id)
        return None if state is None else state.state

    async def waiting(self) -> list[str]:
        return [decode_part(record).part_id for record in await load_list(self.redis, self.lane.list, 0, -1)]


@pytest.fixture
def desk(redis: Redis, keys: Keys) -> Desk:
    return Desk(redis, keys)


async def test_a_retried_letter_is_one_block_with_the_same_ids_at_the_end_of_its_lane(desk: Desk) -> None:
    """Ruling 24."""
    given_up, later = parts_of("r", 2), parts_of("s", 2)
    await desk.fill(*given_up, *later)
    kept = await desk.bury(*given_up)
    assert await desk.waiting() == ["s.0", "s.1"]
    assert await desk.retry(kept) == 1
    assert await desk.waiting() == ["s.0", "s.1", "r.0", "r.1"]
    assert await count_letters(desk.redis, desk.keys) == 0
    assert not await desk.redis.exists(desk.keys.dead_notes(kept.letter.letter_id))


async def test_a_letter_wakes_an_idle_lane(desk: Desk) -> None:
    (part,) = parts_of("r", 1)
    await desk.fill(part)
    kept = await desk.bury(part)
    assert await desk.redis.zcard(desk.lane.queue) == 0
    await desk.retry(kept)
    assert await desk.redis.zcard(desk.lane.queue) == 1
    assert await desk.redis.zcard(desk.lane.busy) == 1
    assert (await desk.dispatch(part, "a"))[0] == "go"


async def test_two_operators_retry_at_once_and_it_happens_once(desk: Desk) -> None:
    parts = parts_of("r", 2)
    await desk.fill(*parts)
    kept = await desk.bury(*parts)
    assert sorted(await asyncio.gather(*(desk.retry(kept) for _ in range(5)))) == [0, 0, 0, 0, 1]
    assert await desk.waiting() == ["r.0", "r.1"]


async def test_a_retry_and_a_drop_at_once_and_one_of_them_wins(desk: Desk) -> None:
    (part,) = parts_of("r", 1)
    await desk.fill(part)
    kept = await desk.bury(part)
    call = drop(keys=desk.keys, letter_id=kept.letter.letter_id)
    dropped, retried = await asyncio.gather(desk.send(call), desk.retry(kept))
    assert dropped + retried == 1
    assert len(await desk.waiting()) == retried


async def test_a_part_that_was_buried_in_doubt_is_looked_for_and_not_just_sent(desk: Desk) -> None:
    head, rest = parts_of("r", 2)
    await desk.fill(head, rest)
    assert (await desk.dispatch(head, "a"))[0] == "go"
    kept = await desk.bury(head, rest)
    assert [await desk.state(head), await desk.state(rest)] == ["dead", None]
    assert (await load_notes(desk.redis, desk.keys, kept.letter.letter_id)).may_be_sent == {"r.0"}
    await desk.retry(kept)
    verdict, detail = await desk.dispatch(head, "b")
    assert verdict == "in_doubt"
    assert (await desk.dispatch(head, "b", vain=detail.split()[0]))[0] == "go", "not found: sent again"


async def test_a_part_that_was_refused_for_certain_is_sent_without_looking(desk: Desk) -> None:
    (part,) = parts_of("r", 1)
    await desk.fill(part)
    await desk.dispatch(part, "a")
    await desk.send(release(keys=desk.keys, part_id=part.part_id, attempt="a"))
    kept = await desk.bury(part)
    assert (await load_notes(desk.redis, desk.keys, kept.letter.letter_id)).may_be_sent == frozenset()
    await desk.retry(kept)
    assert await desk.state(part) == "waiting"
    assert (await desk.dispatch(part, "b"))[0] == "go"


async def test_a_callback_for_a_buried_part_settles_it_and_a_retry_sends_nothing(desk: Desk) -> None:
    head, rest = parts_of("r", 2)
    await desk.fill(head, rest)
    await desk.dispatch(head, "a")
    kept = await desk.bury(head, rest)
    await desk.send(record_status(keys=desk.keys, part_id=head.part_id, sid="SM1", status=Status.DELIVERED))
    assert await desk.state(head) == "accepted"
    await desk.retry(kept)
    assert await desk.dispatch(head, "b") == ("accepted", "SM1")
    call = settle(keys=desk.keys, part=head, turn=await desk.turn(), sid="SM1", status=Status.ACCEPTED)
    assert await desk.send(call) == 1
    assert (await desk.dispatch(rest, "b"))[0] == "go"


async def test_a_part_that_twilio_had_before_its_burial_stays_accepted(desk: Desk) -> None:
    (part,) = parts_of("r", 1)
    await desk.fill(part)
    await desk.dispatch(part, "a")
    await desk.send(record_status(keys=desk.keys, part_id=part.part_id, sid="SM1", status=Status.SENT))
    kept = await desk.bury(part)
    assert await desk.state(part) == "accepted"
    await desk.retry(kept)
    assert (await desk.dispatch(part, "b"))[0] == "accepted"


async def test_a_doubt_outlives_the_state_of_the_part(desk: Desk) -> None:
    """A letter stays for ever, the hash of a part 30 days."""
    (part,) = parts_of("r", 1)
    await desk.fill(part)
    await desk.dispatch(part, "a")
    kept = await desk.bury(part)
    await desk.redis.delete(desk.keys.part(part.part_id))
    await desk.retry(kept)
    assert (await desk.dispatch(part, "b"))[0] == "in_doubt"


async def test_a_letter_without_notes_counts_every_journal_entry_as_doubt(desk: Desk) -> None:
    """As a worker of an older version leaves it, during a rolling deploy."""
    (part,) = parts_of("r", 1)
    await desk.fill(part)
    await desk.dispatch(part, "a")
    kept = await desk.bury(part)
    await desk.redis.delete(desk.keys.dead_notes(kept.letter.letter_id))
    assert (await load_notes(desk.redis, desk.keys, kept.letter.letter_id)).failures is None
    await desk.retry(kept)
    assert (await desk.dispatch(part, "b"))[0] == "in_doubt"


async def test_retried_parts_take_their_turn_in_the_senders_pace(desk: Desk) -> None:
    """Or a thousand retried letters would all start in the past, at once."""
    first, second = parts_of("r", 1)[0], parts_of("s", 1)[0]
    await desk.fill(first, second)
    assert (await desk.dispatch(first, "a", rate=0.001))[0] == "go"
    await desk.send(release(keys=desk.keys, part_id=first.part_id, attempt="a"))
    kept = await desk.bury(first)
    await desk.send(retry(keys=desk.keys, kept=kept))
    await desk.bury(second)
    assert (await desk.dispatch(first, "b", rate=0.001))[0] == "wait"


async def test_the_failures_of_the_last_turn_are_kept_with_the_letter(desk: Desk) -> None:
    (part,) = parts_of("r", 1)
    await desk.fill(part)
    for reason in ("refused", "reset", "refused again"):
        await desk.fail(reason)
    kept = await desk.bury(part)
    notes = await load_notes(desk.redis, desk.keys, kept.letter.letter_id)
    assert notes.failures == 3
    assert [setback.reason for setback in notes.story] == ["refused", "reset", "refused again"]
    assert {setback.code for setback in notes.story} == {"unreachable"}
    assert notes.may_be_sent == frozenset(), "no reason is taken for a part"
    await desk.retry(kept)
    assert await desk.fail("anew") == 1, "it starts anew"


async def test_of_many_failures_the_last_are_kept(desk: Desk) -> None:
    (part,) = parts_of("r", 1)
    await desk.fill(part)
    for number in range(MOST_KEPT + 5):
        await desk.fail(f"number {number}")
    kept = await desk.bury(part)
    notes = await load_notes(desk.redis, desk.keys, kept.letter.letter_id)
    assert notes.failures == MOST_KEPT + 5
    assert [setback.reason for setback in notes.story] == [f"number {n}" for n in range(5, MOST_KEPT + 5)]


async def test_a_doubt_that_is_retried_is_not_forgotten_however_long_it_waits(desk: Desk) -> None:
    announced, untried = parts_of("r", 2)
    await desk.fill(announced, untried)
    await desk.dispatch(announced, "a")
    kept = await desk.bury(announced, untried)
    assert await desk.redis.pttl(desk.keys.part(announced.part_id)) > 0
    await desk.retry(kept)
    assert await desk.redis.pttl(desk.keys.part(announced.part_id)) == -1
    assert (await desk.dispatch(announced, "b"))[0] == "in_doubt"


async def test_letters_are_read_in_the_order_of_their_burial_and_never_expire(desk: Desk) -> None:
    parts = [parts_of(f"r{index}", 1)[0] for index in range(5)]
    await desk.fill(*parts)
    buried = [await desk.bury(part) for part in parts]
    assert [kept async for kept in load_letters(desk.redis, desk.keys)] == buried
    for kept in buried:
        for key in (desk.keys.dead_letter(kept.letter.letter_id), desk.keys.dead_notes(kept.letter.letter_id)):
            assert await desk.redis.pttl(key) == -1


async def test_a_letter_of_a_newer_version_is_left_alone(desk: Desk) -> None:
    strange = msgspec.structs.replace(letter_of(Stage.OUTBOUND, "1", []), stage="dream")
    with pytest.raises(ValueError, match="dream"):
        retry(keys=desk.keys, kept=Kept(letter=strange, raw=encode(strange)))


# --- the machine ---

KEYS = Keys("test:")
CONVERSATIONS = ("a", "b")
MOST_REPLIES = 6
"""Few enough that most steps are about what becomes of them."""
conversations = st.sampled_from(CONVERSATIONS)
OUTCOMES = ("settled", "answer lost", "refused", "frozen before the request", "callback before the answer")


class DeadLetters(RuleBasedStateMachine):
    """Two people's agent and outbound lanes, workers that die or come late, two operators, and Twilio as it is."""

    client: sync_redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.replies = 0
        self.attempts = 0
        self.records: dict[tuple[Stage, str], list[bytes]] = {
            (stage, each): [] for stage in (Stage.AGENT, Stage.OUTBOUND) for each in CONVERSATIONS
        }
        self.done: list[bytes] = []
        self.dropped: set[str] = set()
        self.twilio: dict[str, str] = {}
        self.read: list[Kept] = []
        self.frozen: list[tuple[str, str]] = []
        self.late: list[tuple[Part, str]] = []

    # --- what happens in the pipeline ---

    @precondition(lambda self: self.replies < MOST_REPLIES)
    @rule(conversation=conversations, count=st.integers(1, 3))
    def a_reply_comes(self, conversation: str, count: int) -> None:
        self.replies += 1
        records = [encode(part) for part in parts_of(f"r{self.replies}", count, conversation)]
        self.put(Stage.OUTBOUND, conversation, records)

    @precondition(lambda self: self.replies < MOST_REPLIES)
    @rule(conversation=conversations)
    def a_text_comes(self, conversation: str) -> None:
        self.replies += 1
        text = InboundText(
            message_sid=f"SM{self.replies}",
            account_id="default",
            conversation=conversation,
            sender="+15557654321",
            recipient="+15550001111",
            body="hello",
            received_ms=1,
        )
        self.put(Stage.AGENT, conversation, [encode(text)])

    @precondition(lambda self: self.busy(Stage.OUTBOUND))
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES), patient=st.booleans())
    def a_worker_is_at_the_head(self, data: st.DataObject, outcome: str, patient: bool) -> None:
        conversation = data.draw(st.sampled_from(self.busy(Stage.OUTBOUND)))
        self.attempt(decode_part(self.lane_records(Stage.OUTBOUND, conversation)[0]), outcome, patient=patient)

    @precondition(lambda self: self.busy(Stage.AGENT))
    @rule(data=st.data())
    def the_agent_answers_nothing(self, data: st.DataObject) -> None:
        conversation = data.draw(st.sampled_from(self.busy(Stage.AGENT)))
        self.done += self.lane_records(Stage.AGENT, conversation)[:1]
        assert self.run(self.agent_commit(conversation, 1)) == 1

    @precondition(lambda self: self.busy(Stage.AGENT))
    @rule(data=st.data(), twice=st.booleans())
    def a_turn_is_given_up(self, data: st.DataObject, twice: bool) -> None:
        conversation = data.draw(st.sampled_from(self.busy(Stage.AGENT)))
        self.give_up(Stage.AGENT, conversation, twice=twice)

    @precondition(lambda self: self.busy(Stage.OUTBOUND))
    @rule(data=st.data(), twice=st.booleans())
    def a_reply_is_given_up(self, data: st.DataObject, twice: bool) -> None:
        """Whatever the state of its head: refused, in doubt, accepted meanwhile, never tried."""
        conversation = data.draw(st.sampled_from(self.busy(Stage.OUTBOUND)))
        self.give_up(Stage.OUTBOUND, conversation, twice=twice)

    @precondition(lambda self: self.busy(Stage.OUTBOUND))
    @rule(data=st.data())
    def a_reply_is_given_up_in_doubt(self, data: st.DataObject) -> None:
        """The worst of all, so it gets a rule of its own."""
        conversation = data.draw(st.sampled_from(self.busy(Stage.OUTBOUND)))
        self.attempt(decode_part(self.lane_records(Stage.OUTBOUND, conversation)[0]), "answer lost", patient=True)
        if self.busy(Stage.OUTBOUND).count(conversation):
            self.give_up(Stage.OUTBOUND, conversation, twice=False)

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def an_answer_comes_late(self, data: st.DataObject) -> None:
        """A zombie settles its old turn; it may be the current one still."""
        part, turn = data.draw(st.sampled_from(self.late))
        if self.run(self.settling(part, turn)) == 1:
            self.done.append(encode(part))

    @precondition(lambda self: self.frozen)
    @rule(data=st.data())
    def a_frozen_worker_wakes_and_does_not_post(self, data: st.DataObject) -> None:
        part_id, attempt = data.draw(st.sampled_from(self.frozen))
        self.run(release(keys=KEYS, part_id=part_id, attempt=attempt))

    @precondition(lambda self: self.twilio)
    @rule(data=st.data(), status=st.sampled_from([Status.SENT, Status.DELIVERED, Status.FAILED]))
    def a_callback_comes(self, data: st.DataObject, status: Status) -> None:
        part_id = data.draw(st.sampled_from(sorted(self.twilio)))
        self.run(record_status(keys=KEYS, part_id=part_id, sid=self.twilio[part_id], status=status))

    # --- what operators do ---

    @precondition(lambda self: self.read)
    @rule(data=st.data(), times=st.integers(1, 2))
    def an_operator_retries(self, data: st.DataObject, times: int) -> None:
        """Perhaps a letter that was read long ago."""
        kept = data.draw(st.sampled_from(self.read))
        there = int(kept.letter.letter_id in self.letters())
        assert [self.run(retry(keys=KEYS, kept=kept)) for _ in range(times)] == [there, 0][:times]

    @precondition(lambda self: self.read)
    @rule(data=st.data())
    def an_operator_drops(self, data: st.DataObject) -> None:
        letter = data.draw(st.sampled_from(self.read)).letter
        there = int(letter.letter_id in self.letters())
        assert self.run(drop(keys=KEYS, letter_id=letter.letter_id)) == there
        if there:
            self.done += letter.records
            self.dropped |= {decode_part(record).reply_id for record in letter.records if letter.stage == "outbound"}

    @rule()
    def a_month_passes_for_the_dead(self) -> None:
        for letter in self.letters().values():
            if letter.stage == "outbound":
                for record in letter.records:
                    part_id = decode_part(record).part_id
                    self.client.delete(KEYS.part(part_id), KEYS.sid(self.twilio.get(part_id, "none")))

    # --- what always holds ---

    @invariant()
    def every_record_is_in_exactly_one_of_lane_letters_and_done(self) -> None:
        letters = self.letters().values()
        for (stage, conversation), known in self.records.items():
            dead = [
                record
                for letter in letters
                if (letter.stage, letter.conversation) == (stage.value, conversation)
                for record in letter.records
            ]
            done = [record for record in self.done if record in known]
            assert sorted(self.lane_records(stage, conversation) + dead + done) == sorted(known)

    @invariant()
    def a_busy_lane_has_exactly_one_job_and_an_idle_one_none(self) -> None:
        for stage, conversation in self.records:
            listed, queued = lane(stage, conversation).list, self.members(KEYS.queue(stage.value))
            jobs = [job for job in queued if job.startswith(f"{listed}:".encode())]
            busy = bool(self.lane_records(stage, conversation))
            assert jobs == ([f"{listed}:{self.turn(stage, conversation)}".encode()] if busy else [])

    @invariant()
    def letters_and_notes_come_and_go_together(self) -> None:
        ids = set(self.letters())
        assert {key.decode() for key in self.client.scan_iter("test:dead:*")} == {
            key for each in ids for key in (KEYS.dead_letter(each), KEYS.dead_notes(each))
        }

    def teardown(self) -> None:
        """Whatever has happened: the operator retries all, and honest workers finish it."""
        for letter_id in self.letters():
            assert self.run(retry(keys=KEYS, kept=self.load(letter_id))) == 1
        for conversation in CONVERSATIONS:
            while records := self.lane_records(Stage.OUTBOUND, conversation):
                self.attempt(decode_part(records[0]), "settled", patient=True)
        for conversation in CONVERSATIONS:
            parts = [decode_part(record) for record in self.records[Stage.OUTBOUND, conversation]]
            for reply_id in {part.reply_id for part in parts} - self.dropped:
                expected = [part.part_id for part in parts if part.reply_id == reply_id]
                assert [part_id for part_id in self.twilio if part_id in expected] == expected, "all, once, in order"

    # --- hands ---

    def busy(self, stage: Stage) -> list[str]:
        return [each for each in CONVERSATIONS if self.lane_records(stage, each)]

    def give_up(self, stage: Stage, conversation: str, *, twice: bool) -> None:
        """What `workers/boundary.py` does; `twice`: the first answer got lost."""
        taken = self.lane_records(stage, conversation)
        part_ids: tuple[str, ...] = ()
        if stage is Stage.OUTBOUND:
            reply_id = decode_part(taken[0]).reply_id
            taken = [record for record in taken if decode_part(record).reply_id == reply_id]
            part_ids = tuple(decode_part(record).part_id for record in taken)
        letter = letter_of(stage, self.turn(stage, conversation), taken, conversation)
        call = bury(keys=KEYS, stage=stage, letter=letter, part_ids=part_ids)
        assert [self.run(call) for _ in range(1 + twice)] == [1, 0][: 1 + twice]
        self.read.append(self.load(letter.letter_id))

    def attempt(self, part: Part, outcome: str, *, patient: bool) -> None:
        """What `workers/outbound.py` does. `patient`: the grace period of a part in doubt has passed."""
        self.attempts += 1
        token, turn = f"t{self.attempts}", self.turn(Stage.OUTBOUND, part.conversation)
        verdict, detail = self.run(self.dispatching(part, turn, token))
        if verdict == b"in_doubt":
            if part.part_id in self.twilio:
                verdict = b"accepted"
            elif patient:
                verdict, _ = self.run(self.dispatching(part, turn, token, vain=detail.decode().split()[0]))
        if verdict == b"accepted":
            assert self.run(self.settling(part, turn)) == 1
            self.done.append(encode(part))
        elif verdict == b"go":
            self.post(part, turn, token, outcome)

    def post(self, part: Part, turn: str, token: str, outcome: str) -> None:
        if outcome == "frozen before the request":
            self.frozen.append((part.part_id, token))
        elif outcome == "refused":
            assert self.run(release(keys=KEYS, part_id=part.part_id, attempt=token)) == 1
        else:
            assert part.part_id not in self.twilio, "sent twice"
            self.twilio[part.part_id] = f"SM{part.part_id}"
            if outcome == "callback before the answer":
                self.run(record_status(keys=KEYS, part_id=part.part_id, sid=f"SM{part.part_id}", status=Status.SENT))
            if outcome == "settled":
                assert self.run(self.settling(part, turn)) == 1
                self.done.append(encode(part))
            else:
                self.late.append((part, turn))

    def dispatching(self, part: Part, turn: str, token: str, vain: str = "") -> Call:
        return dispatch(
            keys=KEYS,
            part=part,
            turn=turn,
            attempt=token,
            sender="+15550001111",
            segments_per_second=0,
            looked_for_ms=vain,
        )

    def settling(self, part: Part, turn: str) -> Call:
        return settle(keys=KEYS, part=part, turn=turn, sid=self.twilio[part.part_id], status=Status.QUEUED)

    def agent_commit(self, conversation: str, taken: int) -> Call:
        return hand_over(
            source=lane(Stage.AGENT, conversation),
            source_stage=Stage.AGENT,
            turn=self.turn(Stage.AGENT, conversation),
            taken=taken,
            target=lane(Stage.FORMAT, conversation),
            target_stage=Stage.FORMAT,
            records=(),
        )

    def put(self, stage: Stage, conversation: str, records: list[bytes]) -> None:
        self.records[stage, conversation] += records
        self.run(append(lane=lane(stage, conversation), stage=stage, records=tuple(records)))

    def run(self, call: Call) -> Any:
        return self.client.execute_command("EVAL", call.script.source, *call.command()[2:])  # type: ignore[no-untyped-call]

    def turn(self, stage: Stage, conversation: str) -> str:
        turn: Any = self.client.hget(KEYS.conversation(conversation), stage.value)
        return str(turn.decode())

    def lane_records(self, stage: Stage, conversation: str) -> list[bytes]:
        found: Any = self.client.lrange(lane(stage, conversation).list, 0, -1)
        return list(found)

    def members(self, key: str) -> list[bytes]:
        found: Any = self.client.zrange(key, 0, -1)
        return list(found)

    def load(self, letter_id: str) -> Kept:
        raw: Any = self.client.get(KEYS.dead_letter(letter_id))
        return Kept(letter=decode_dead_letter(raw), raw=raw)

    def letters(self) -> dict[str, DeadLetter]:
        return {each.decode(): self.load(each.decode()).letter for each in self.members(KEYS.dead)}


def lane(stage: Stage, conversation: str) -> LaneKeys:
    return KEYS.lane(stage, conversation)


def test_every_record_is_in_one_place_and_every_part_goes_out_once(redis_url: str) -> None:
    class DeadLettersHere(DeadLetters):
        client = sync_redis.Redis.from_url(redis_url)

    run_state_machine_as_test(
        DeadLettersHere,
        settings=settings(
            max_examples=150, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    DeadLettersHere.client.flushall()
    DeadLettersHere.client.close()
