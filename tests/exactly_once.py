"""Thousands of texts under random faults and random kills; then the count, by the stand-in's own record.

    python -m tests.exactly_once [--texts 2000] [--people 200] [--kills 40] [--seed N]

Real processes, a real Redis, the real Twilio SDK. While the texts flow, requests to Twilio fail in every way that the
sandbox knows, and processes (Redis too, with its append-only file) are killed with SIGKILL and started again. A text
counts as acknowledged once its webhook was answered 200; until then it is posted again, as Twilio would.

Prints texts acknowledged, lost, doubled and reordered; exit status 1 unless the last three are zero. Limits are lifted
(`segmentsPerSecond` and `rateLimits` 0), and leases and doubts are short, so that it ends within minutes.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec

from sandbox.config import DEFAULT_ACCOUNT_SID
from sandbox.faults import (
    Callbacks,
    Fault,
    accept_then_drop,
    answer_late,
    drop_before_accepting,
    server_error,
    too_many_requests,
)
from sandbox.inbound import post_webhook, receive
from tests.journeys.house import OURS, House, open_house

PROCESSES = ("ingress", "agent", "format", "outbound", "agent-2", "format-2", "outbound-2")
VICTIMS = ("outbound", "outbound-2", "outbound", "outbound-2", "agent", "format", "agent-2", "ingress", "redis")
DRAIN_S = 240.0
POSTERS = 20
FAULTS: tuple[Fault, ...] = (
    accept_then_drop(),
    accept_then_drop(callbacks=Callbacks.NONE, list_lag_s=2.0),
    answer_late(3.0),
    drop_before_accepting(),
    too_many_requests(),
    server_error(accepted=False),
    server_error(accepted=True, status=503),
    Fault(callbacks=Callbacks.TWICE),
    Fault(callbacks=Callbacks.REVERSED),
    Fault(callbacks=Callbacks.BEFORE_ANSWER),
)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came out, by the sandbox's record."""

    acknowledged: int
    lost: int
    doubled: int
    reordered: int

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.reordered)


class Run:
    """One run on one gateway."""

    def __init__(self, house: House, options: argparse.Namespace) -> None:
        self._house = house
        self._rng = random.Random(options.seed)
        self._people = [f"+1202555{i:04}" for i in range(1000, 1000 + options.people)]
        self._texts = options.texts
        self._kills = options.kills
        self.killed: Counter[str] = Counter()
        self.refused = 0
        self._sent = 0

    async def play(self) -> Verdict:
        house = self._house
        house.open_door()
        house.config["workers"] = {
            "leaseSeconds": 2,
            "outbound": {"requestTimeoutSeconds": 2, "inDoubtSeconds": 9},
        }
        await house.start(*PROCESSES)
        self._script_faults()
        async with asyncio.TaskGroup() as group:
            alive = group.create_task(self._keep_alive())
            striking = group.create_task(self._strike())
            await asyncio.gather(*(self._post_all(people) for people in self._shares()))
            await striking
            await house.until(self._drained, limit_s=DRAIN_S)
            alive.cancel()
        await house.sandbox.state.settle()
        return self._count()

    def _script_faults(self) -> None:
        """A tenth of all requests meets a fault, each person's at random places."""
        for i in range(self._texts // 10):
            person = self._rng.choice(self._people)
            fault = self._rng.choice(FAULTS)
            self._house.sandbox.state.faults.add(msgspec.structs.replace(fault, to=person, skip=i % 4))

    def _shares(self) -> list[list[str]]:
        return [self._people[i::POSTERS] for i in range(POSTERS)]

    async def _post_all(self, people: list[str]) -> None:
        """One person's texts go one after another, as a phone sends them; different people's side by side."""
        for n in range(self._texts // len(self._people)):
            for person in people:
                await self._post(person, f"{person} {n}")

    async def _post(self, person: str, body: str) -> None:
        state = self._house.sandbox.state
        number = state.directory.number(DEFAULT_ACCOUNT_SID, OURS)
        assert number is not None
        message = receive(state, number, from_=person, body=body, media=())
        while (await post_webhook(state, message))[-1].status != 200:
            self.refused += 1
            await asyncio.sleep(0.05)
        self._sent += 1

    async def _strike(self) -> None:
        """Kill at random, spread over the flow of texts."""
        for i in range(self._kills):
            due = (i + 1) * self._texts // (self._kills + 1)
            while self._sent < due:  # noqa: ASYNC110 - a count, not an event
                await asyncio.sleep(0.01)
            victim = self._rng.choice(VICTIMS)
            self.killed[victim] += 1
            if victim == "redis":
                await asyncio.to_thread(self._kill_redis)
            else:
                self._house.processes[victim].send_signal(signal.SIGKILL)

    def _kill_redis(self) -> None:
        server = self._house.redis_server
        os.kill(server.pid, signal.SIGKILL)
        server.wait_gone()
        server.restart_if_gone()

    async def _keep_alive(self) -> None:
        while True:
            for name in PROCESSES:
                if self._house.processes[name].poll() is not None:
                    self._house.spawn(name)
            await asyncio.sleep(0.05)

    async def _drained(self) -> bool:
        return not await self._house.redis.exists(self._house.keys.busy)

    def _count(self) -> Verdict:
        lost = doubled = reordered = 0
        per_person = self._texts // len(self._people)
        for person in self._people:
            lines = [line for body in self._house.bodies(person) for line in body.splitlines()]
            expected = [f"{person} {n}" for n in range(per_person)]
            count = Counter(lines)
            lost += sum(count[line] == 0 for line in expected)
            doubled += sum(max(0, count[line] - 1) for line in expected)
            firsts = list(dict.fromkeys(lines))
            reordered += firsts != [line for line in expected if line in count]
        return Verdict(acknowledged=self._sent, lost=lost, doubled=doubled, reordered=reordered)


async def run(options: argparse.Namespace) -> int:
    """Play one run and print its verdict; the exit status."""
    print(f"{options.texts} texts of {options.people} people, {options.kills} kills, seed {options.seed}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tg") as folder:
        async with open_house(Path(folder)) as house:
            play = Run(house, options)
            verdict = await play.play()
            dead = await house.redis.zcard(house.keys.dead)
    print(f"killed: {', '.join(f'{name} {n}' for name, n in sorted(play.killed.items()))}")
    print(f"webhooks refused and posted again: {play.refused}; dead letters: {dead}")
    print(f"took {time.monotonic() - started:.0f} s")
    print(
        f"sent {verdict.acknowledged}, lost {verdict.lost}, doubled {verdict.doubled}, reordered {verdict.reordered}: "
        f"{'good' if verdict.good else 'BROKEN'}"
    )
    return 0 if verdict.good else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    sys.exit(asyncio.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
