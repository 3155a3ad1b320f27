"""STOP, as people live it: silence from then on, a confirmation where it is ours to give, RCS like SMS."""

import json

import msgspec

from sandbox.config import DEFAULT_ACCOUNT_SID, SandboxNumber
from sandbox.inbound import post_webhook, receive
from shared.texts import TextKey, Texts
from tests.journeys.house import House

ANN = "+12025550111"
BRAND = "rcs:brand_agent"


async def test_after_stop_there_is_silence_until_start(house: House) -> None:
    house.open_door()
    await house.start()
    await house.text(ANN, "hello")
    await house.receives(ANN, 1)

    await house.text(ANN, "STOP")
    await house.text(ANN, "are you still there?")
    await house.idle()
    assert len(house.got(ANN)) == 1
    (shown,) = json.loads(await house.cli("optout", "list", "--json"))["optOuts"]
    assert (shown["person"], shown["cause"], shown["said"]) == (ANN, "keyword", "STOP")

    await house.text(ANN, "START")
    await house.text(ANN, "back again")
    bodies = await house.receives(ANN, 2)
    assert "back again" in bodies[1]
    assert json.loads(await house.cli("optout", "list", "--json")) == {"optOuts": []}


async def test_where_twilio_does_not_answer_textgate_does(house: House) -> None:
    house.open_door()
    house.config["channels"]["sms"] |= {"optOut": {"reply": True}, "language": "fr"}
    directory = house.sandbox.state.directory
    account = directory.accounts[DEFAULT_ACCOUNT_SID]
    directory.accounts[DEFAULT_ACCOUNT_SID] = msgspec.structs.replace(account, stop_filtering=False)
    await house.start()
    french = Texts(language="fr")

    await house.text(ANN, "Arrêt")
    assert await house.receives(ANN, 1) == [french.say(TextKey.OPTED_OUT, number=ANN)]
    await house.text(ANN, "hello")
    await house.idle()
    assert len(house.got(ANN)) == 1

    await house.text(ANN, "start")
    await house.text(ANN, "aide")
    bodies = await house.receives(ANN, 3)
    assert bodies[1:] == [french.say(TextKey.OPTED_IN, number=ANN), french.say(TextKey.OPT_HELP, number=ANN)]


async def test_who_writes_over_rcs_is_paired_and_answered_over_rcs(house: House) -> None:
    house.config["channels"]["sms"]["rcsSender"] = BRAND
    number = SandboxNumber(number=BRAND, account_sid=DEFAULT_ACCOUNT_SID, sms_url=f"{house.url}/webhooks/sms")
    house.sandbox.state.directory.put_number(number)
    await house.start()
    person = f"rcs:{ANN}"

    async def text(body: str) -> None:
        message = receive(house.sandbox.state, number, from_=person, body=body, media=())
        assert (await post_webhook(house.sandbox.state, message))[-1].status == 200

    await text("hello")
    await house.receives(person, 1)
    (request,) = json.loads(await house.cli("pairing", "list", "--json"))["requests"]
    assert request["sender"] == person
    assert person in house.bodies(person)[0], "the SMS names the sender as they are known"
    await house.cli("pairing", "approve", request["code"], "--notify")
    await house.receives(person, 2)
    await text("who are you?")
    bodies = await house.receives(person, 3)
    assert "who are you?" in bodies[2]
    assert {message.from_ for message in house.got(person)} == {BRAND}
    assert house.got(ANN) == [], "nothing went out as SMS"

    await text("STOP")
    refused = await house.cli("message", "send", "--target", f"sms:{ANN}", "--message", "psst", status=1)
    assert "has opted out" in refused
