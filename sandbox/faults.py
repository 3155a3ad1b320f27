"""Scripted faults: what shall go wrong with the next requests to Twilio's API.

A fault waits in a queue; the first one that matches a request is used up by one, and one request meets one fault. A
fault is orthogonal in what it does (accepted or not, answered how, callbacks how, listed when), so that a test can
say "accepted, the connection dropped, no callback, and the list lags". The functions here make the usual ones.
"""

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct, field, structs

from sandbox.message import Status
from sandbox.twilio_errors import TwilioError, usual_message

Seconds = Annotated[float, Meta(ge=0, le=3600)]
Count = Annotated[int, Meta(ge=0)]


class Operation(Enum):
    """Which request a fault strikes."""

    CREATE = "create"
    FETCH = "fetch"
    LIST = "list"
    CONFIGURATION = "configuration"
    """Anything but messages: accounts, numbers, services, applications, balance, alerts."""
    MEDIA = "media"
    """The attachment of an inbound message, at Twilio's API."""
    MEDIA_CONTENT = "media_content"
    """The same, at the content network to which the API redirects."""


class Answer(Enum):
    """What the client gets."""

    USUAL = "usual"
    DROP = "drop"
    """Nothing: the connection is reset."""
    ERROR = "error"
    """`status` with Twilio's error `code`."""


class Callbacks(Enum):
    """How the status callbacks of the message come."""

    USUAL = "usual"
    NONE = "none"
    TWICE = "twice"
    """Each one a second time, right after the first."""
    REVERSED = "reversed"
    """`delivered` before `sent` before `queued`."""
    BEFORE_ANSWER = "before_answer"
    """All of them have been answered before the POST is."""


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault. What is not said stays as usual."""

    operation: Operation = Operation.CREATE
    times: Annotated[int, Meta(ge=1)] = 1
    """How many matching requests it strikes."""
    skip: Count = 0
    """How many matching requests pass first: 1 strikes the second part of a reply."""
    to: str | None = None
    from_: str | None = field(name="from", default=None)
    body_contains: str | None = None
    path_contains: str | None = None
    """Of a CONFIGURATION request: `Balance.json` strikes only that."""
    has_media: bool | None = None
    """True: only messages with media; False: only those without."""
    accepted: bool = True
    """False: no message comes into being, whatever the answer says."""
    answer: Answer = Answer.USUAL
    delay_s: Seconds = 0.0
    """The answer comes this late; whether the message exists is settled at once."""
    status: Annotated[int, Meta(ge=400, le=599)] = 500
    code: Count = 20500
    message: str = ""
    """Empty: what Twilio says with the code."""
    retry_after_s: Count | None = None
    callbacks: Callbacks = Callbacks.USUAL
    list_lag_s: Seconds = 0.0
    final_status: Status | None = None
    """How the message ends: `undelivered` or `failed` with `error_code`, or stuck at `queued` or `sent`."""
    error_code: int | None = None
    location: str | None = None
    """Of a request for media: redirect there."""
    trickle_s: Seconds | None = None
    """Of media content: it comes without a length, byte by byte with this pause; 0 = in pieces, at once."""

    def __post_init__(self) -> None:
        if not self.accepted and self.answer is Answer.USUAL and self.operation is Operation.CREATE:
            raise ValueError("accepted=false needs answer 'drop' or 'error': a message that is not there has no answer")
        if self.accepted and self.answer is Answer.ERROR and self.status < 500 and self.operation is Operation.CREATE:
            raise ValueError(f"status {self.status} needs accepted=false: Twilio answers 4xx only to what it refused")

    def error(self) -> TwilioError:
        """The refusal of `Answer.ERROR`."""
        message = self.message or usual_message(self.code, self.status)
        return TwilioError(status=self.status, code=self.code, message=message, retry_after_s=self.retry_after_s)


class Subject(Struct, frozen=True, kw_only=True):
    """What of a request a fault can match."""

    operation: Operation
    to: str = ""
    from_: str = ""
    body: str = ""
    path: str = ""
    has_media: bool = False


def accept_then_drop(*, times: int = 1, callbacks: Callbacks = Callbacks.USUAL, list_lag_s: float = 0.0) -> Fault:
    """The message goes out, the client sees a reset connection."""
    return Fault(times=times, answer=Answer.DROP, callbacks=callbacks, list_lag_s=list_lag_s)


def drop_before_accepting(*, times: int = 1) -> Fault:
    """The client sees the same, but there is no message."""
    return Fault(times=times, answer=Answer.DROP, accepted=False)


def answer_late(delay_s: float, *, times: int = 1) -> Fault:
    """Accepted at once, answered late: a client with a shorter timeout cannot know."""
    return Fault(times=times, delay_s=delay_s)


def too_many_requests(*, times: int = 1, retry_after_s: int = 1) -> Fault:
    """429: not processed, safe to repeat."""
    return twilio_error(20429, status=429, message="Too Many Requests", times=times, retry_after_s=retry_after_s)


def server_error(*, accepted: bool, times: int = 1, status: int = 500) -> Fault:
    """5xx, which tells nobody whether the message exists."""
    return Fault(times=times, answer=Answer.ERROR, accepted=accepted, status=status)


def twilio_error(
    code: int, *, status: int = 400, message: str = "Scripted", times: int = 1, retry_after_s: int | None = None
) -> Fault:
    """Any of Twilio's refusals."""
    return Fault(
        times=times,
        answer=Answer.ERROR,
        accepted=False,
        status=status,
        code=code,
        message=message,
        retry_after_s=retry_after_s,
    )


def refuse_media(code: int = 21620, *, times: int = 1, message: str = "Invalid media URL(s)") -> Fault:
    """Twilio refuses a message for its media; the same words without them pass."""
    return structs.replace(twilio_error(code, message=message, times=times), has_media=True)


def redirect_media(location: str, *, operation: Operation = Operation.MEDIA, times: int = 1) -> Fault:
    """Twilio, or with MEDIA_CONTENT its content network, sends the client somewhere else."""
    return Fault(operation=operation, location=location, times=times)


def trickle_media(pause_s: float, *, times: int = 1) -> Fault:
    """The attachment comes without a length, and slowly if there is a pause."""
    return Fault(operation=Operation.MEDIA_CONTENT, trickle_s=pause_s, times=times)


class FaultQueue:
    """The faults that are still to strike, in the order in which they were scripted."""

    def __init__(self) -> None:
        self._queue: list[tuple[Fault, int, int]] = []

    def add(self, fault: Fault) -> None:
        """Script one more."""
        self._queue.append((fault, fault.skip, fault.times))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._queue.clear()

    def waiting(self) -> list[tuple[Fault, int]]:
        """Each fault with how often it will still strike."""
        return [(fault, left) for fault, _, left in self._queue]

    def take(self, subject: Subject) -> Fault | None:
        """Use up one strike of the first fault that matches; None for a request that nothing happens to."""
        for index, (fault, skip, left) in enumerate(self._queue):
            if not matches(fault, subject):
                continue
            if skip:
                self._queue[index] = (fault, skip - 1, left)
                continue
            self._queue[index : index + 1] = [(fault, 0, left - 1)] if left > 1 else []
            return fault
        return None


def matches(fault: Fault, subject: Subject) -> bool:
    """True if every condition that the fault names holds."""
    return (
        fault.operation is subject.operation
        and fault.to in {None, subject.to}
        and fault.from_ in {None, subject.from_}
        and (fault.body_contains is None or fault.body_contains in subject.body)
        and (fault.path_contains is None or fault.path_contains in subject.path)
        and fault.has_media in {None, subject.has_media}
    )
