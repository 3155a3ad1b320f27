"""Redis and processes come and go under a running gateway; people notice nothing but a delay.

The promise behind each test: what was answered 200 is answered exactly once and in order, what could not be stored is
told to Twilio as 503, and no process ends because another one did.
"""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable

import pytest

from cli.readiness import answers_200
from sandbox.config import DEFAULT_ACCOUNT_SID
from sandbox.faults import answer_late
from sandbox.inbound import post_webhook, receive
from tests.journeys.house import OURS, House
from workers.agents.contract import Turn

ANN, BOB = "+12025550111", "+12025550122"
PEOPLE = tuple(f"+1202555013{i}" for i in range(6))


def answers_each_text(turn: Turn) -> list[str]:
    """An agent whose answers can be counted: one text for each text, whatever a turn takes together."""
    return [f"re {text.body}" for text in turn.texts]


def echo_house(house: House) -> None:
    """Everybody is let in and answered; leases are short, since each test waits for some to end."""
    house.open_door()
    house.config["workers"] = {
        "leaseSeconds": 3,
        "outbound": {"requestTimeoutSeconds": 4, "inDoubtSeconds": 12},
    }
    house.config["agent"] = {"kind": "python", "callable": "tests.journeys.test_outages:answers_each_text"}


async def offer(house: House, sender: str, body: str) -> int | None:
    """A phone texts; the status that Twilio gets, None if there is no answer."""
    number = house.sandbox.state.directory.number(DEFAULT_ACCOUNT_SID, OURS)
    assert number is not None
    message = receive(house.sandbox.state, number, from_=sender, body=body, media=())
    return (await post_webhook(house.sandbox.state, message))[-1].status


async def kill_redis(house: House) -> None:
    os.kill(house.redis_server.pid, signal.SIGKILL)
    assert await asyncio.to_thread(house.redis_server.wait_gone)


async def start_redis(house: House) -> None:
    assert await asyncio.to_thread(house.redis_server.restart_if_gone)


def all_alive(house: House) -> bool:
    return all(process.poll() is None for process in house.processes.values())


async def within(limit_s: float, fact: Callable[[], Awaitable[bool]]) -> None:
    """As `House.until`, with a limit of its own."""
    deadline = asyncio.get_running_loop().time() + limit_s
    while not await fact():
        assert asyncio.get_running_loop().time() < deadline, f"{fact.__qualname__} did not come true in {limit_s} s"
        await asyncio.sleep(0.05)


async def ready(house: House) -> bool:
    return await answers_200(f"{house.url}/readyz")


async def answered(house: House, person: str, count: int) -> list[str]:
    """Wait for that many answers and until nothing waits anywhere; all that the person got.

    An agent's texts after the tenth of one turn travel together, so answers are lines, not messages.
    """

    def lines() -> list[str]:
        return [line for body in house.bodies(person) for line in body.splitlines() if line]

    async def all_there() -> bool:
        return len(lines()) >= count

    await house.until(all_there)
    await house.idle()
    return lines()


async def test_a_restart_of_redis_under_running_processes_ends_none_of_them(house: House) -> None:
    echo_house(house)
    await house.start()
    await house.text(ANN, "before")
    assert await answered(house, ANN, 1) == ["re before"]

    for round_ in range(2):
        await kill_redis(house)
        await start_redis(house)
        await within(30, lambda: ready(house))
        await house.text(ANN, f"after {round_}")
        assert (await answered(house, ANN, 2 + round_))[-1] == f"re after {round_}"

    assert all_alive(house)
    assert house.bodies(ANN) == ["re before", "re after 0", "re after 1"]


class Talk:
    """One person who texts on and on, whatever Twilio is told."""

    def __init__(self, house: House, person: str) -> None:
        self.house = house
        self.person = person
        self.told: list[int | None] = []
        self.stored: list[str] = []
        """The answers that are owed: to what Twilio was told 200."""

    async def say_one(self) -> None:
        number = len(self.told)
        status = await offer(self.house, self.person, f"text {number}")
        self.told.append(status)
        self.stored += [f"re text {number}"] if status == 200 else []

    async def go_on_until(self, done: asyncio.Event) -> None:
        while not done.is_set():
            await self.say_one()
            await asyncio.sleep(0.01)  # so that an outage is no busy loop

    async def check_answers(self) -> None:
        """All that was stored is answered once and in order. What was under way in the moment of a kill may have been
        stored without an answer to Twilio; then it is in its place, once."""
        got = await answered(self.house, self.person, len(self.stored))
        unanswered = set(got) - set(self.stored)
        assert [text for text in got if text not in unanswered] == self.stored
        assert got == sorted(set(got), key=lambda text: int(text.rpartition(" ")[2]))
        assert len(unanswered) <= 1


