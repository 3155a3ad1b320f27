"""What a person and an owner see, from the first text on. Read this first."""

import asyncio
import json

from tests.journeys.house import OURS, House

ANN, BOB = "+12025550111", "+12025550122"


async def test_a_stranger_is_paired_and_answered(house: House) -> None:
    await house.start()

    await house.text(ANN, "Hello?")
    (asked,) = await house.receives(ANN, 1)
    (request,) = json.loads(await house.cli("pairing", "list", "--json"))["requests"]
    assert request["code"] in asked
    assert ANN in asked

    await house.cli("pairing", "approve", "sms", request["code"], "--notify")
    _, notice = await house.receives(ANN, 2)
    assert "approved" in notice

    await house.text(ANN, "Hello again!")
    assert (await house.receives(ANN, 3))[2] == "Hello again!"
    assert house.bodies(ANN)[2:] == ["Hello again!"], "what was said before the approval is not processed"
    assert all(message.from_ == OURS for message in house.got(ANN))


async def test_a_replayed_webhook_is_answered_200_and_changes_nothing(house: House) -> None:
    house.open_door()
    await house.start()
    message = await house.text(ANN, "once")
    await house.receives(ANN, 1)

    from sandbox.inbound import post_webhook

    for _ in range(3):
        results = await post_webhook(house.sandbox.state, message)
        assert results[-1].status == 200
    await house.text(ANN, "and then")
    assert await house.receives(ANN, 2) == ["once", "and then"]


async def test_a_forged_webhook_is_refused_and_leaves_nothing(house: House) -> None:
    house.open_door()
    house.config["channels"]["sms"]["authToken"] = "another token than the one that signs"
    await house.start()
    await house.text(ANN, "let me in", expect=403)
    await house.idle()
    assert house.bodies(ANN) == []
    assert await house.redis.keys(f"{house.keys.prefix}seen:*") == []


async def test_two_people_are_answered_side_by_side(house: House) -> None:
    house.open_door()
    await house.start()
    await asyncio.gather(*(house.text(person, f"from {person[-3:]}") for person in (ANN, BOB)))
    assert await house.receives(ANN, 1) == ["from 111"]
    assert await house.receives(BOB, 1) == ["from 122"]


async def test_a_burst_of_texts_is_answered_in_order(house: House) -> None:
    house.open_door()
    await house.start()
    for i in range(20):
        await house.text(ANN, f"text {i}")

    async def all_answered() -> bool:
        return sum(len(body.splitlines()) for body in house.bodies(ANN)) >= 20

    await house.until(all_answered)
    await house.idle()
    lines = [line for body in house.bodies(ANN) for line in body.splitlines()]
    assert lines == [f"text {i}" for i in range(20)]


async def test_an_operator_can_text_someone(house: House) -> None:
    house.open_door()
    await house.start()
    await house.cli("message", "send", "--channel", "sms", "--target", f"sms:{ANN}", "--message", "hello *there*")
    assert await house.receives(ANN, 1) == ["hello *there*"]
    refused = await house.cli("message", "send", "--target", "twilio-sms:+1", "--message", "x", status=1)
    assert len(refused.strip().splitlines()) == 1
