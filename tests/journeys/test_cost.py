"""What one text costs Redis, counted and not timed: a change that makes it dearer must say so here.

A text goes in, through policy, agent, format, journal, request and commit; its delivery callbacks are left out. The
processes also do housekeeping (leases, health), which may fall into a measurement: so the cheapest of several texts is
the cost of a text alone.
"""

from bench.cost import cost_of
from sandbox.faults import Callbacks, Fault
from tests.journeys.house import House

TEXTS = 8

ROUND_TRIPS = 8
"""Admission; per stage a claim and a commit that claims the next; and the journal entry before the request."""
SCRIPTS = 11
COMMANDS = 101
"""Those inside the scripts count, too."""


async def cost_of_a_text(house: House, phone: str) -> dict[str, int]:
    """Round trips, scripts, and commands outside and inside them, until nothing of the text waits any more."""
    house.sandbox.state.faults.add(Fault(callbacks=Callbacks.NONE))
    await house.redis.config_resetstat()
    await house.text(phone, "What does this cost?")
    await house.receives(phone, 1)
    await house.until(lambda: nothing_waits(house))
    cost = cost_of(await house.redis.info("all"))
    return {"round_trips": cost.round_trips, "scripts": cost.scripts, "commands": cost.commands}


async def nothing_waits(house: House) -> bool:
    """Asked with a command that no script of a text uses, so that it can be told apart."""
    return not await house.redis.zcard(house.keys.busy)


async def test_a_text_costs_what_it_is_known_to_cost(house: House) -> None:
    house.open_door()
    await house.start()
    await house.text("+12025550100", "so that every script is loaded")
    await house.receives("+12025550100", 1)
    costs = [await cost_of_a_text(house, f"+120255502{number:02}") for number in range(TEXTS)]
    cheapest = min(costs, key=lambda cost: (cost["commands"], cost["round_trips"]))
    assert cheapest == {"round_trips": ROUND_TRIPS, "scripts": SCRIPTS, "commands": COMMANDS}, costs
