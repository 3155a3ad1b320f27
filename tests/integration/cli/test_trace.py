"""`textgate message trace` follows one text through every step of the pipeline, and says why it stopped."""

import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.dead_letters import bury, drop
from shared.delivery import record_status
from shared.keys import Keys, Stage
from shared.lanes import append, fail
from shared.outbox import Status, settle
from shared.records import DeadLetter, Origin, Pause, Reply, encode
from shared.round_trip import execute
from shared.setbacks import note_put_off, setback_of

from .conftest import Command
from .trace_line import CONVERSATION, OTHER_SID, OUT_SID, PEER, SID, Line

CONFIG = """{
  redis: { prefix: "test:" },
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000", authToken: "not-to-be-shown", fromNumber: "+12025550100",
    publicWebhookUrl: "https://example.com/webhooks/sms",
  } },
}"""
DOC = (Path(__file__).parents[3] / "docs/cli.md").read_text().partition("### textgate message trace")[2]


@pytest.fixture
def line(redis: Redis, keys: Keys, redis_url: str) -> Line:
    return Line(redis, keys, redis_url)


async def test_a_text_is_followed_from_the_door_to_the_phone(line: Line) -> None:
    await line.text()
    waiting = await line.trace(SID)
    assert (waiting["state"], waiting["inbound"]["verdict"]) == ("waiting", "accepted")
    assert waiting["inbound"]["waiting"]["stage"] == "agent"
    assert "no agent worker is alive" in waiting["next"]

    await line.claim(Stage.AGENT)
    assert (await line.trace(SID))["state"] == "running"

    reply_id = await line.answer()
    formatting = await line.trace(SID)
    assert (formatting["state"], formatting["reply"]["id"]) == ("waiting", reply_id)
    assert formatting["reply"]["waiting"]["stage"] == "format"
    assert formatting["inbound"]["verdict"] == "accepted"

    first, second = await line.cut(reply_id)
    assert [part["state"] for part in (await line.trace(reply_id))["parts"]] == ["untried", "untried"]
    assert (await line.trace(SID))["reply"]["id"] == reply_id, "the text still leads to its answer"

    await line.announce(first)
    assert (await line.trace(first.part_id))["state"] == "in_doubt"
    turn = await line.turn(Stage.OUTBOUND)
    await line.do(settle(keys=line.keys, part=first, turn=turn, sid=OUT_SID, status=Status.QUEUED))
    sent = await line.trace(OUT_SID)
    assert (sent["state"], sent["parts"][0]["id"], sent["account"]) == ("sent", first.part_id, "default")
    assert (await line.trace(reply_id))["state"] == "waiting", "the second part is still to go"

    await line.send(second, OTHER_SID)
    for part, sid in ((first, OUT_SID), (second, OTHER_SID)):
        call = record_status(keys=line.keys, part_id=part.part_id, sid=sid, status=Status.DELIVERED, error_code="")
        await line.do(call)
    whole = await line.trace(reply_id)
    assert (whole["state"], len(whole["parts"])) == ("delivered", 2)


async def test_what_waits_says_why_it_failed_last_and_when_it_goes_on(line: Line) -> None:
    await line.text()
    first, _ = await line.cut(await line.answer())
    turn, lane = await line.turn(Stage.OUTBOUND), line.keys.lane(Stage.OUTBOUND, CONVERSATION)
    setback = setback_of("too many requests for +12025550123", code="twilio-20429")
    assert await line.do(fail(lane=lane, stage=Stage.OUTBOUND, turn=turn, setback=setback)) == [1, 0]
    shown = await line.trace(first.part_id)
    wait = shown["parts"][0]["waiting"]
    assert (wait["failures"], wait["lastReason"]["code"]) == (1, "twilio-20429")
    assert wait["dueAt"] is not None
    assert "too many requests for +1202•••0123 (twilio-20429)" in shown["summary"]
    await line.do(note_put_off(lane=lane, stage=Stage.OUTBOUND, turn=turn, setback=setback_of("the sender's pace")))
    wait = (await line.trace(first.part_id))["parts"][0]["waiting"]
    assert (wait["failures"], wait["lastReason"]["reason"], wait["lastReason"]["code"]) == (
        1,
        "the sender's pace",
        None,
    )
    await line.send(first, OUT_SID)
    assert (await line.trace(OUT_SID))["parts"][0]["waiting"] is None


