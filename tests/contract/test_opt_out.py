"""Opt-out beyond the words: what is recorded of whom, who is answered, other channels, and who is never texted."""

import time
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.admission import Verdict
from shared.keys import Keys, Stage, conversation_id
from shared.optout import Cause, is_opted_out, list_opt_outs, load_trail
from shared.outbox import DispatchVerdict, dispatch
from shared.pairing import Told, approve
from shared.records import Origin, Part
from shared.round_trip import execute
from shared.texts import TextKey, Texts
from tests.contract.desk import ANN, BOB, CAT, OURS, SID, Desk, form_of, new_sid

SERVICE = "MG" + "5" * 32
BRAND = "rcs:brand_agent"
POLICIES: dict[str, dict[str, Any]] = {
    "pairing": {},
    "allowlist": {"dmPolicy": "allowlist", "allowFrom": [ANN]},
    "open": {"dmPolicy": "open", "allowFrom": "*"},
    "disabled": {"dmPolicy": "disabled"},
}
OPEN = POLICIES["open"]
ANSWERING = {**OPEN, "optOut": {"reply": True}}


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_stop_of_a_stranger_is_recorded_with_when_and_how(desk: Desk, keys: Keys, policy: str) -> None:
    async with desk.opened(**POLICIES[policy]) as door:
        sid = new_sid()
        before_ms = time.time_ns() // 1_000_000
        assert await door.text(CAT, " Stop ", MessageSid=sid) is Verdict.OPT_OUT
        (state,) = await list_opt_outs(desk.redis, keys, "default")
        assert (state.person, state.cause, state.said, state.message_sid) == (CAT, Cause.KEYWORD, "Stop", sid)
        assert state.at_ms >= before_ms
        assert await door.text(CAT, "START") is Verdict.OPT_IN
        assert [each.out for each in await load_trail(desk.redis, keys, "default", CAT)] == [True, False]
        assert await door.replies(CAT) == []


async def test_what_twilio_calls_an_opt_out_is_recorded_as_its_word(desk: Desk, keys: Keys) -> None:
    async with desk.opened(**OPEN) as door:
        await door.text(ANN, "BAJA", OptOutType="STOP")
        await door.text(ANN, "ALTA", OptOutType="START")
        trail = await load_trail(desk.redis, keys, "default", ANN)
        assert [(each.out, each.cause, each.said) for each in trail] == [
            (True, Cause.OPT_OUT_TYPE, "BAJA"),
            (False, Cause.OPT_OUT_TYPE, "ALTA"),
        ]


async def test_words_of_the_owner_s_count_as_stop(desk: Desk) -> None:
    async with desk.opened(**OPEN, optOut={"stopWords": ["¡Baja!", "停止"]}) as door:
        assert await door.text(ANN, "¡baja!") is Verdict.OPT_OUT
        assert await door.text(BOB, "停止") is Verdict.OPT_OUT
        assert await door.text(CAT, "baja") is Verdict.ACCEPTED


async def test_yes_to_a_toll_free_number_lifts_nothing_and_start_does(desk: Desk) -> None:
    free = "+18445550111"
    async with desk.opened(**OPEN, fromNumber=free) as door:
        assert await door.text(ANN, "STOP", To=free) is Verdict.OPT_OUT
        assert await door.text(ANN, "YES", To=free) is Verdict.OPTED_OUT
        assert await door.text(ANN, "START", To=free) is Verdict.OPT_IN
        assert await door.text(ANN, "YES", To=free) is Verdict.ACCEPTED


# Answers of our own


async def test_a_stop_is_confirmed_once(desk: Desk) -> None:
    async with desk.opened(**ANSWERING) as door:
        stop = form_of("STOP")
        for _ in range(2):
            assert await door.post(stop) == 200
        assert await door.text(ANN, "STOP") is Verdict.OPT_OUT
        (reply,) = await door.replies(ANN)
        assert (reply.origin, reply.texts) == (Origin.OPT_OUT, (Texts().say(TextKey.OPTED_OUT, number=ANN),))


