"""Any order of STOP, START, 21610, operators, sends, deaths and late answers: nothing is journalled after an opt-out.

The scripts run for real, and the model is told only what was answered. Since Redis runs one script at a time, an order
of scripts is an order of events: a STOP that was answered before a dispatch must be seen by it, whatever that part
has been through.
"""

from typing import Any

import redis
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from shared.admission import Verdict, admit, verdict_of
from shared.gate import Gate, Keyword
from shared.keys import Keys, Stage, conversation_id
from shared.lanes import append
from shared.optout import Cause, change_opt_out, new_change
from shared.outbox import Status, dispatch, release, settle
from shared.records import InboundText, Origin, Part, encode
from shared.scripts import Call

KEYS = Keys("test:")
SMS = "+15557650001"
ADDRESSES = (SMS, f"rcs:{SMS}")
"""One person over two channels: two conversations, one opt-out."""
POLICIES = ("pairing", "allowlist", "open", "disabled")

addresses = st.sampled_from(ADDRESSES)


class Race(RuleBasedStateMachine):
    """One account, one person over two channels, and everything that may happen around their parts."""

    client: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.out = False
        self.texts = 0
        self.attempts = 0
        self.parts: dict[str, list[Part]] = {address: [] for address in ADDRESSES}
        self.journalled: dict[str, tuple[str, str]] = {}
        """Conversation -> attempt and ms of the journal entry, while its head is announced."""
        for address in ADDRESSES:
            for index in range(6):
                self.put(address, index)

    # --- what happens ---

    @rule(address=addresses, word=st.sampled_from(list(Keyword)), policy=st.sampled_from(POLICIES), whole=st.booleans())
    def texts_come(self, address: str, word: Keyword, policy: str, whole: bool) -> None:
        self.texts += 1
        verdict = self.admit(address, word, policy, whole)
        if word is Keyword.STOP:
            assert verdict is Verdict.OPT_OUT, "recorded under every policy and limit"
            self.out = True
        elif word is Keyword.START and self.out:
            assert verdict is Verdict.OPT_IN
            self.out = False
        else:
            assert (verdict is Verdict.OPTED_OUT) == self.out

    @rule(address=addresses, out=st.booleans(), cause=st.sampled_from([Cause.OPERATOR, Cause.TWILIO]))
    def changed_from_elsewhere(self, address: str, out: bool, cause: Cause) -> None:
        made = new_change(address, out=out, cause=cause)
        assert self.run(change_opt_out(keys=KEYS, account_id="default", change=made)) == (out != self.out)
        self.out = out

    @precondition(lambda self: any(self.parts.values()))
    @rule(address=addresses, again=st.booleans())
    def sends(self, address: str, again: bool) -> None:
        """A worker takes the head; with `again` one that has looked in vain for what another announced."""
        if not self.parts[address]:
            return
        part, (known, stamp) = self.parts[address][0], self.journalled.get(address, ("", ""))
        self.attempts += 1
        attempt = f"a{self.attempts}"
        verdict, detail = self.dispatch(part, attempt, looked_for_ms=stamp if again else "")
        assert not (self.out and verdict == "go"), "journalled after the opt-out was answered"
        if verdict == "go":
            self.journalled[address] = (attempt, detail.partition(" ")[0])
        elif known and not again:
            assert verdict == "in_doubt", "what was announced before is looked for, not forgotten"
        else:
            assert verdict == "opted_out"

    @precondition(lambda self: self.journalled)
    @rule(data=st.data(), accepted=st.booleans())
    def answer_comes(self, data: st.DataObject, accepted: bool) -> None:
        """Late or not: what was posted before the STOP is settled all the same. A worker that dies brings none."""
        address = data.draw(st.sampled_from(sorted(self.journalled)))
        attempt, _ = self.journalled.pop(address)
        part = self.parts[address][0]
        if not accepted:
            assert self.run(release(keys=KEYS, part_id=part.part_id, attempt=attempt)) == 1
            return
        call = settle(keys=KEYS, part=part, turn=self.turn(address), sid=f"SM{part.part_id}", status=Status.QUEUED)
        assert self.run(call) == 1
        self.parts[address].pop(0)

    # --- what must hold ---

    @invariant()
    def the_record_agrees_with_what_was_answered(self) -> None:
        assert bool(self.client.hexists(KEYS.opted_out("default"), SMS)) == self.out
        assert self.client.hlen(KEYS.opted_out("default")) == self.out

    # --- how ---

    def run(self, call: Call) -> Any:
        return self.client.eval(call.script.source, len(call.keys), *call.keys, *call.args)

    def admit(self, address: str, word: Keyword, policy: str, whole: bool) -> Verdict:
        text = InboundText(
            message_sid=f"SM{self.texts}",
            account_id="default",
            conversation=conversation_id("default", address),
            sender=address,
            recipient="+15550001111",
            body=word.value or "hello",
            received_ms=1,
        )
        gate = Gate(policy=policy, sender_per_minute=1, account_per_minute=1, pairing_max_pending=1, debounce_ms=0)
        call = admit(keys=KEYS, gate=gate, text=text, listed=False, keyword=word, now_ms=1, whole=whole)
        return verdict_of(self.run(call))

    def put(self, address: str, index: int) -> None:
        conversation = conversation_id("default", address)
        part = Part(
            part_id=f"{conversation}.{index}",
            reply_id=conversation,
            index=index,
            count=6,
            account_id="default",
            conversation=conversation,
            to=address,
            body="hi",
            encoding="GSM-7",
            segments=1,
            origin=Origin.AGENT,
            created_ms=1,
        )
        self.parts[address].append(part)
        lane = KEYS.lane(Stage.OUTBOUND, conversation)
        self.run(append(lane=lane, stage=Stage.OUTBOUND, records=(encode(part),)))

    def turn(self, address: str) -> str:
        raw: Any = self.client.hget(KEYS.conversation(conversation_id("default", address)), Stage.OUTBOUND.value)
        return bytes(raw).decode()

    def dispatch(self, part: Part, attempt: str, *, looked_for_ms: str) -> tuple[str, str]:
        call = dispatch(
            keys=KEYS,
            part=part,
            turn=self.turn(part.to),
            attempt=attempt,
            sender="+15550001111",
            segments_per_second=0,
            looked_for_ms=looked_for_ms,
        )
        verdict, detail = self.run(call)
        return verdict.decode(), detail.decode()


def test_nothing_is_journalled_after_an_opt_out_was_answered(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        machine = type("Here", (Race,), {"client": client})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=150,
                    stateful_step_count=30,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            client.flushall()