async def test_the_times_of_each_stage_are_kept_with_the_part(line: Line) -> None:
    await line.text()
    part, _ = await line.cut(await line.answer())
    assert [step["step"] for step in (await line.trace(part.part_id))["parts"][0]["times"]] == ["written"]
    await line.send(part, OUT_SID)
    for status in (Status.DELIVERED, Status.SENT):
        await line.do(record_status(keys=line.keys, part_id=part.part_id, sid=OUT_SID, status=status))
    times = (await line.trace(OUT_SID))["parts"][0]["times"]
    assert [step["step"] for step in times] == ["written", "posted", "accepted", "delivered"]
    assert all(step["afterMs"] >= 0 for step in times[2:])


async def test_a_dropped_letter_leaves_the_apology_as_the_answer(line: Line) -> None:
    text = await line.text()
    turn = await line.turn(Stage.AGENT)
    letter = DeadLetter(
        letter_id="l1",
        stage="agent",
        account_id="default",
        conversation=CONVERSATION,
        turn=turn,
        code="agent-failed",
        message="",
        hint="",
        attempts=1,
        buried_ms=1,
        records=(encode(text),),
    )
    apology = Reply(
        reply_id=f"{CONVERSATION}-{turn}",
        account_id="default",
        conversation=CONVERSATION,
        to=PEER,
        texts=("Sorry",),
        origin=Origin.APOLOGY,
        created_ms=1,
    )
    assert await line.do(bury(keys=line.keys, stage=Stage.AGENT, letter=letter, apology=apology)) == 1
    assert (await line.trace(SID))["state"] == "dead"
    assert await line.do(drop(keys=line.keys, letter_id="l1")) == 1
    shown = await line.trace(SID)
    assert (shown["state"], shown["reply"]["id"]) == ("waiting", apology.reply_id)


async def test_a_message_of_the_api_is_known_before_it_is_cut_and_when_nothing_was_left_of_it(line: Line) -> None:
    message_id = f"{CONVERSATION}-api-0123"
    await line.redis.hset(line.keys.message(message_id), mapping={"account": "default"})  # type: ignore[misc]
    await line.redis.expire(line.keys.message(message_id), 60)
    shown = await line.trace(message_id)
    assert (shown["state"], shown["account"]) == ("done", "default")


async def test_a_failed_delivery_says_what_twilios_code_means(line: Line) -> None:
    await line.text()
    part, _ = await line.cut(await line.answer())
    await line.send(part, OUT_SID)
    call = record_status(
        keys=line.keys, part_id=part.part_id, sid=OUT_SID, status=Status.UNDELIVERED, error_code="30007"
    )
    await line.do(call)
    shown = await line.trace(OUT_SID)
    assert (shown["state"], shown["parts"][0]["errorCode"]) == ("failed", 30007)
    assert shown["parts"][0]["errorMeaning"] == "the carrier filtered the message"
    assert "registration" in shown["parts"][0]["errorHint"]


async def test_an_account_that_is_paused_and_a_person_who_opted_out_are_named(line: Line) -> None:
    await line.text()
    part, _ = await line.cut(await line.answer())
    pause = Pause(code="20003", message=f"no credentials for {PEER}", hint="check authToken", since_ms=1)
    await line.redis.set(line.keys.paused("default"), encode(pause))
    paused = await line.trace(part.part_id)
    assert (paused["state"], paused["paused"]["code"], paused["next"]) == ("paused", "20003", "check authToken")
    assert PEER not in json.dumps(paused)

    await line.redis.hset(line.keys.opted_out("default"), PEER, "1 SM9")  # type: ignore[misc]
    assert (await line.trace(part.part_id))["optedOut"]


async def test_the_person_is_known_and_masked_also_when_only_the_journal_is_left(line: Line) -> None:
    await line.text()
    first, second = await line.cut(await line.answer())
    await line.send(first, OUT_SID)
    await line.send(second, OTHER_SID)
    assert (await line.trace(OUT_SID))["peer"] is None
    await line.redis.hset(line.keys.opted_out("default"), PEER, "1 SM9")  # type: ignore[misc]
    assert (await line.trace(OUT_SID))["peer"] == "+1202•••0123"