@pytest.mark.parametrize(
    "block",
    [
        {"dmPolicy": "disabled", "allowFrom": []},
        {"rateLimits": {"perSenderPerMinute": 1}},
        {"rateLimits": {"perAccountPerMinute": 1}},
        {"texts": {"optedOut": None}},
    ],
)
async def test_a_stop_is_recorded_without_an_answer_where_none_is_due(desk: Desk, block: dict[str, Any]) -> None:
    async with desk.opened(**{**ANSWERING, **block}) as door:
        await door.text(ANN, "hello")
        assert await door.text(ANN, "STOP") is Verdict.OPT_OUT
        assert await door.text(ANN, "hello") is Verdict.OPTED_OUT
        assert await door.replies(ANN) == []


@pytest.mark.parametrize(
    ("origin", "age_s", "verdict"),
    [
        (Origin.OPT_OUT, 0, DispatchVerdict.GO),
        (Origin.OPT_OUT, 200, DispatchVerdict.GO),
        (Origin.OPT_OUT, 400, DispatchVerdict.OPTED_OUT),
        *((origin, 0, DispatchVerdict.OPTED_OUT) for origin in Origin if origin is not Origin.OPT_OUT),
    ],
)
async def test_only_the_confirmation_may_follow_a_stop_and_only_soon(
    desk: Desk, redis: Redis, keys: Keys, origin: Origin, age_s: int, verdict: DispatchVerdict
) -> None:
    async with desk.opened(**OPEN) as door:
        await door.text(ANN, "STOP")
        created_ms = time.time_ns() // 1_000_000 - age_s * 1000
        assert await may_send(redis, keys, ANN, origin=origin, created_ms=created_ms) is verdict


# RCS


async def test_an_rcs_sender_of_ours_takes_texts_in_and_no_other_does(desk: Desk) -> None:
    person = f"rcs:{ANN}"
    async with desk.opened(**OPEN, rcsSender=BRAND) as door:
        assert await door.text(person, To=BRAND) is Verdict.ACCEPTED
        (text,) = await door.stored(person)
        assert (text.sender, text.recipient) == (person, BRAND)
        assert await door.post(form_of(sender=person, To="rcs:other_agent")) == 403
    async with desk.opened(**OPEN, messagingServiceSid=SERVICE, fromNumber=None) as door:
        assert await door.text(person, To=BRAND, MessagingServiceSid=SERVICE) is Verdict.ACCEPTED
        assert await door.post(form_of(sender=person, To=BRAND)) == 403


@pytest.mark.parametrize(("stops", "texts"), [(f"rcs:{ANN}", ANN), (ANN, f"rcs:{ANN}")])
async def test_a_stop_over_one_channel_counts_for_the_other(
    desk: Desk, redis: Redis, keys: Keys, stops: str, texts: str
) -> None:
    """Source: Twilio, since March 2026; it would refuse the text with 21610."""
    async with desk.opened(**OPEN) as door:
        await door.text(stops, "STOP")
        assert await may_send(redis, keys, texts) is DispatchVerdict.OPTED_OUT
        assert await door.text(texts, "hello") is Verdict.OPTED_OUT
        assert await door.text(texts, "START") is Verdict.OPT_IN
        assert await may_send(redis, keys, stops) is DispatchVerdict.GO


async def test_allow_from_may_name_a_person_over_rcs(desk: Desk) -> None:
    async with desk.opened(dmPolicy="allowlist", allowFrom=[f"RCS:{ANN}"]) as door:
        assert await door.text(f"rcs:{ANN}") is Verdict.ACCEPTED
        assert await door.text(ANN) is Verdict.NOT_ALLOWED


# Who is never texted


