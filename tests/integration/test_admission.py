"""Admission decides and stores in one step: who gets in, who must ask, who is dropped; and never twice."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from shared.admission import Verdict, admit, commit_text, verdict_of
from shared.admission_words import PAIRING_TTL_MS
from shared.errors import UsageError
from shared.gate import Gate, Keyword
from shared.group_commit import GroupCommit
from shared.keys import Keys, Stage, conversation_id
from shared.pairing import approve, list_approved, list_requests
from shared.records import InboundText, decode_inbound_text, decode_reply
from shared.redis_client import connect, load_list
from shared.round_trip import execute
from shared.scripts import Call
from shared.texts import TextKey, Texts

STRANGER = "+15557654321"
GATE = Gate(
    policy="pairing",
    sender_per_minute=0,
    account_per_minute=0,
    pairing_max_pending=3,
    debounce_ms=0,
    texts=Texts(own={TextKey.PAIRING: "{code} for {number}"}),
)


def text_of(sid: str, sender: str = STRANGER, body: str = "hello") -> InboundText:
    return InboundText(
        message_sid=sid,
        account_id="default",
        conversation=conversation_id("default", sender),
        sender=sender,
        recipient="+15550001111",
        body=body,
        received_ms=1,
    )


@dataclass
class Door:
    """Admission as one replica of the ingress uses it."""

    redis: Redis
    keys: Keys
    gate: Gate = GATE
    calls: list[Call] = field(default_factory=list)
    """All that were sent."""

    async def __call__(
        self, text: InboundText, *, listed: bool = False, keyword: Keyword = Keyword.NONE, **gate: Any
    ) -> Verdict:
        rules = msgspec.structs.replace(self.gate, **gate)
        return await commit_text(
            self.send, keys=self.keys, gate=rules, text=text, listed=listed, keyword=keyword, now_ms=1
        )

    async def send(self, call: Call) -> Any:
        self.calls.append(call)
        (reply,) = await execute(self.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def lane(self, stage: Stage, sender: str = STRANGER) -> list[bytes]:
        return await load_list(self.redis, self.keys.lane(stage, conversation_id("default", sender)).list, 0, -1)


@pytest.fixture
def door(redis: Redis, keys: Keys) -> Door:
    return Door(redis, keys)


@pytest.mark.parametrize(
    ("policy", "listed", "approved", "verdict"),
    [
        ("open", False, False, Verdict.ACCEPTED),
        ("open", True, True, Verdict.ACCEPTED),
        ("allowlist", False, False, Verdict.NOT_ALLOWED),
        ("allowlist", True, False, Verdict.ACCEPTED),
        ("allowlist", False, True, Verdict.ACCEPTED),
        ("pairing", False, False, Verdict.PAIRING_REQUESTED),
        ("pairing", True, False, Verdict.ACCEPTED),
        ("pairing", False, True, Verdict.ACCEPTED),
        ("disabled", False, False, Verdict.DISABLED),
        ("disabled", True, True, Verdict.DISABLED),
    ],
)
async def test_the_policy_decides_who_gets_in(
    door: Door, redis: Redis, keys: Keys, policy: str, listed: bool, approved: bool, verdict: Verdict
) -> None:
    if approved:
        await door(text_of("SM0"))
        await approve(redis, keys, (await list_requests(redis, keys, "default"))[0].code)
        await redis.delete(keys.lane(Stage.FORMAT, conversation_id("default", STRANGER)).list)

    assert await door(text_of("SM1"), listed=listed, policy=policy) is verdict

    assert len(await door.lane(Stage.AGENT)) == (verdict is Verdict.ACCEPTED)
    assert len(await door.lane(Stage.FORMAT)) == (verdict is Verdict.PAIRING_REQUESTED)


@pytest.mark.parametrize("policy", ["open", "allowlist", "pairing"])
async def test_a_text_of_somebody_known_is_one_call_without_a_word_that_only_others_need(
    door: Door, redis: Redis, keys: Keys, policy: str
) -> None:
    await redis.hset(keys.approved("default"), STRANGER, "approved")  # type: ignore[misc]  # redis-py: maybe async
    assert await door(text_of("SM1"), policy=policy) is Verdict.ACCEPTED
    assert [(len(call.keys), len(call.args)) for call in door.calls] == [(10, 14)]


async def test_a_text_that_needs_an_answer_takes_two_calls_and_counts_once(
    door: Door, redis: Redis, keys: Keys
) -> None:
    assert await door(text_of("SM1"), sender_per_minute=5, account_per_minute=5) is Verdict.PAIRING_REQUESTED
    assert len(door.calls) == 2
    assert await redis.get(keys.sender_rate(conversation_id("default", STRANGER))) == b"1"
    assert await redis.get(keys.account_rate("default")) == b"1"


async def test_whoever_dies_between_the_two_calls_leaves_nothing(door: Door, redis: Redis, keys: Keys) -> None:
    gate = msgspec.structs.replace(GATE, sender_per_minute=5, account_per_minute=5)
    call = admit(keys=keys, gate=gate, text=text_of("SM1"), listed=False, keyword=Keyword.NONE, now_ms=1)
    assert verdict_of(await door.send(call)) is Verdict.MORE_NEEDED
    assert await redis.dbsize() == 0
    assert await door(text_of("SM1")) is Verdict.PAIRING_REQUESTED, "Twilio posts again"


async def test_who_is_approved_or_opts_out_between_the_two_calls_is_met_as_such(
    door: Door, redis: Redis, keys: Keys
) -> None:
    how: dict[str, Any] = {"keys": keys, "gate": GATE, "listed": False, "keyword": Keyword.NONE, "now_ms": 1}
    for sid in ("SM1", "SM2"):
        assert verdict_of(await door.send(admit(text=text_of(sid), **how))) is Verdict.MORE_NEEDED
    await redis.hset(keys.approved("default"), STRANGER, "approved")  # type: ignore[misc]  # redis-py: maybe async
    assert verdict_of(await door.send(admit(text=text_of("SM1"), whole=True, **how))) is Verdict.ACCEPTED
    assert await door(text_of("SM3", body="stop"), keyword=Keyword.STOP) is Verdict.OPT_OUT
    assert verdict_of(await door.send(admit(text=text_of("SM2"), whole=True, **how))) is Verdict.OPTED_OUT
    assert await list_requests(redis, keys, "default") == []


async def test_the_pairing_sms_is_in_the_account_s_words(door: Door, redis: Redis, keys: Keys) -> None:
    assert await door(text_of("SM1"), texts=Texts(language="es", name="Shop")) is Verdict.PAIRING_REQUESTED
    (request,) = await list_requests(redis, keys, "default")
    (record,) = await door.lane(Stage.FORMAT)
    said = Texts(language="es").say(TextKey.PAIRING, code=request.code, number=STRANGER, minutes=60)
    assert decode_reply(record).texts == (said,)


async def test_without_words_a_pairing_request_waits_and_no_sms_goes_out(door: Door, redis: Redis, keys: Keys) -> None:
    assert await door(text_of("SM1"), texts=Texts(own={TextKey.PAIRING: None})) is Verdict.PAIRING_REQUESTED
    assert len(await list_requests(redis, keys, "default")) == 1
    assert await door.lane(Stage.FORMAT) == []


async def test_a_replay_changes_nothing(door: Door) -> None:
    assert await door(text_of("SM1"), policy="open") is Verdict.ACCEPTED
    assert await door(text_of("SM1"), policy="open") is Verdict.DUPLICATE
    assert len(await door.lane(Stage.AGENT)) == 1


async def test_one_message_at_two_replicas_at_once_is_stored_once(redis_url: str, door: Door, keys: Keys) -> None:
    replicas = [GroupCommit(connect(redis_url)) for _ in range(2)]
    call = admit(
        keys=keys,
        gate=msgspec.structs.replace(GATE, policy="open"),
        text=text_of("SM1"),
        listed=False,
        keyword=Keyword.NONE,
        now_ms=1,
    )
    replies = await asyncio.gather(*(replica.call(call) for replica in replicas for _ in range(20)))
    for replica in replicas:
        await replica.close()

    verdicts = [verdict_of(reply) for reply in replies]
    assert verdicts.count(Verdict.ACCEPTED) == 1
    assert verdicts.count(Verdict.DUPLICATE) == 39
    assert len(await door.lane(Stage.AGENT)) == 1


async def test_texts_wait_in_the_order_in_which_they_came(door: Door, redis: Redis, keys: Keys) -> None:
    for i in range(5):
        await door(text_of(f"SM{i}", body=str(i)), policy="open")

    lane = await door.lane(Stage.AGENT)
    assert [decode_inbound_text(record).body for record in lane] == ["0", "1", "2", "3", "4"]
    assert await redis.zcard(keys.queue("agent")) == 1, "a busy lane has one job, however many texts wait"
    assert len(await load_list(redis, keys.bell("agent"), 0, -1)) == 1


async def test_a_stranger_gets_one_code_and_one_text_however_often_they_write(
    door: Door, redis: Redis, keys: Keys
) -> None:
    verdicts = await asyncio.gather(*(door(text_of(f"SM{i}")) for i in range(10)))

    assert verdicts.count(Verdict.PAIRING_REQUESTED) == 1
    assert verdicts.count(Verdict.PAIRING_PENDING) == 9
    (request,) = await list_requests(redis, keys, "default")
    (reply,) = await door.lane(Stage.FORMAT)
    assert decode_reply(reply).texts == (f"{request.code} for {STRANGER}",)
    assert len(request.code) == 8
    assert not set(request.code) & set("0O1I")
    assert 0 < await redis.pttl(keys.pairing_code(request.code)) <= PAIRING_TTL_MS
    assert await door.lane(Stage.AGENT) == []


async def test_strangers_cannot_fill_the_owners_desk(door: Door, redis: Redis, keys: Keys) -> None:
    verdicts = [await door(text_of(f"SM{i}", sender=f"+1555000000{i}")) for i in range(5)]

    assert verdicts == [Verdict.PAIRING_REQUESTED] * 3 + [Verdict.PAIRING_FULL] * 2
    assert len(await list_requests(redis, keys, "default")) == 3
    assert await door(text_of("SM9", sender="+15550000009"), pairing_max_pending=0) is Verdict.PAIRING_REQUESTED


async def test_an_approved_sender_passes_and_the_code_is_spent(door: Door, redis: Redis, keys: Keys) -> None:
    await door(text_of("SM1"))
    (request,) = await list_requests(redis, keys, "default")

    assert (await approve(redis, keys, request.code.lower())).request.sender == STRANGER

    assert await door(text_of("SM2")) is Verdict.ACCEPTED
    assert [approval.sender for approval in await list_approved(redis, keys, "default")] == [STRANGER]
    assert await list_requests(redis, keys, "default") == []
    with pytest.raises(UsageError, match="no pairing request has the code"):
        await approve(redis, keys, request.code)


async def test_two_owners_approving_at_once_send_one_notice(door: Door, redis: Redis, keys: Keys) -> None:
    await door(text_of("SM1"))
    (request,) = await list_requests(redis, keys, "default")

    results = await asyncio.gather(
        *(approve(redis, keys, request.code, notice=lambda _: "welcome") for _ in range(5)), return_exceptions=True
    )

    assert sum(not isinstance(result, Exception) for result in results) == 1
    texts = [decode_reply(record).texts[0] for record in await door.lane(Stage.FORMAT)]
    assert texts.count("welcome") == 1


async def test_a_code_of_another_account_does_not_open_this_one(door: Door, redis: Redis, keys: Keys) -> None:
    await door(text_of("SM1"))
    (request,) = await list_requests(redis, keys, "default")
    with pytest.raises(UsageError):
        await approve(redis, keys, request.code, account_id="other")
    assert (await approve(redis, keys, request.code, account_id="default")).request.code == request.code


async def test_stop_counts_under_every_policy_and_start_lifts_it(door: Door) -> None:
    for policy in ("open", "pairing", "allowlist", "disabled"):
        assert await door(text_of(f"SM1{policy}"), keyword=Keyword.STOP, policy=policy) is Verdict.OPT_OUT
        assert await door(text_of(f"SM2{policy}"), policy=policy) is Verdict.OPTED_OUT
        assert await door(text_of(f"SM3{policy}"), keyword=Keyword.START, policy=policy) is Verdict.OPT_IN
    assert await door.lane(Stage.AGENT) == []


async def test_yes_is_an_ordinary_word_for_whoever_has_not_opted_out(door: Door) -> None:
    """Ruling 2: START words are consumed only if that person is opted out now."""
    assert await door(text_of("SM1", body="yes"), keyword=Keyword.START, policy="open") is Verdict.ACCEPTED


async def test_a_limited_text_is_recorded_and_causes_no_turn(door: Door) -> None:
    verdicts = [await door(text_of(f"SM{i}"), policy="open", sender_per_minute=3) for i in range(5)]
    assert verdicts == [Verdict.ACCEPTED] * 3 + [Verdict.THROTTLED] * 2
    assert await door(text_of("SM4"), policy="open") is Verdict.DUPLICATE, "the verdict stands, also for the replay"
    assert len(await door.lane(Stage.AGENT)) == 3


async def test_the_limit_of_the_account_counts_everybody(door: Door) -> None:
    verdicts = [
        await door(text_of(f"SM{i}", sender=f"+1555000000{i}"), policy="open", account_per_minute=2) for i in range(3)
    ]
    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.THROTTLED]
