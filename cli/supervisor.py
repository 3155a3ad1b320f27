"""Keeps a tree of processes running: restarts what crashes, stops all of it in order.

Each child has one task that starts it, waits for its end and starts it again after a wait that grows from one crash
to the next. A child that refuses its configuration (status 78) or its command line (2) would do so for ever: it
stops the whole tree, with its status.

Stopping goes rank by rank: everybody of a rank gets SIGTERM and `grace_s` to leave, then SIGKILL and a line that says
so. A second request to stop (`hurry`) ends the waiting.

Why a child refused stands in the middle of what all the others say while they leave, so the outcome repeats it.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Iterable, Sequence

import msgspec

from cli.child import Child, ChildSpec
from cli.lifeline import Lifeline
from shared.errors import EX_CONFIG

GRACE_S = 20.0
"""For each rank; longer than the ingress (10 s) and a worker need to finish what is under way."""

RESTART_WAITS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Waits before the first, second, … restart in a row; the last one repeats."""

STEADY_S = 60.0
"""A child that lived this long has recovered: its next crash counts as the first again."""

_HOPELESS = frozenset({2, EX_CONFIG})

_REASON = "textgate: "
"""How the line begins in which a command of ours says why it ends (`cli/main.py`)."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a tree ended. `status` is 0 after a clean stop, 1 if somebody had to be killed, else the refusal's."""

    status: int
    killed: tuple[str, ...] = ()
    reason: str = ""
    """Why a child refused, in its own words; empty if none did or it did not say."""


class Supervisor:
    """Runs `specs` until `stop` is set; `hurry` ends the waiting for those that do not leave.

    `say(role, line)` prints: the children's lines, and our own as role `up`.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        say: Callable[[str, str], None],
        stop: asyncio.Event,
        hurry: asyncio.Event,
        grace_s: float = GRACE_S,
        restart_waits_s: Sequence[float] = RESTART_WAITS_S,
    ) -> None:
        self._specs = specs
        self._say = say
        self._grace_s = grace_s
        self._restart_waits_s = restart_waits_s
        self._children: dict[str, Child] = {}
        self._refusal = 0
        self._reason = ""
        self._last_words: dict[str, str] = {}
        self._stop = stop
        self._hurry = hurry

    def pid_of(self, role: str) -> int | None:
        """Process id of a child, None while it is down."""
        child = self._children.get(role)
        return child.pid if child else None

    async def run(self) -> Outcome:
        """Start everybody, keep them running, return when all are gone."""
        lifeline = Lifeline()
        try:
            keepers = {spec.role: asyncio.create_task(self._keep(spec, lifeline)) for spec in self._specs}
            stopped = asyncio.create_task(self._stop.wait())
            await asyncio.wait([stopped, *keepers.values()], return_when=asyncio.FIRST_COMPLETED)
            self._stop.set()  # a keeper ends by itself only if there is no hope for its child
            killed = await self._stop_in_order(keepers)
            await asyncio.gather(*keepers.values())
            return Outcome(status=self._refusal or (1 if killed else 0), killed=tuple(killed), reason=self._reason)
        finally:
            lifeline.close()

    async def _keep(self, spec: ChildSpec, lifeline: Lifeline) -> None:
        crashes = 0
        while not self._stop.is_set():
            started = time.monotonic()
            status: int | None = None
            try:
                status = await self._run_once(spec, lifeline)
                end = describe_end(status)
            except OSError as error:
                if not crashes:
                    raise  # the program is not there at all
                end = f"cannot be started ({error.strerror})"  # nothing to be had just now: no reason to end the others
            if self._stop.is_set():
                return
            if status is not None and status in _HOPELESS:
                self._refusal, self._reason = status, self._last_words.get(spec.role, "")
                self._say("up", f"{spec.role} refused to start (exit status {status}): stopping everything")
                return
            crashes = 0 if time.monotonic() - started > STEADY_S else crashes
            wait_s = self._restart_waits_s[min(crashes, len(self._restart_waits_s) - 1)]
            crashes += 1
            self._say("up", f"{spec.role} {end}: starting it again in {wait_s:g} s")
            await _first_of(self._stop, limit_s=wait_s)

    async def _run_once(self, spec: ChildSpec, lifeline: Lifeline) -> int:
        child = self._children[spec.role] = await Child.start(spec, lifeline, self._hear)
        if self._stop.is_set():  # asked while it was being started: nobody else will tell it
            child.ask_to_stop()
        try:
            return await child.wait()
        finally:
            del self._children[spec.role]

    def _hear(self, role: str, line: str) -> None:
        if line.startswith(_REASON):
            self._last_words[role] = line.removeprefix(_REASON)
        self._say(role, line)

    async def _stop_in_order(self, keepers: "dict[str, asyncio.Task[None]]") -> list[str]:
        killed: list[str] = []
        for rank in sorted({spec.rank for spec in self._specs}):
            tasks = {spec.role: keepers[spec.role] for spec in self._specs if spec.rank == rank}
            for role in tasks.keys() & self._children.keys():
                self._children[role].ask_to_stop()
            await _all_done(tasks.values(), unless=self._hurry, limit_s=self._grace_s)
            killed += await self._kill_the_rest(tasks)
        return killed

    async def _kill_the_rest(self, tasks: "dict[str, asyncio.Task[None]]") -> list[str]:
        killed: list[str] = []
        while not all(task.done() for task in tasks.values()):
            for role in sorted(self._children.keys() & tasks.keys() - killed):
                why = "killed, as you asked" if self._hurry.is_set() else "did not stop in time: killed"
                self._say("up", f"{role} {why}")
                self._children[role].kill()
                killed.append(role)
            await asyncio.wait(tasks.values(), timeout=1.0)
        return killed


def describe_end(status: int) -> str:
    """`ended with status 1`, `was killed by SIGKILL`."""
    if status >= 0:
        return f"ended with status {status}"
    return f"was killed by {signal.Signals(-status).name}"


async def _first_of(event: asyncio.Event, *, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await event.wait()
    except TimeoutError:
        return


async def _all_done(tasks: "Iterable[asyncio.Task[None]]", *, unless: asyncio.Event, limit_s: float) -> None:
    """Wait until all tasks are done, `unless` is set, or the limit has passed."""
    hurry = asyncio.create_task(unless.wait())
    everybody = asyncio.create_task(asyncio.wait(tasks))
    await asyncio.wait([hurry, everybody], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    hurry.cancel()
    everybody.cancel()
