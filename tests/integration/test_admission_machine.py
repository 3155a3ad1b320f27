"""Any order of texts, calls that come again, crashes in between, approvals and keywords: each text is decided once.

The scripts run for real. A model says what each call must answer; a call that has to come again must leave the
database as it was, to the byte.
"""

from collections import Counter
from typing import Any

import redis
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from shared.admission import Verdict, admit, verdict_of
from shared.gate import Gate, Keyword
from shared.keys import Keys, Stage, conversation_id
from shared.records import InboundText
from shared.scripts import Call

KEYS = Keys("test:")
PEOPLE = tuple(f"+1555765000{digit}" for digit in range(4))
OWNER = "+15557659999"
A_MINUTE, ALL_A_MINUTE, A_DAY, MOST_PENDING = 6, 12, 2, 2
POLICIES = ("pairing", "allowlist", "open", "disabled")
EVERYBODY = "everybody"

people = st.sampled_from(PEOPLE)
policies = st.sampled_from((*POLICIES, "pairing", "pairing"))


class Door(RuleBasedStateMachine):
    """One account whose policy changes, four people, and texts of which some have to come again."""

    client: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.texts = 0
        self.waiting: list[InboundText] = []
        """Those whose call has to come again."""
        self.decided: dict[str, tuple[InboundText, Verdict]] = {}
        self.minute: Counter[str] = Counter()
        self.day: Counter[str] = Counter()
        self.told_of_day: set[str] = set()
        self.asked: set[str] = set()
        self.approved: set[str] = set()
        self.out: set[str] = set()

    # --- what happens ---

    @rule(sender=people, policy=policies, keyword=st.sampled_from([Keyword.NONE] * 6 + list(Keyword)))
    def a_text_comes(self, sender: str, policy: str, keyword: Keyword) -> None:
        self.texts += 1
        text = InboundText(
            message_sid=f"SM{self.texts}",
            account_id="default",
            conversation=conversation_id("default", sender),
            sender=sender,
            recipient="+15550001111",
            body=keyword.value or "hello",
            received_ms=1,
        )
        self.call_for(text, policy, keyword=keyword, whole=keyword is not Keyword.NONE)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), policy=policies, taken=st.booleans())
    def it_comes_again(self, data: st.DataObject, policy: str, taken: bool) -> None:
        """Whatever happened meanwhile. With `taken` another account has just given the same code."""
        self.call_for(data.draw(st.sampled_from(self.waiting)), policy, whole=True, taken=taken)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), policy=policies)
    def the_ingress_dies_and_twilio_posts_again(self, data: st.DataObject, policy: str) -> None:
        self.call_for(data.draw(st.sampled_from(self.waiting)), policy)

    @precondition(lambda self: self.decided)
    @rule(data=st.data(), policy=policies, whole=st.booleans())
    def a_decided_text_is_posted_again(self, data: st.DataObject, policy: str, whole: bool) -> None:
        text, verdict = self.decided[data.draw(st.sampled_from(sorted(self.decided)))]
        before = self.everything()
        reply = self.run(self.call(text, policy, whole=whole))
        assert reply == [b"duplicate", f"{verdict.value} {text.conversation}".encode()]
        assert self.everything() == before

    @rule(sender=people, known=st.booleans())
    def the_owner_decides(self, sender: str, known: bool) -> None:
        if known:
            self.client.hset(KEYS.approved("default"), sender, "yes")
            self.approved.add(sender)
        else:
            self.client.hdel(KEYS.approved("default"), sender)
            self.approved.discard(sender)

    # --- the model ---

    def expected(self, text: InboundText, policy: str, keyword: Keyword, whole: bool, taken: bool) -> Verdict:
        sender = text.sender
        if keyword is Keyword.STOP:
            self.out.add(sender)
            return Verdict.OPT_OUT
        if keyword is Keyword.START and sender in self.out:
            self.out.remove(sender)
            return Verdict.OPT_IN
        if sender in self.out:
            return Verdict.OPTED_OUT
        if keyword is Keyword.HELP:
            return Verdict.HELP
        for who, most in ((sender, A_MINUTE), (EVERYBODY, ALL_A_MINUTE)):
            self.minute[who] += 1
            if self.minute[who] > most:
                return Verdict.THROTTLED
        verdict = self.behind_the_limits(sender, policy, whole, taken)
        if verdict is Verdict.MORE_NEEDED:
            self.minute.subtract((sender, EVERYBODY))
        return verdict

    def behind_the_limits(self, sender: str, policy: str, whole: bool, taken: bool) -> Verdict:
        if policy == "disabled":
            return Verdict.DISABLED
        if policy == "open" or sender in self.approved:
            return self.known(sender, whole)
        if policy == "allowlist":
            return Verdict.NOT_ALLOWED
        if not whole:
            return Verdict.MORE_NEEDED
        if sender in self.asked:
            return Verdict.PAIRING_PENDING
        if len(self.asked) == MOST_PENDING:
            return Verdict.PAIRING_FULL
        if taken:
            return Verdict.MORE_NEEDED
        self.asked.add(sender)
        return Verdict.PAIRING_REQUESTED

    def known(self, sender: str, whole: bool) -> Verdict:
        if self.day[sender] == A_DAY and not whole:
            return Verdict.MORE_NEEDED
        self.day[sender] += 1
        if self.day[sender] <= A_DAY:
            return Verdict.ACCEPTED
        self.told_of_day.add(sender)
        return Verdict.CAPPED

    # --- what must hold ---

    @invariant()
    def each_text_counts_once(self) -> None:
        for person in PEOPLE:
            conversation = conversation_id("default", person)
            assert self.number(KEYS.sender_rate(conversation)) == self.minute[person]
            assert self.number(KEYS.sender_day(conversation)) == self.day[person]
        assert self.number(KEYS.account_rate("default")) == self.minute[EVERYBODY]

    @invariant()
    def what_was_answered_is_what_is_stored(self) -> None:
        for person in PEOPLE:
            conversation = conversation_id("default", person)
            verdicts = Counter(verdict for text, verdict in self.decided.values() if text.sender == person)
            assert self.waits(Stage.AGENT, person) == verdicts[Verdict.ACCEPTED]
            assert self.waits(Stage.FORMAT, person) == (person in self.asked) + (person in self.told_of_day)
            assert self.client.exists(KEYS.pairing_sender(conversation)) == (person in self.asked)
        assert self.client.zcard(KEYS.pairing_pending("default")) == len(self.asked)
        assert self.waits(Stage.FORMAT, OWNER) == len(self.asked)

    # --- how ---

    def call_for(
        self,
        text: InboundText,
        policy: str,
        *,
        keyword: Keyword = Keyword.NONE,
        whole: bool = False,
        taken: bool = False,
    ) -> None:
        call = self.call(text, policy, keyword=keyword, whole=whole)
        if taken and policy == "pairing":
            (code,) = [key for key in call.keys if key.startswith(KEYS.pairing_code(""))]
            self.client.set(code, "of another account", px=60_000)
        before = self.everything()
        verdict = verdict_of(self.run(call))
        assert verdict is self.expected(text, policy, keyword, whole, taken)
        if verdict is Verdict.MORE_NEEDED:
            assert self.everything() == before
            if text not in self.waiting:
                self.waiting.append(text)
            return
        self.decided[text.message_sid] = (text, verdict)
        if text in self.waiting:
            self.waiting.remove(text)

    def call(self, text: InboundText, policy: str, *, keyword: Keyword = Keyword.NONE, whole: bool = False) -> Call:
        gate = Gate(
            policy=policy,
            sender_per_minute=A_MINUTE,
            account_per_minute=ALL_A_MINUTE,
            sender_per_day=A_DAY,
            pairing_max_pending=MOST_PENDING,
            debounce_ms=0,
            owner=OWNER,
        )
        return admit(keys=KEYS, gate=gate, text=text, listed=False, keyword=keyword, now_ms=1, whole=whole)

    def run(self, call: Call) -> Any:
        return self.client.eval(call.script.source, len(call.keys), *call.keys, *call.args)

    def everything(self) -> dict[bytes, Any]:
        return {key: self.client.dump(key) for key in self.client.scan_iter(count=1000)}

    def number(self, key: str) -> int:
        return int(self.client.get(key) or 0)  # type: ignore[arg-type]  # redis-py: maybe async

    def waits(self, stage: Stage, person: str) -> Any:
        return self.client.llen(KEYS.lane(stage, conversation_id("default", person)).list)


def test_a_text_is_decided_once_however_often_its_call_has_to_come(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        machine = type("Here", (Door,), {"client": client})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=60,
                    stateful_step_count=40,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            client.flushall()