async def test_a_turn_that_was_given_up_is_found_by_each_of_its_texts(line: Line) -> None:
    texts = [await line.text(sid) for sid in (SID, OTHER_SID)]
    turn = await line.turn(Stage.AGENT)
    letter = DeadLetter(
        letter_id=f"agent-{CONVERSATION}-{turn}",
        stage="agent",
        account_id="default",
        conversation=CONVERSATION,
        turn=turn,
        code="agent-timeout",
        message="the agent took too long",
        hint="it failed too often",
        attempts=4,
        buried_ms=1,
        records=tuple(encode(text) for text in texts),
    )
    await line.do(bury(keys=line.keys, stage=Stage.AGENT, letter=letter))
    for sid in (SID, OTHER_SID):
        shown = await line.trace(sid)
        assert (shown["state"], shown["deadLetters"][0]["code"]) == ("dead", "agent-timeout")
        assert "given up at the agent stage, taken up 4 times: the agent took too long" in shown["summary"]


async def test_a_reply_that_was_given_up_is_found_by_its_parts_and_by_itself(line: Line) -> None:
    await line.text()
    parts = await line.cut(await line.answer())
    letter = DeadLetter(
        letter_id=f"outbound-{CONVERSATION}-1",
        stage="outbound",
        account_id="default",
        conversation=CONVERSATION,
        turn=await line.turn(Stage.OUTBOUND),
        code="21608",
        message=f"{PEER} is not verified",
        hint="verify the number",
        attempts=1,
        buried_ms=1,
        records=tuple(encode(part) for part in parts),
    )
    await line.announce(parts[0])
    ids = tuple(part.part_id for part in parts)
    await line.do(bury(keys=line.keys, stage=Stage.OUTBOUND, letter=letter, part_ids=ids))
    for sought in (*ids, parts[0].reply_id):
        shown = await line.trace(sought)
        assert (shown["state"], shown["next"]) == ("dead", "verify the number")
        assert PEER not in json.dumps(shown)


async def test_a_text_that_only_quotes_an_id_is_not_taken_for_it(line: Line) -> None:
    await line.text(OTHER_SID, body=f"what about {SID}?")
    assert await line.trace(SID) == {}


async def test_a_text_of_a_stranger_leads_to_the_code_that_they_got(line: Line) -> None:
    await line.text(policy="pairing")
    shown = await line.trace(SID)
    assert (shown["state"], shown["inbound"]["verdict"]) == ("refused", "pairing_requested")
    assert "textgate pairing approve CODE" in shown["next"]
    assert shown["reply"]["waiting"]["stage"] == "format"


async def test_what_waits_behind_hundreds_of_lanes_is_found(line: Line) -> None:
    others = [
        append(lane=line.keys.lane(Stage.AGENT, f"other{i}"), stage=Stage.AGENT, records=(b"x",)) for i in range(450)
    ]
    await execute(line.redis, others)
    await line.text()
    assert (await line.trace(SID))["conversation"] == CONVERSATION


async def test_the_command_prints_facts_and_exits_with_1_for_the_unknown(
    line: Line, textgate: Command, redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "textgate.json5").write_text(CONFIG)
    await line.text()
    done = textgate("message", "trace", SID, "--channel", "sms", TEXTGATE_REDIS_URL=redis_url)
    assert done.returncode == 0, done.stderr
    assert "waiting: 1st of 1 in the agent lane" in done.stdout
    assert "+1202•••0123" in done.stdout
    assert "secret" not in done.stdout
    assert PEER not in done.stdout

    shown = json.loads(textgate("message", "trace", SID, "--json", TEXTGATE_REDIS_URL=redis_url).stdout)
    assert [name for name in shown if f'"{name}"' not in DOC] == []

    for sought, said in ((OTHER_SID, "its webhook never came or was refused"), ("SM12", "it is mistyped")):
        unknown = textgate("message", "trace", sought, TEXTGATE_REDIS_URL=redis_url)
        assert (unknown.returncode, unknown.stdout, unknown.stderr.count("\n")) == (1, "", 1)
        assert said in unknown.stderr


@pytest.mark.parametrize("sought", ["", " ", "*", "SM1 SM2", "../etc", "ä", "a" * 300, "\udcff"])
def test_what_is_no_id_is_told_so(textgate: Command, sought: str) -> None:
    done = textgate("message", "trace", "--", sought)
    assert (done.returncode, done.stdout) == (1, "")
    assert "that is no id" in done.stderr