@pytest.mark.parametrize("sender", ["12345", "+12345", "MYBANK", "rcs:brand_x_agent"])
async def test_who_cannot_be_texted_back_gets_no_pairing_sms_but_may_be_approved(
    desk: Desk, redis: Redis, keys: Keys, sender: str
) -> None:
    async with desk.opened() as door:
        assert await door.text(sender) is Verdict.PAIRING_REQUESTED
        assert await door.replies(sender) == []
        (request,) = await door.requests()
        approved = await approve(redis, keys, request.code, notice=lambda _: "welcome")
        assert approved.told is Told.UNREACHABLE
        assert await door.replies(sender) == []
        assert await door.text(sender) is Verdict.ACCEPTED


async def test_a_person_over_rcs_gets_the_pairing_sms_over_rcs(desk: Desk) -> None:
    async with desk.opened(rcsSender=BRAND) as door:
        assert await door.text(f"rcs:{ANN}", To=BRAND) is Verdict.PAIRING_REQUESTED
        (reply,) = await door.replies(f"rcs:{ANN}")
        assert reply.to == f"rcs:{ANN}"


async def test_who_opted_out_while_waiting_is_let_in_without_a_notice(desk: Desk, redis: Redis, keys: Keys) -> None:
    async with desk.opened() as door:
        await door.text(ANN)
        await door.text(ANN, "STOP")
        (request,) = await door.requests()
        sent = len(await door.replies(ANN))
        approved = await approve(redis, keys, request.code, notice=lambda _: "welcome")
        assert approved.told is Told.OPTED_OUT
        assert len(await door.replies(ANN)) == sent
        await door.text(ANN, "START")
        assert await door.text(ANN) is Verdict.ACCEPTED


# Twilio's error 21610


async def test_a_callback_that_says_opted_out_is_recorded(desk: Desk, redis: Redis, keys: Keys) -> None:
    """With a Messaging Service, Twilio takes a message first and finds out afterwards."""
    async with desk.opened(**OPEN) as door:
        part_id = new_sid()
        assert await may_send(redis, keys, ANN, part_id=part_id) is DispatchVerdict.GO
        form = {
            "MessageSid": new_sid(),
            "AccountSid": SID,
            "MessageStatus": "failed",
            "ErrorCode": "21610",
            "From": OURS,
            "To": ANN,
        }
        query = f"textgate_part={part_id}"
        url = f"https://gate.example.com/webhooks/sms?{query}"
        for _ in range(2):
            assert await door.post(form, url=url, query=query) == 200
        (state,) = await list_opt_outs(redis, keys, "default")
        assert (state.person, state.cause) == (ANN, Cause.TWILIO)


async def test_a_callback_about_a_part_of_nobody_s_opts_nobody_out(desk: Desk, redis: Redis, keys: Keys) -> None:
    async with desk.opened(**OPEN) as door:
        form = {
            "MessageSid": new_sid(),
            "AccountSid": SID,
            "MessageStatus": "failed",
            "ErrorCode": "21610",
            "From": OURS,
            "To": ANN,
        }
        url = "https://gate.example.com/webhooks/sms?textgate_part=gone"
        assert await door.post(form, url=url, query="textgate_part=gone") == 200
        assert not await is_opted_out(redis, keys, "default", ANN)


async def may_send(
    redis: Redis,
    keys: Keys,
    person: str,
    *,
    origin: Origin = Origin.AGENT,
    created_ms: int = 1,
    part_id: str | None = None,
) -> DispatchVerdict:
    """Ask as the outbound worker does, in the very step that journals the request."""
    conversation, part_id = conversation_id("default", person), part_id or new_sid()
    await redis.hset(keys.conversation(conversation), Stage.OUTBOUND.value, "1")  # type: ignore[misc]
    part = Part(
        part_id=part_id,
        reply_id=part_id,
        index=0,
        count=1,
        account_id="default",
        conversation=conversation,
        to=person,
        body="hi",
        encoding="GSM-7",
        segments=1,
        origin=origin,
        created_ms=created_ms,
    )
    call = dispatch(keys=keys, part=part, turn="1", attempt="a", sender=OURS, segments_per_second=0)
    (reply,) = await execute(redis, [call])
    assert not isinstance(reply, Exception)
    return DispatchVerdict(reply[0].decode())
