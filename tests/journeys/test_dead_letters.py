"""What goes wrong for good, and what the operator does about it: dead letters, paused accounts, opt-outs.

Nothing is lost meanwhile, the conversation goes on, and once the cause is gone everything arrives once and in order.
"""

import json

import msgspec
import pytest

from sandbox.faults import Callbacks, accept_then_drop, too_many_requests, twilio_error
from shared.keys import ARQ_RETRY
from shared.outbox import enqueue_text
from tests.journeys.house import House

ANN, BOB = "+12025550111", "+12025550122"
TEXT = "The first part says this.\n\nThe second part says that.\n\nThe third part is the end."
PARTS = ["The first part says this.", "The second part says that.", "The third part is the end."]


def quick_house(house: House) -> None:
    """Replies of several parts, and short times to wait for what is in doubt."""
    house.open_door()
    house.config["channels"]["sms"]["textChunkLimit"] = 30
    house.config["workers"] = {
        "leaseSeconds": 1,
        "outbound": {"requestTimeoutSeconds": 2, "inDoubtSeconds": 8},
    }


def said(house: House, phone: str) -> list[str]:
    return [body.strip() for body in house.bodies(phone)]


async def letters(house: House) -> list[str]:
    shown = json.loads(await house.cli("deadletter", "list", "--json"))
    assert shown["total"] == len(shown["deadLetters"])
    return [letter["id"] for letter in shown["deadLetters"]]


async def letter(house: House) -> str:
    """Wait for one dead letter; its id."""

    async def buried() -> bool:
        return bool(await house.redis.zcard(house.keys.dead))

    await house.until(buried)
    (letter_id,) = await letters(house)
    return letter_id


async def test_a_part_that_cannot_be_sent_parks_the_rest_and_is_retried_once_the_cause_is_gone(house: House) -> None:
    quick_house(house)
    await house.start()
    house.sandbox.state.faults.add(
        msgspec.structs.replace(twilio_error(21211, message=f"{ANN} is not valid"), to=ANN, skip=1)
    )
    await house.text(ANN, TEXT)
    letter_id = await letter(house)

    await house.text(ANN, "Are you there?")
    await house.receives(ANN, 2)
    await house.idle()
    assert said(house, ANN) == [PARTS[0], "Are you there?"], "the conversation goes on without the rest"

    story = json.loads(await house.cli("deadletter", "show", letter_id, "--json"))
    assert (story["code"], story["meaning"]) == ("twilio-21211", "the recipient is no valid number")
    assert [part["status"] for part in story["sentBefore"]] == ["delivered"]
    assert len(story["records"]) == 2
    plain = await house.cli("deadletter", "show", letter_id)
    assert ANN not in plain + json.dumps(story)

    await house.cli("deadletter", "retry", letter_id)
    await house.receives(ANN, 4)
    await house.idle()
    assert said(house, ANN) == [PARTS[0], "Are you there?", *PARTS[1:]], "once, in order, at the end"
    assert await letters(house) == []
    assert "was retried or dropped" in await house.cli("deadletter", "retry", letter_id, status=1)


async def test_the_trace_says_why_a_text_waits_and_its_letter_tells_every_failure(house: House) -> None:
    quick_house(house)
    await house.start()
    faults = house.sandbox.state.faults
    faults.add(too_many_requests(times=1, retry_after_s=0))
    faults.add(too_many_requests(times=1, retry_after_s=8))
    faults.add(twilio_error(21211))
    message = await house.text(ANN, "hello")

    async def failed_twice() -> bool:
        shown = json.loads(await house.cli("message", "trace", message.sid, "--json"))
        waits = [part["waiting"] for part in shown["parts"] if part["waiting"]]
        return any(wait["failures"] == 2 and wait["dueInSeconds"] for wait in waits)

    await house.until(failed_twice)
    shown = json.loads(await house.cli("message", "trace", message.sid, "--json"))
    (part,) = shown["parts"]
    assert part["waiting"]["lastReason"]["code"] == "twilio-20429"
    assert part["waiting"]["dueAt"] is not None
    assert [step["step"] for step in part["times"]][:2] == ["received", "written"]
    assert "(twilio-20429)" in shown["summary"]

    story = json.loads(await house.cli("deadletter", "show", await letter(house), "--json"))
    assert story["code"] == "twilio-21211"
    assert [each["code"] for each in story["history"]] == ["twilio-20429"] * 2
    assert all(each["hint"] for each in story["history"])


