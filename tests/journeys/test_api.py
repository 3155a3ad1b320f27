"""A program sends a text through the API and sees it arrive."""

from typing import Any

import aiohttp

from sandbox.message import Status
from tests.journeys.house import OURS, House

ANN, BOB = "+12025550111", "+12025550122"
NOBODY = "+15005550001"
"""Twilio's magic number that is no valid one."""
TOKEN = "token-of-automation"


class Program:
    """A program with a token."""

    def __init__(self, house: House, session: aiohttp.ClientSession) -> None:
        self.house = house
        self.session = session

    async def send(self, message: dict[str, Any], *, key: str = "", expect: int = 202) -> dict[str, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        async with self.session.post(f"{self.house.url}/v1/messages", json=message, headers=headers) as answer:
            assert answer.status == expect, await answer.text()
            return dict(await answer.json(content_type=None))

    async def look(self, path: str) -> dict[str, Any]:
        async with self.session.get(f"{self.house.url}{path}") as answer:
            assert answer.status == 200, await answer.text()
            return dict(await answer.json())

    async def becomes(self, message: dict[str, Any], status: str) -> dict[str, Any]:
        """Wait until the message has this status; the message then."""
        seen: dict[str, Any] = {}

        async def has_status() -> bool:
            seen.update(await self.look(message["links"]["self"]))
            return bool(seen["status"] == status)

        await self.house.until(has_status)
        return seen


def configure(house: House) -> None:
    house.open_door()
    house.config["channels"]["sms"]["defaultTo"] = BOB
    house.config["api"] = {
        "tokens": {"automation": {"token": TOKEN, "scopes": ["messages:send", "messages:read"]}},
    }


def session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"})


async def test_a_posted_message_is_delivered_once_however_often_it_is_posted(house: House) -> None:
    configure(house)
    await house.start()
    async with session() as http:
        program = Program(house, http)
        texts = {"to": ANN, "markdown": True, "texts": ["**Order 4711** is ready", "See you!"]}
        first = await program.send(texts, key="order-4711")
        assert await house.receives(ANN, 2) == ["Order 4711 is ready", "See you!"]
        assert await program.send(texts, key="order-4711") == first

        seen = await program.becomes(first, "delivered")
        sent = house.got(ANN)
        assert [part["sid"] for part in seen["parts"]] == [message.sid for message in sent]
        assert [message.from_ for message in sent] == [OURS, OURS]
        await house.idle()
        assert len(house.got(ANN)) == 2

        conversation = await program.look(first["links"]["conversation"])
        assert all(lane["waiting"] == 0 for lane in conversation["lanes"].values())
        await program.send({"text": "The backup is done."})
        assert await house.receives(BOB, 1) == ["The backup is done."]
        assert not any(number in house.log("ingress") for number in (ANN, BOB, "Order 4711"))


async def test_a_message_that_twilio_refuses_tells_why(house: House) -> None:
    configure(house)
    await house.start()
    async with session() as http:
        program = Program(house, http)
        message = await program.send({"to": NOBODY, "text": "hello"})
        seen = await program.becomes(message, "failed")
        (part,) = seen["parts"]
        assert (part["phase"], part["error"]["code"]) == ("dead", "twilio-21211")
        assert part["error"]["hint"]
        assert NOBODY not in str(seen)


async def test_after_stop_nothing_is_taken_for_that_person(house: House) -> None:
    configure(house)
    await house.start("ingress")
    async with session() as http:
        program = Program(house, http)
        waiting = await program.send({"to": ANN, "text": "on its way"})
        await house.text(ANN, "STOP")
        refused = await program.send({"to": ANN, "text": "hello"}, expect=409)
        assert refused["type"] == "urn:textgate:problem:opted-out"
        await house.start("format", "outbound")
        seen = await program.becomes(waiting, "failed")
        assert seen["parts"][0]["error"]["code"] == "opted-out"
        assert (await program.look(waiting["links"]["conversation"]))["optedOut"] is True
    assert not any(message.status is Status.DELIVERED for message in house.got(ANN))
