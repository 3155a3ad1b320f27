"""A scheduled text leaves at its time, once, whatever is killed while it waits."""

import datetime
import json
import time

from sandbox.faults import refuse_media
from shared.outbox import enqueue_text
from tests.journeys.house import House

ANN = "+12025550111"
MENU = "https://example.com/menu.png"


async def test_a_scheduled_text_leaves_at_its_time_although_nobody_was_there_to_let_it_go(house: House) -> None:
    house.open_door()
    await house.start()
    house.kill("format")
    due_ms = time.time_ns() // 1_000_000 + 1_500
    for name in ("first", "second"):
        await enqueue_text(house.redis, house.keys, account_id="default", to=ANN, text=name, due_ms=due_ms)
    shown = json.loads(await house.cli("message", "scheduled", "--json"))["scheduled"]
    assert [each["why"] for each in shown] == ["scheduled"] * 2
    assert house.got(ANN) == []

    await house.start("format")
    assert await house.receives(ANN, 2) == ["first", "second"]
    await house.idle()
    assert len(house.got(ANN)) == 2
    assert min(message.created_at for message in house.got(ANN)) >= due_ms / 1000
    assert json.loads(await house.cli("message", "scheduled", "--json")) == {"scheduled": []}


async def test_what_is_taken_back_does_not_leave(house: House) -> None:
    house.open_door()
    await house.start()
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    send = ("message", "send", "--target", f"sms:{ANN}", "--send-at", later.isoformat(), "--json")
    regretted = json.loads(await house.cli(*send, "--message", "regretted"))["replyId"]
    await house.cli("message", "cancel", regretted)
    assert json.loads(await house.cli("message", "trace", regretted, "--json"))["state"] == "canceled"
    assert json.loads(await house.cli("message", "scheduled", "--json")) == {"scheduled": []}
    await house.idle()
    assert house.got(ANN) == []


async def test_words_leave_without_the_picture_that_twilio_refuses(house: House) -> None:
    house.open_door()
    await house.start()
    house.sandbox.state.faults.add(refuse_media(21620))
    send = ("message", "send", "--target", f"sms:{ANN}", "--message", "Today:", "--media", MENU, "--json")
    reply_id = json.loads(await house.cli(*send))["replyId"]
    assert await house.receives(ANN, 1) == ["Today:"]
    assert [message.media_urls for message in house.got(ANN)] == [()]
    (part,) = json.loads(await house.cli("message", "trace", reply_id, "--json"))["parts"]
    assert part["mediaRefused"] == "twilio-21620"
    assert "media_refused" in house.log("outbound")
