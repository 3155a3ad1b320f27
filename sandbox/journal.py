"""Everything that happened, in order, and a way to wait for what happens next without polling.

Bounded: the oldest events go first, and `Journal.first` tells what is still there. The messages themselves are kept.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from enum import Enum
from itertools import islice

from msgspec import Struct, field

MAX_EVENTS = 200_000


class EventKind(Enum):
    """What an event tells."""

    MESSAGE = "message"
    """A message came into being."""
    STATUS = "status"
    """A message advanced."""
    WEBHOOK = "webhook"
    """An inbound webhook was posted; `http_status` is the last answer, None if there was none."""
    CALLBACK = "callback"
    """A status callback was posted."""
    REFUSED = "refused"
    """The API refused a request; `code` says why."""
    FAULT = "fault"
    """A scripted fault struck."""
    CONFIGURED = "configured"
    """The API changed a number, a service or an application; `note` names the fields that the request carried."""


class Event(Struct, frozen=True, kw_only=True):
    """One thing that happened. `seq` grows by one, `at` is Unix seconds."""

    seq: int
    at: float
    kind: EventKind
    sid: str = ""
    direction: str = ""
    from_: str = field(name="from", default="")
    to: str = ""
    body: str = ""
    status: str = ""
    code: int | None = None
    http_status: int | None = None
    note: str = ""


class Journal:
    """Appends events and wakes those who wait for one."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._changed = asyncio.Event()
        self._closed = False
        self.last = 0

    @property
    def first(self) -> int:
        """The number of the oldest event that is still there."""
        return self._events[0].seq if self._events else self.last + 1

    def add(
        self,
        kind: EventKind,
        *,
        sid: str = "",
        direction: str = "",
        from_: str = "",
        to: str = "",
        body: str = "",
        status: str = "",
        code: int | None = None,
        http_status: int | None = None,
        note: str = "",
    ) -> None:
        """Write down what happened."""
        self.last += 1
        self._events.append(
            Event(
                seq=self.last,
                at=self._now(),
                kind=kind,
                sid=sid,
                direction=direction,
                from_=from_,
                to=to,
                body=body,
                status=status,
                code=code,
                http_status=http_status,
                note=note,
            )
        )
        self._wake()

    def since(self, seq: int) -> list[Event]:
        """The events after number `seq`."""
        newer = min(self.last - seq, len(self._events))
        return list(islice(reversed(self._events), max(newer, 0)))[::-1]

    async def wait(self, matches: Callable[[Event], bool], *, after: int = 0, limit_s: float) -> list[Event]:
        """The matching events after `after`, as soon as there is one; empty when the limit is reached."""
        found: list[Event] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while not (found := self._matching(matches, after)) and not self._closed:
                    changed, after = self._changed, self.last
                    await changed.wait()
        return found or self._matching(matches, after)

    def clear(self) -> None:
        """Forget the events; the numbers go on, so that a waiting reader stays right."""
        self._events.clear()

    def close(self) -> None:
        """Let every waiter go: the server is stopping."""
        self._closed = True
        self._wake()

    def _matching(self, matches: Callable[[Event], bool], after: int) -> list[Event]:
        return [event for event in self.since(after) if matches(event)]

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
