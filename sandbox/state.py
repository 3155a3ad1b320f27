"""Everything a running sandbox knows, in memory: messages with their indexes, faults, phones, opt-outs, the journal.

One `SandboxState` per server and event loop; nothing survives it. It starts and ends the background work
(deliveries, posts) so that a reset or a shutdown leaves nothing running.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence

from msgspec import Struct

from sandbox.alert import Alert
from sandbox.config import SandboxConfig
from sandbox.directory import Directory
from sandbox.faults import FaultQueue
from sandbox.journal import EventKind, Journal
from sandbox.message import Message, Status
from sandbox.poster import Poster


class Phone(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a phone behaves: every message to it ends in this state, with this error code."""

    final_status: Status = Status.DELIVERED
    error_code: int | None = None


class SandboxState:
    """The sandbox's memory. `now` is the clock (Unix seconds); a test may bring its own."""

    def __init__(self, config: SandboxConfig, *, now: Callable[[], float] = time.time) -> None:
        self.config = config
        self.now = now
        self.directory = Directory(config)
        self.journal = Journal(now)
        self.faults = FaultQueue()
        self.poster = Poster()
        self.phones: dict[str, Phone] = {}
        self.opt_outs: set[tuple[str, str]] = set()
        """(sender, phone): the phone has texted STOP to that number or Messaging Service."""
        self.alerts: list[Alert] = []
        """What Twilio's debugger would show, oldest first."""
        self.hang_up: Callable[[tuple[str, int]], None] | None = None
        """Resets the connection from a client address; the server brings it."""
        self._seq = 0
        self._closing = asyncio.Event()
        self._tasks: set[asyncio.Task[object]] = set()
        self._forget()

    def next_seq(self) -> int:
        """A number for the next message; it goes on after a reset."""
        self._seq += 1
        return self._seq

    def keep(self, message: Message) -> None:
        """Store a new message and tell the journal."""
        self._messages.append(message)
        self._by_sid[message.sid] = message
        self._by_account[message.account_sid].append(message)
        self._by_to[message.account_sid, message.to].append(message)
        self.note(EventKind.MESSAGE, message)

    def messages(self, *, to: str = "", account_sid: str = "") -> Sequence[Message]:
        """Messages, oldest first: all, of an account, or of an account to one recipient."""
        if account_sid and to:
            return self._by_to.get((account_sid, to), [])
        return self._by_account.get(account_sid, []) if account_sid else self._messages

    def find(self, sid: str) -> Message | None:
        """One message."""
        return self._by_sid.get(sid)

    def is_opted_out(self, sender: str, phone: str) -> bool:
        """True if the phone wants nothing from this number or Messaging Service, over whatever channel."""
        return (sender, person_of(phone)) in self.opt_outs

    def note(
        self, kind: EventKind, message: Message, *, status: str = "", http_status: int | None = None, note: str = ""
    ) -> None:
        """Write an event about a message into the journal."""
        self.journal.add(
            kind,
            sid=message.sid,
            direction=message.direction.value,
            from_=message.from_ or "",
            to=message.to,
            body=message.body,
            status=status or message.status.value,
            code=message.error_code,
            http_status=http_status,
            note=note,
        )

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """Do something in the background; it ends with the sandbox or at a reset."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def pause(self, delay_s: float) -> None:
        """Let time pass, but do not hold up the stop of the sandbox."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), delay_s)

    async def settle(self) -> None:
        """Wait until nothing runs in the background: every message has ended, every post is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def reset(self) -> None:
        """Forget messages, events, faults, alerts, phones and opt-outs; numbers and accounts stay as they are."""
        await self._stop_tasks()
        self.journal.clear()
        self.faults.clear()
        self.phones.clear()
        self.opt_outs.clear()
        self.alerts.clear()
        self._forget()

    async def close(self) -> None:
        """Stop the background work, let waiters go, close connections."""
        self._closing.set()
        self.journal.close()
        await self._stop_tasks()
        await self.poster.close()

    async def _stop_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self) -> None:
        self._messages: list[Message] = []
        self._by_sid: dict[str, Message] = {}
        self._by_account: defaultdict[str, list[Message]] = defaultdict(list)
        self._by_to: defaultdict[tuple[str, str], list[Message]] = defaultdict(list)


def person_of(phone: str) -> str:
    """Since March 2026 Twilio holds an opt-out by SMS, MMS or RCS against all three."""
    return phone.removeprefix("rcs:")