async def test_a_part_that_was_buried_although_twilio_has_it_is_not_sent_again(house: House) -> None:
    """The answer is lost, no callback comes, and the worker dies each time until the turn counts as poison."""
    quick_house(house)
    await house.start()
    fault = accept_then_drop(callbacks=Callbacks.NONE, list_lag_s=3.0)
    house.sandbox.state.faults.add(msgspec.structs.replace(fault, to=ANN))
    await house.text(ANN, TEXT)

    async def twilio_has_it() -> bool:
        return len(house.got(ANN)) == 1

    await house.until(twilio_has_it)
    house.kill("outbound")
    await die_a_hundred_times(house)
    house.spawn("outbound")
    story = json.loads(await house.cli("deadletter", "show", await letter(house), "--json"))
    assert story["code"] == "poison"
    assert [record["outcome"] for record in story["records"]] == ["unknown", "not_sent", "not_sent"]

    await house.cli("deadletter", "retry", "--code", "poison")
    await house.receives(ANN, 3)
    await house.idle()
    assert said(house, ANN) == PARTS


async def die_a_hundred_times(house: House) -> None:
    """As if the outbound worker had died over the one turn that waits, again and again."""
    (job,) = await house.redis.zrange(house.keys.queue("outbound"), 0, -1)
    await house.redis.set(ARQ_RETRY + job.decode(), 1000, ex=1000)


@pytest.mark.timeout(180)
async def test_wrong_credentials_pause_the_account_and_nothing_is_lost(house: House) -> None:
    quick_house(house)
    sms = house.config["channels"]["sms"]
    sms |= {"apiKeySid": "SK" + "0" * 32, "apiKeySecret": "mistyped"}
    await house.start()
    await house.text(ANN, TEXT)

    async def paused() -> bool:
        (account,) = json.loads(await house.cli("account", "list", "--json"))["accounts"]
        return account["paused"] is not None

    await house.until(paused)
    await house.text(BOB, "me too")
    await house.text(ANN, "and more")
    (account,) = json.loads(await house.cli("account", "list", "--json"))["accounts"]
    assert account["paused"]["code"] == "twilio-20003"
    assert "API key" in account["paused"]["hint"]
    assert "account_paused" in house.log("outbound")

    del sms["apiKeySid"], sms["apiKeySecret"]
    (house.folder / "textgate.json5").write_text(json.dumps(house.config))

    async def reloaded() -> bool:
        return "configuration_reloaded" in house.log("outbound")

    await house.until(reloaded)
    assert house.got(ANN) == house.got(BOB) == []
    assert "goes on" in await house.cli("account", "resume", "default")

    async def all_there() -> bool:
        return len(house.got(ANN)) >= 4 and len(house.got(BOB)) >= 1

    await house.until(all_there, limit_s=90)
    await house.idle()
    assert said(house, ANN) == [*PARTS, "and more"]
    assert said(house, BOB) == ["me too"]
    assert await letters(house) == []


async def test_twilio_knows_of_an_opt_out_and_it_is_recorded_here_too(house: House) -> None:
    quick_house(house)
    await house.start()
    house.sandbox.state.faults.add(msgspec.structs.replace(twilio_error(21610), to=ANN))
    await send(house, "first")
    first = await letter(house)
    assert await house.redis.hexists(house.keys.opted_out("default"), ANN)  # type: ignore[misc]

    refused = await house.cli("message", "send", "--target", f"sms:{ANN}", "--message", "second", status=1)
    assert "has opted out" in refused
    await enqueue_text(house.redis, house.keys, account_id="default", to=ANN, text="second")

    async def both_dead() -> bool:
        return int(await house.redis.zcard(house.keys.dead)) == 2

    await house.until(both_dead)
    _, second = await letters(house)
    stories = [json.loads(await house.cli("deadletter", "show", each, "--json")) for each in (first, second)]
    assert [story["code"] for story in stories] == ["twilio-21610", "opted-out"]
    assert stories[1]["records"][0]["journaledAt"] is None, "it was not even tried"

    told = [line for line in house.log("outbound").splitlines() if "dead_letter" in line]
    assert len(told) == 2
    assert not any("error" in json.loads(line)["level"] for line in told), "it wakes nobody"

    await house.text(ANN, "START")
    await house.cli("deadletter", "retry", "--all", "--yes")
    await house.receives(ANN, 2)
    assert said(house, ANN) == ["first", "second"]


async def send(house: House, words: str) -> None:
    """An operator texts Ann."""
    await house.cli("message", "send", "--target", f"sms:{ANN}", "--message", words)