async def test_while_redis_is_away_twilio_is_told_503_and_what_it_was_told_200_is_answered_once(house: House) -> None:
    echo_house(house)
    await house.start()
    talks = [Talk(house, person) for person in (ANN, BOB)]
    done = asyncio.Event()
    texting = asyncio.gather(*(talk.go_on_until(done) for talk in talks))

    def each_told(status: int, times: int) -> Callable[[], Awaitable[bool]]:
        async def so_often() -> bool:
            return all(talk.told.count(status) >= times for talk in talks)

        return so_often

    await house.until(each_told(200, 10))
    await kill_redis(house)
    await house.until(each_told(503, 10))
    assert not await ready(house)
    assert all_alive(house)
    await start_redis(house)
    await house.until(each_told(200, 25))
    done.set()
    await texting

    assert all(set(talk.told) == {200, 503} for talk in talks)
    for talk in talks:
        await talk.check_answers()
    assert all_alive(house)

    async def told_of_the_end() -> bool:
        return "redis_back" in house.log("ingress")

    await house.until(told_of_the_end)
    lines = [json.loads(line) for line in house.log("ingress").splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines if line["event"].startswith("redis_")] == ["redis_away", "redis_back"]
    assert [line["event"] for line in lines].count("webhook_not_stored") == 0
    refused = sum(talk.told.count(503) for talk in talks)  # and callbacks besides
    assert [line["answered_503"] >= refused for line in lines if line["event"] == "redis_back"] == [True]


async def test_a_redis_that_hangs_is_answered_503_within_the_time_that_twilio_waits(house: House) -> None:
    """Frozen (SIGSTOP), not gone: connections stay open and nothing answers. Twilio gives up after 15 s."""
    echo_house(house)
    await house.start()
    await house.text(ANN, "before")
    assert await answered(house, ANN, 1) == ["re before"]

    os.kill(house.redis_server.pid, signal.SIGSTOP)
    try:
        told = await asyncio.gather(*(offer(house, ANN, f"meanwhile {i}") for i in range(3)), offer(house, BOB, "hi"))
    finally:
        os.kill(house.redis_server.pid, signal.SIGCONT)
    assert told == [503] * 4

    await within(30, lambda: ready(house))
    await house.text(ANN, "after")

    async def last_came() -> bool:
        return "re after" in house.bodies(ANN)

    await house.until(last_came)
    await house.idle()
    assert all_alive(house)
    # A text that was answered 503 may have been stored all the same: Twilio's retry would be a duplicate. Never twice.
    meanwhile = house.bodies(ANN)[1:-1]
    assert house.bodies(ANN) == ["re before", *meanwhile, "re after"]
    assert len(set(meanwhile)) == len(meanwhile)
    assert set(meanwhile) <= {f"re meanwhile {i}" for i in range(3)}


async def test_an_ingress_that_is_killed_and_started_again_loses_nothing_that_it_answered(house: House) -> None:
    echo_house(house)
    await house.start()
    talks = [Talk(house, person) for person in (ANN, BOB)]
    done = asyncio.Event()
    texting = asyncio.gather(*(talk.go_on_until(done) for talk in talks))

    async def enough(times: int = 10) -> bool:
        return all(talk.told.count(200) >= times for talk in talks)

    await house.until(enough)
    house.kill("ingress")
    house.spawn("ingress")
    await house.until(house.is_up)
    await house.until(lambda: enough(25))
    done.set()
    await texting

    for talk in talks:
        assert None in talk.told, "nobody listened for a while"
        await talk.check_answers()


@pytest.mark.timeout(240)
async def test_an_outbound_worker_that_is_killed_again_and_again_texts_nobody_twice(house: House) -> None:
    echo_house(house)
    for _ in PEOPLE:
        house.sandbox.state.faults.add(
            answer_late(0.05, times=100)
        )  # so that a kill strikes between request and answer
    await house.start()
    for i in range(10):
        await asyncio.gather(*(house.text(person, f"text {i}") for person in PEOPLE))

    def sent() -> int:
        return sum(len(house.got(person)) for person in PEOPLE)

    for _ in range(4):
        seen = sent()

        async def some_more(least: int = min(seen + 4, 60)) -> bool:
            return sent() >= least

        await within(100, some_more)
        house.kill("outbound")
        house.spawn("outbound")

    async def all_sent() -> bool:
        return sent() >= 60 and not await house.redis.exists(house.keys.busy)

    await within(150, all_sent)
    expected = [f"re text {i}" for i in range(10)]
    assert {person: house.bodies(person) for person in PEOPLE} == dict.fromkeys(PEOPLE, expected)
