"""A picture comes in over MMS, the agent reads it, and another one goes out to the phone."""

from pathlib import Path

from sandbox.config import DEFAULT_ACCOUNT_SID
from sandbox.faults import redirect_media
from sandbox.inbound import post_webhook, receive
from sandbox.message import Media, new_sid
from tests.journeys.house import OURS, House

ANN = "+12025550188"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


async def send_picture(house: House, body: str) -> None:
    state = house.sandbox.state
    number = state.directory.number(DEFAULT_ACCOUNT_SID, OURS)
    assert number is not None
    media = (Media(sid=new_sid("ME"), content_type="image/png", content=PNG),)
    results = await post_webhook(state, receive(state, number, from_=ANN, body=body, media=media))
    assert results[-1].status == 200


async def test_a_picture_comes_in_and_another_one_reaches_the_phone(house: House) -> None:
    house.open_door()
    house.extra_environ = {"TMPDIR": str(house.folder)}
    house.config["agent"] = {
        "kind": "python",
        "callable": "tests.journeys.agents_for_tests:paints",
        "mediaFolder": "out",
    }
    await house.start()
    await send_picture(house, "look")
    assert await house.receives(ANN, 1) == [f"look: image/png, {len(PNG)} bytes"]
    (message,) = house.got(ANN)
    (picture,) = message.fetched_media
    assert (picture.content_type, picture.content) == ("image/png", PNG[:8] + PNG[8:][::-1])
    assert message.media_urls[0].startswith(f"{house.url}/webhooks/sms/media/")
    await house.idle()
    assert not left_behind(house.folder), "the files of a turn outlive it"


def left_behind(folder: Path) -> list[Path]:
    return list(folder.glob("textgate-media-*/*"))


async def test_a_picture_that_cannot_be_had_keeps_no_text_back(house: House) -> None:
    house.open_door()
    house.sandbox.state.faults.add(redirect_media("http://127.0.0.1:1/inside"))
    house.config["agent"] = {"kind": "python", "callable": "tests.journeys.agents_for_tests:names_errors"}
    await house.start()
    await send_picture(house, "look")
    assert await house.receives(ANN, 1) == ["look: Twilio redirects to an address that is not taken"]
