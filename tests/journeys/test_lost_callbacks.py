"""Twilio's callbacks are lost: the end of every text becomes known all the same, whoever is killed meanwhile."""

import json

from sandbox.faults import Callbacks, Fault, Operation
from sandbox.message import Status as SandboxStatus
from shared.outbox import Status, load_part_of_sid
from tests.journeys.house import House

PEOPLE = [f"+120255501{i:02}" for i in range(6)]


def quick(house: House) -> None:
    house.open_door()
    house.config["workers"] = {
        "leaseSeconds": 1,
        "outbound": {"requestTimeoutSeconds": 2, "inDoubtSeconds": 8, "finalStateAfterSeconds": 1},
    }


async def test_the_end_is_asked_for_and_survives_the_death_of_who_asks(house: House) -> None:
    quick(house)
    state = house.sandbox.state
    failed = Fault(to=PEOPLE[0], callbacks=Callbacks.NONE, final_status=SandboxStatus.UNDELIVERED, error_code=30003)
    for fault in (failed, *(Fault(to=person, callbacks=Callbacks.NONE) for person in PEOPLE[1:])):
        state.faults.add(fault)
    # The first look hangs: its worker is killed in the midst of it.
    hanging = Fault(operation=Operation.FETCH, delay_s=1.5)
    state.faults.add(hanging)
    await house.start()
    for person in PEOPLE:
        await house.text(person, "hello")

    async def somebody_asks() -> bool:
        return hanging not in [fault for fault, _ in state.faults.waiting()]

    await house.until(somebody_asks)
    house.kill("outbound")
    house.spawn("outbound")

    async def every_end_is_known() -> bool:
        return not await house.redis.exists(house.keys.awaiting) and all(house.got(person) for person in PEOPLE)

    await house.until(every_end_is_known, limit_s=60)
    for person in PEOPLE:
        (message,) = house.got(person)
        part = await load_part_of_sid(house.redis, house.keys, message.sid)
        assert part is not None
        assert not message.callbacks
        expected = (Status.UNDELIVERED, 30003) if person == PEOPLE[0] else (Status.DELIVERED, None)
        assert (part.status, part.error_code) == expected


async def test_who_waits_for_a_text_learns_its_end_without_a_callback(house: House) -> None:
    quick(house)
    house.sandbox.state.faults.add(Fault(to=PEOPLE[0], callbacks=Callbacks.NONE))
    await house.start()
    said = json.loads(
        await house.cli("message", "send", "--target", PEOPLE[0], "--message", "hello", "--wait", "--json")
    )
    assert said["state"] == "delivered"
