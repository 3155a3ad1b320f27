"""Every process is told to leave and replaced while texts flow; people notice nothing.

Texts are posted again until they are answered 200, as Twilio does with `#rc=3&rp=ct,rt,5xx`. What counts in the end is
the stand-in's own record of what each phone got.
"""

import asyncio
import os
import signal
import subprocess

from sandbox.config import DEFAULT_ACCOUNT_SID
from sandbox.inbound import post_webhook, receive
from tests.journeys.house import LIMIT_S, OURS, STAGES, House

PEOPLE = [f"+1202555{i:04}" for i in range(2000, 2008)]
AGENT = {"kind": "python", "callable": "tests.journeys.agents_for_tests:takes_a_moment"}
PAUSE_S = 0.1
"""Between two texts of a person: without it the load generator would be all that the machine has time for."""
INGRESS = ("ingress", "--share-port")


class Flow:
    """Everybody texts, one text after another, until told to stop."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stop = asyncio.Event()
        self.said: dict[str, list[str]] = {person: [] for person in PEOPLE}

    async def run(self) -> None:
        await asyncio.gather(*(self._talk(person) for person in PEOPLE))

    def stop(self) -> None:
        self._stop.set()

    async def more(self, count: int) -> None:
        """Wait until that many further texts were answered 200."""
        goal = self.total + count

        async def there() -> bool:
            return self.total >= goal

        await self._house.until(there)

    @property
    def total(self) -> int:
        return sum(len(texts) for texts in self.said.values())

    async def _talk(self, person: str) -> None:
        state = self._house.sandbox.state
        number = state.directory.number(DEFAULT_ACCOUNT_SID, OURS)
        assert number is not None
        while not self._stop.is_set():
            body = f"{person} {len(self.said[person])}"
            message = receive(state, number, from_=person, body=body, media=())
            while (await post_webhook(state, message))[-1].status != 200:  # noqa: ASYNC110 - each round posts again
                await asyncio.sleep(0.02)
            self.said[person].append(body)
            await asyncio.sleep(PAUSE_S)


async def test_a_rolling_deploy_under_load_loses_doubles_and_reorders_nothing(house: House) -> None:
    house.open_door()
    house.config["agent"] = AGENT
    house.write_config()
    house.spawn("ingress", INGRESS)
    await house.start(*STAGES)
    flow = Flow(house)
    async with asyncio.TaskGroup() as group:
        group.create_task(flow.run())
        for old in ("ingress", *STAGES):
            await flow.more(25)
            house.spawn(f"{old}-new", INGRESS if old == "ingress" else ())
            await house.until(house.is_up)
            process = house.processes[old]
            del house.processes[old]
            process.terminate()
            await asyncio.to_thread(process.wait, LIMIT_S)
            assert process.returncode == 0, f"{old} left with {process.returncode}:\n{house.log(old)[-3000:]}"
        await flow.more(25)
        flow.stop()
    await house.idle()
    await house.sandbox.state.settle()
    for person in PEOPLE:
        answers = "\n".join(house.bodies(person))
        assert answers.split("\n") == flow.said[person], person


async def test_several_ingress_processes_share_a_port_and_a_crashed_one_comes_back(house: House) -> None:
    house.open_door()
    house.config["agent"] = {"kind": "echo"}
    house.write_config()
    house.spawn("ingress", ("ingress", "--workers", "2"))
    await house.start(*STAGES)

    async def two() -> bool:
        return len(children_of(house.processes["ingress"].pid)) == 2

    await house.until(two)
    (victim, _) = children_of(house.processes["ingress"].pid)
    os.kill(victim, signal.SIGKILL)

    async def replaced() -> bool:
        now = children_of(house.processes["ingress"].pid)
        return len(now) == 2 and victim not in now

    await house.until(replaced)
    await house.until(house.is_up)
    for i, person in enumerate(PEOPLE):
        await house.text(person, f"text {i}")
        assert await house.receives(person, 1) == [f"text {i}"]
    leaving = house.processes["ingress"]
    kept = children_of(leaving.pid)
    house.kill("ingress", signal.SIGTERM)
    assert leaving.returncode == 0, house.log("ingress")
    assert [pid for pid in kept if is_running(pid)] == []


async def test_a_port_of_somebody_who_does_not_share_is_refused_in_one_line(house: House) -> None:
    await house.start("ingress")
    said = await house.cli("ingress", "--workers", "2", status=1)
    assert said.startswith(f"textgate: cannot share 127.0.0.1:{house.port}: Address already in use; ")
    assert len(said.splitlines()) == 1


async def test_a_worker_works_on_as_many_turns_at_once_as_its_command_says(house: House) -> None:
    house.open_door()
    house.config["agent"] = {"kind": "python", "callable": "tests.journeys.agents_for_tests:blocks"}
    house.write_config()
    house.spawn("agent", ("worker", "agent", "--concurrency", "1"))
    await house.start("ingress", "format", "outbound")
    first, second = PEOPLE[:2]
    await house.text(first, "one")
    await house.text(second, "two")

    async def one_runs() -> bool:
        return len(await house.redis.keys("arq:in-progress:*agent*")) == 1

    await house.until(one_runs)
    assert await house.redis.zcard(house.keys.queue("agent")) == 2, "the other one waits in the queue"
    (house.folder / "go").write_text("")
    assert await house.receives(first, 1) == ["answer to one"]
    assert await house.receives(second, 1) == ["answer to two"]
    await house.idle()


def children_of(pid: int) -> list[int]:
    """The processes that this one has started."""
    shown = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in shown.stdout.split()]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
