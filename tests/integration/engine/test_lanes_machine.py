"""Any order of texts, claims, commits, put-offs, deaths and sweeps: each record is handed over once, and in order.

The scripts run for real; workers are tokens with the claims they believe in, which may be stale (a zombie). Time is
not waited for: a lease ends when the test deletes its key and makes its score due, as Redis' clock would.
"""

from typing import Any

import redis
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from shared.claims import Again, Claimant, Claimed, Done, decode_cycle, decode_lost
from shared.keys import Keys, LaneKeys, Stage
from shared.lanes import append, hand_over, sweep
from shared.queue import split_job_id
from shared.scripts import Call

KEYS = Keys("test:")
QUEUE = KEYS.queue("agent")
CONVERSATIONS = ("a", "b", "c")
WORKERS = ("ann", "bob")

conversations = st.sampled_from(CONVERSATIONS)
workers = st.sampled_from(WORKERS)


class Lanes(RuleBasedStateMachine):
    """Agent lanes of three conversations, two workers; the format lanes collect what was handed over."""

    client: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.sent: dict[str, list[bytes]] = {conversation: [] for conversation in CONVERSATIONS}
        self.beliefs: dict[str, list[Claimed]] = {worker: [] for worker in WORKERS}

    # --- what happens ---

    @rule(conversation=conversations, number=st.integers(1, 3))
    def texts_come(self, conversation: str, number: int) -> None:
        records = [f"{conversation}{len(self.sent[conversation]) + index}".encode() for index in range(number)]
        self.sent[conversation] += records
        self.run(append(lane=agent(conversation), stage=Stage.AGENT, records=tuple(records)))

    @rule(worker=workers, slots=st.integers(1, 3))
    def claims(self, worker: str, slots: int) -> None:
        free = self.line_up()
        claims = decode_cycle(self.run(claimant(worker).cycle(slots=slots))).claims
        assert {claimed.job_id for claimed in claims} <= free, "nobody claims what somebody holds"
        self.beliefs[worker] += claims

    @rule(worker=workers, slots=st.integers(1, 3))
    def claims_and_dies(self, worker: str, slots: int) -> None:
        """Or: the answer gets lost. Nobody knows of these claims."""
        self.line_up()
        self.run(claimant(worker).cycle(slots=slots))

    @precondition(lambda self: any(self.beliefs.values()))
    @rule(data=st.data(), twice=st.booleans(), take=st.integers(1, 3), released=st.booleans())
    def commits(self, data: st.DataObject, twice: bool, take: int, released: bool) -> None:
        """Perhaps as a zombie; perhaps sent twice; perhaps with a needless release behind it."""
        worker, claimed = self.someone(data)
        records = tuple(claimed.records[:take])
        list_key, turn = split_job_id(claimed.job_id)
        conversation = KEYS.lane_of_list(list_key)[1]
        call = hand_over(
            source=agent(conversation),
            source_stage=Stage.AGENT,
            turn=turn,
            taken=len(records),
            target=KEYS.lane(Stage.FORMAT, conversation),
            target_stage=Stage.FORMAT,
            records=records,
        )
        replies = [self.run(call) for _ in range(1 + twice)]
        assert replies[1:] in ([], [0])
        if released or replies[0] == 0:
            self.run(claimant(worker).cycle(slots=0, released=[Done(claimed.job_id)]))

    @precondition(lambda self: any(self.beliefs.values()))
    @rule(data=st.data(), delay_ms=st.sampled_from([0, 3_600_000]), counted=st.booleans(), forgets=st.booleans())
    def puts_off(self, data: st.DataObject, delay_ms: int, counted: bool, forgets: bool) -> None:
        """Perhaps its renewal thread does not know yet."""
        worker, claimed = self.someone(data)
        self.run(claimant(worker).cycle(slots=0, released=[Again(claimed.job_id, delay_ms, counted)]))
        if not forgets:
            self.beliefs[worker].append(claimed)

    @rule(worker=workers)
    def renews(self, worker: str) -> None:
        job_ids = {claimed.job_id for claimed in self.beliefs[worker]}
        before = {job_id: self.client.zscore(QUEUE, job_id) for job_id in job_ids}
        lost = {job_id for job_id in job_ids if not self.may_renew(worker, job_id)}
        if job_ids:
            assert decode_lost(self.run(claimant(worker).renew(job_ids))) == lost
        for job_id in lost:
            assert self.client.zscore(QUEUE, job_id) == before[job_id], "what is not ours is not moved"

    @rule(worker=workers)
    def dies(self, worker: str) -> None:
        self.beliefs[worker] = []

    @rule(conversation=conversations)
    def a_lease_or_a_put_off_ends(self, conversation: str) -> None:
        """The claims of its worker become stale; the worker does not know."""
        for job_id in self.jobs(conversation):
            self.client.delete(f"arq:in-progress:{job_id}")
            self.client.zadd(QUEUE, {job_id: 1})

    @rule(conversation=conversations)
    def a_job_is_lost_and_swept(self, conversation: str) -> None:
        """Somebody deletes a job by hand; the sweeper comes by (in between, nobody looks)."""
        for job_id in self.jobs(conversation):
            self.client.zrem(QUEUE, job_id)
            self.client.delete(f"arq:job:{job_id}")
        self.run(sweep(lane=agent(conversation), stage=Stage.AGENT))

    @rule(conversation=conversations)
    def the_sweeper_comes_by(self, conversation: str) -> None:
        self.run(sweep(lane=agent(conversation), stage=Stage.AGENT))

    # --- what always holds ---

    @invariant()
    def every_record_is_in_one_place_and_in_order(self) -> None:
        for conversation in CONVERSATIONS:
            handed_over = self.records(KEYS.lane(Stage.FORMAT, conversation))
            waiting = self.records(agent(conversation))
            assert handed_over + waiting == self.sent[conversation]

    @invariant()
    def a_busy_lane_has_exactly_one_job_and_an_idle_one_none(self) -> None:
        for conversation in CONVERSATIONS:
            jobs = self.jobs(conversation)
            if self.records(agent(conversation)):
                turn: Any = self.client.hget(KEYS.conversation(conversation), "agent")
                assert jobs == [f"{agent(conversation).list}:{turn.decode()}"]
                assert self.client.exists(f"arq:job:{jobs[0]}")
            else:
                assert jobs == []

    @invariant()
    def the_index_lists_the_busy_lanes(self) -> None:
        busy: Any = self.client.zrange(KEYS.busy, 0, -1)
        for conversation in CONVERSATIONS:
            lane = agent(conversation)
            assert (lane.list.encode() in busy) == bool(self.records(lane))

    @invariant()
    def nothing_but_a_lease_or_a_retry_count_is_left_of_a_job_that_is_gone(self) -> None:
        queued = self.queued()
        for key in self.client.scan_iter("arq:in-progress:test:lane:agent:*"):
            assert key.removeprefix(b"arq:in-progress:") in queued

    def teardown(self) -> None:
        """Whatever has happened, two honest workers now finish all of it."""
        for conversation in CONVERSATIONS:
            self.a_lease_or_a_put_off_ends(conversation)
            self.the_sweeper_comes_by(conversation)
        while claims := decode_cycle(self.run(claimant("eve").cycle(slots=5))).claims:
            for claimed in claims:
                list_key, turn = split_job_id(claimed.job_id)
                conversation = KEYS.lane_of_list(list_key)[1]
                self.run(
                    hand_over(
                        source=agent(conversation),
                        source_stage=Stage.AGENT,
                        turn=turn,
                        taken=len(claimed.records),
                        target=KEYS.lane(Stage.FORMAT, conversation),
                        target_stage=Stage.FORMAT,
                        records=tuple(claimed.records),
                    )
                )
        for conversation in CONVERSATIONS:
            assert self.records(KEYS.lane(Stage.FORMAT, conversation)) == self.sent[conversation]
        assert self.client.zcard(QUEUE) == 0

    # --- hands ---

    def line_up(self) -> set[str]:
        """The jobs that nobody holds. Those that are due stand in a fixed order, not in that of the milliseconds in
        which they happened to come: a failing example must fail again."""
        free = {job.decode() for job in self.queued() if not self.client.exists(b"arq:in-progress:" + job)}
        seconds, _ = self.client.time()  # type: ignore[misc]
        for job_id in free:
            score = self.client.zscore(QUEUE, job_id)
            if isinstance(score, float) and score <= seconds * 1000 + 1000:
                conversation = KEYS.lane_of_list(split_job_id(job_id)[0])[1]
                self.client.zadd(QUEUE, {job_id: 1 + CONVERSATIONS.index(conversation)})
        return free

    def may_renew(self, worker: str, job_id: str) -> bool:
        """It holds the job, or held it last and nobody else has taken it since its lease ended."""
        holder, score = self.client.get(f"arq:in-progress:{job_id}"), self.client.zscore(QUEUE, job_id)
        if not isinstance(score, float):
            return False
        seconds, _ = self.client.time()  # type: ignore[misc]
        return holder == worker.encode() or (holder is None and score <= seconds * 1000 + 1000)

    def someone(self, data: st.DataObject) -> tuple[str, Claimed]:
        """Some worker that believes to hold some job; afterwards it does not any more."""
        worker = data.draw(st.sampled_from([worker for worker in WORKERS if self.beliefs[worker]]))
        index = data.draw(st.integers(0, len(self.beliefs[worker]) - 1))
        return worker, self.beliefs[worker].pop(index)

    def run(self, call: Call) -> Any:
        return self.client.execute_command("EVAL", call.script.source, *call.command()[2:])  # type: ignore[no-untyped-call]

    def records(self, lane: LaneKeys) -> list[bytes]:
        found: Any = self.client.lrange(lane.list, 0, -1)
        return list(found)

    def queued(self) -> list[bytes]:
        found: Any = self.client.zrange(QUEUE, 0, -1)
        return list(found)

    def jobs(self, conversation: str) -> list[str]:
        return [job.decode() for job in self.queued() if job.startswith(agent(conversation).list.encode() + b":")]


def agent(conversation: str) -> LaneKeys:
    return KEYS.lane(Stage.AGENT, conversation)


def claimant(worker: str) -> Claimant:
    return Claimant(
        queue=QUEUE,
        bell=KEYS.bell("agent"),
        token=worker,
        lease_ms=600_000,
        peek=4,
        lanes=KEYS.lane(Stage.AGENT, "").list,
    )


def test_every_record_is_handed_over_once_and_in_order(redis_url: str) -> None:
    class LanesHere(Lanes):
        client = redis.Redis.from_url(redis_url)

    run_state_machine_as_test(
        LanesHere,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    LanesHere.client.flushall()
    LanesHere.client.close()
