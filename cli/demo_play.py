"""The conversation that `textgate demo` plays, and what must come true for it to count.

Everything is done as people do it: the stranger through a phone, the owner through the function behind
`textgate pairing approve`. Delivery is believed only when the product's own record in Redis says so.
"""

import asyncio
import time
from collections.abc import Callable

from redis.asyncio import Redis

from cli.demo_agent import LAST_WORDS, LINK
from cli.pairing import approve_code, load_requests
from cli.sandbox_phone import SandboxPhone
from cli.target import Target, opened
from cli.transcript import Entry, Side
from sandbox.wire import MessageView
from shared.errors import TextgateError
from shared.keys import Keys
from shared.outbox import Status, load_part_of_sid
from shared.records import PairingRequest
from shared.texts import TextKey, Texts

HELLO = "Hi! I found this number on your web site. Who is there?"
QUESTION = "Great. Which plans are there, and how do I switch?"

STEP_LIMIT_S = 15.0
_LOOK_AGAIN_S = 0.02
_MARKDOWN = ("**", "```", "# ", "| --", "](")
"""Marks that must not reach a phone."""


class MissingError(TextgateError):
    """Something that the conversation needs did not happen; the text names it."""


class Play:
    """One performance. `show` gets each entry as soon as it is complete."""

    def __init__(self, phone: SandboxPhone, target: Target, show: Callable[[Entry], None]) -> None:
        self._phone = phone
        self._target = target
        self._show = show
        self._asked_s = 0.0
        """When the stranger texted, or the owner approved: what the next latency is counted from."""
        self._last_seq = 0

    async def run(self) -> None:
        """Play it to the end. Raises MissingError with what did not happen."""
        await self._text(HELLO)
        asked = await self._hear("pairing", "the SMS with the pairing code", lambda body: "code" in body)
        code = await self._approve(asked[-1].body)
        notice = _words(self._phone.number)
        await self._hear("notice", "the SMS that access is approved", lambda body: notice in body)
        await self._text(QUESTION)
        parts = await self._hear("answer", "the end of the agent's answer", lambda body: LAST_WORDS in body)
        _check_answer([part.body for part in parts])
        if any(request.code == code for request in await load_requests(self._target, None)):
            raise MissingError(f"the request {code} is still listed although it was approved")

    async def _text(self, body: str) -> None:
        sent = await self._phone.text(body)
        self._asked_s = sent.created_at
        self._show(
            Entry(side=Side.PHONE, kind="text", body=body, segments=sent.num_segments, status="received", sid=sent.sid)
        )

    async def _approve(self, asked: str) -> str:
        requests = await load_requests(self._target, None)
        waiting = [request for request in requests if request.sender == self._phone.number]
        if len(waiting) != 1 or waiting[0].code not in asked:
            raise MissingError("the pairing request in `textgate pairing list`, with the code of the SMS")
        code = waiting[0].code
        self._asked_s = time.time()
        await approve_code(self._target, code, account=None, notice=_notice)
        self._show(Entry(side=Side.OWNER, kind="command", body=f"textgate pairing approve {code} --notify"))
        return code

    async def _hear(self, kind: str, what: str, is_last: Callable[[str], bool]) -> list[MessageView]:
        """The texts that come in, up to the one that `is_last` knows, each delivered. Shows them."""
        heard = await self._phone.hear(is_last, after=self._last_seq, limit_s=STEP_LIMIT_S)
        if not heard:
            raise MissingError(what)
        self._last_seq = heard[-1].seq
        async with opened(self._target) as (redis, keys):
            for index, message in enumerate(heard):
                status = await _wait_for_delivery(redis, keys, message.sid)
                self._show(_entry(kind, message, self._asked_s, status=status, part=index + 1, parts=len(heard)))
        return heard


def _notice(request: PairingRequest) -> str:
    return _words(request.sender)


def _words(number: str) -> str:
    return Texts().say(TextKey.APPROVED, number=number) or ""


async def _wait_for_delivery(redis: Redis, keys: Keys, sid: str) -> str:
    """The product's own record of this message, once it says delivered."""
    deadline = time.monotonic() + STEP_LIMIT_S
    while True:
        part = await load_part_of_sid(redis, keys, sid)
        if part is not None and part.status is Status.DELIVERED:
            return part.status.value
        if time.monotonic() > deadline:
            state = part.status.value if part and part.status else "no delivery state"
            raise MissingError(f"delivery of {sid}: {state} after {STEP_LIMIT_S:g} s")
        await asyncio.sleep(_LOOK_AGAIN_S)


def _entry(kind: str, message: MessageView, asked_s: float, *, status: str, part: int, parts: int) -> Entry:
    return Entry(
        side=Side.AGENT,
        kind=kind,
        body=message.body,
        segments=message.num_segments,
        latency_ms=round((message.created_at - asked_s) * 1000),
        status=status,
        sid=message.sid,
        part=part,
        parts=parts,
    )


def _check_answer(bodies: list[str]) -> None:
    """Raises MissingError unless the answer came in parts, in plain text, with its link untouched."""
    whole = "\n".join(bodies)
    if len(bodies) < 2:
        raise MissingError("a second part: the long answer came in one text")
    if LINK not in whole:
        raise MissingError(f"the link of the answer, byte for byte: {LINK}")
    left = [mark for mark in _MARKDOWN if mark in whole]
    if left:
        raise MissingError(f"plain text: the answer still holds {' '.join(left)}")
