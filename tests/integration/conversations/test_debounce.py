"""Ruling 24: each text restarts the quiet time, up to five times its length; whatever else happens to the turn.

The scripts run for real. Time is not waited for: a machine moves the window and the job's due time into the past
together, as Redis' clock would move away from them. What is asserted are due times that Redis holds, never how long
something takes.
"""

from typing import Any

import redis
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from shared.admission import Verdict, admit, verdict_of
from shared.claims import Again, Claimant, Claimed, decode_cycle
from shared.gate import Gate, Keyword
from shared.keys import Keys, Stage, conversation_id
from shared.lanes import hand_over
from shared.queue import split_job_id
from shared.records import InboundText, decode_inbound_text
from shared.scripts import Call

KEYS = Keys("test:")
QUEUE = KEYS.queue("agent")
ANN = "+15557650001"
CONVERSATION = conversation_id("default", ANN)
LANE = KEYS.lane(Stage.AGENT, CONVERSATION)
WINDOW = "agent:window"
DELAY_MS = 60_000
SLACK_MS = 5_000
"""How far Redis' clock may have gone on between a script and the look at what it left."""

CLAIMANT = Claimant(
    queue=QUEUE, bell=KEYS.bell("agent"), token="ann", lease_ms=600_000, peek=500, lanes=KEYS.lane(Stage.AGENT, "").list
)


class Debounce(RuleBasedStateMachine):
    """One lane, one worker. The model: when the turn that gathers opened, and when the last text came, in ms ago."""

    client: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.sent: list[str] = []
        self.done: list[str] = []
        self.held: Claimed | None = None
        self.is_put_off = False
        """The current turn was claimed and waits for another reason than quiet."""
        self.opened_ago: int | None = None
        """When the first text came of the turn that gathers; None: none does."""
        self.last_ago = 0

    @rule()
    def a_text_comes(self) -> None:
        if self.due_in() is not None and self.is_waiting and self.due_in() <= 0:  # type: ignore[operator]
            return  # it is about to be claimed, which is not this rule's matter
        body = str(len(self.sent))
        self.sent.append(body)
        if self.opened_ago is None or (not self.is_waiting and self.wanted() <= 0):
            self.opened_ago = 0
        self.last_ago = 0
        text = InboundText(
            message_sid=f"SM{body}",
            account_id="default",
            conversation=CONVERSATION,
            sender=ANN,
            recipient="+15550001111",
            body=body,
            received_ms=1,
        )
        gate = Gate(
            policy="open",
            sender_per_minute=0,
            account_per_minute=0,
            pairing_max_pending=0,
            debounce_ms=DELAY_MS,
        )
        call = admit(keys=KEYS, gate=gate, text=text, listed=False, keyword=Keyword.NONE, now_ms=1)
        assert verdict_of(self.run(call)) is Verdict.ACCEPTED

    @rule(times=st.integers(2, 9), ms=st.sampled_from([15_000, 35_000, 50_000]))
    def somebody_types_on(self, times: int, ms: int) -> None:
        for _ in range(times):
            self.a_text_comes()
            self.time_passes(ms)

    @rule(ms=st.sampled_from([20_000, 70_000, 400_000]))
    def time_passes(self, ms: int) -> None:
        """Leases do not end here."""
        window: Any = self.client.hget(KEYS.conversation(CONVERSATION), WINDOW)
        if window is not None:
            turn, opened, due = window.decode().split()
            self.client.hset(KEYS.conversation(CONVERSATION), WINDOW, f"{turn} {int(opened) - ms} {int(due) - ms}")
        if self.held is None and self.job() is not None:
            self.client.zincrby(QUEUE, -ms, str(self.job()))
        self.last_ago += ms
        if self.opened_ago is not None:
            self.opened_ago += ms

    @rule()
    def a_worker_looks(self) -> None:
        """It gets the turn exactly when it is due."""
        due_in = self.due_in()
        claims = decode_cycle(self.run(CLAIMANT.cycle(slots=5))).claims
        if self.held is not None or due_in is None:
            assert claims == []
            return
        assert abs(due_in) < SLACK_MS or (due_in <= 0) == bool(claims)
        if claims:
            (self.held,) = claims
            self.opened_ago = self.opened_ago if self.is_put_off else None
            self.is_put_off = False

    @precondition(lambda self: self.held is not None)
    @rule(delay_ms=st.sampled_from([2_000, 400_000]))
    def the_turn_waits_for_another_reason(self, delay_ms: int) -> None:
        """It failed, or its account is away: no text moves it, however many come."""
        assert self.held is not None
        self.run(CLAIMANT.cycle(slots=0, released=[Again(self.held.job_id, delay_ms, counted=False)]))
        self.held, self.is_put_off = None, True

    @precondition(lambda self: self.held is not None)
    @rule()
    def the_turn_ends(self) -> None:
        assert self.held is not None
        records = self.held.records
        call = hand_over(
            source=LANE,
            source_stage=Stage.AGENT,
            turn=split_job_id(self.held.job_id)[1],
            taken=len(records),
            target=KEYS.lane(Stage.FORMAT, CONVERSATION),
            target_stage=Stage.FORMAT,
            records=tuple(records),
        )
        assert self.run(call) == 1
        self.done += [decode_inbound_text(record).body for record in records]
        self.held = None
        if self.done == self.sent:
            self.opened_ago = None

    @invariant()
    def the_turn_that_gathers_is_due_when_it_has_been_quiet_and_never_after_five_times_that(self) -> None:
        due_in = self.due_in()
        if due_in is None or self.held is not None or self.is_put_off:
            return
        wanted = self.wanted()
        if wanted > -SLACK_MS or due_in > SLACK_MS:  # a turn that was due long ago starts when it can
            assert abs(due_in - wanted) < SLACK_MS

    @invariant()
    def every_text_is_in_one_place_and_in_order(self) -> None:
        waiting: Any = self.client.lrange(LANE.list, 0, -1)
        assert self.done + [decode_inbound_text(record).body for record in waiting] == self.sent

    def wanted(self) -> int:
        """When the turn that gathers should be due, in ms from now."""
        assert self.opened_ago is not None
        return min(DELAY_MS - self.last_ago, 5 * DELAY_MS - self.opened_ago)

    @property
    def is_waiting(self) -> bool:
        return self.held is None and not self.is_put_off

    def job(self) -> str | None:
        jobs: Any = self.client.zrange(QUEUE, 0, -1)
        assert len(jobs) <= 1, "a lane has one job"
        return jobs[0].decode() if jobs else None

    def due_in(self) -> int | None:
        """When the job is due, in ms from now; None: there is none."""
        job = self.job()
        if job is None:
            return None
        score = self.client.zscore(QUEUE, job)
        seconds, micros = self.client.time()  # type: ignore[misc]
        assert isinstance(score, float)
        now_ms: int = seconds * 1000 + micros // 1000
        return int(score) - now_ms

    def run(self, call: Call) -> Any:
        return self.client.execute_command("EVAL", call.script.source, *call.command()[2:])  # type: ignore[no-untyped-call]


def test_each_text_restarts_the_quiet_time_up_to_five_times_its_length(redis_url: str) -> None:
    class Here(Debounce):
        client = redis.Redis.from_url(redis_url)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=80, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    Here.client.flushall()
    Here.client.close()
