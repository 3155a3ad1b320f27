"""An outbound message from acceptance to the phone: it comes into being, advances, and its callbacks are posted.

What happens in which order is planned first (`plan_delivery`, pure) and then done. Without a fault: queued, sent,
delivered, each told before the next begins.
"""

import asyncio
from typing import assert_never

from msgspec import Struct

from sandbox.config import SandboxAccount
from sandbox.faults import Callbacks, Fault
from sandbox.journal import EventKind
from sandbox.media import MEDIA_FAILED, fetch_media
from sandbox.message import Direction, Message, Status, StatusChange, new_sid
from sandbox.segments import count_segments, decide_stored_body
from sandbox.state import Phone, SandboxState
from sandbox.validation import Draft
from sandbox.webhooks import callback_form


class Step(Struct, frozen=True, kw_only=True):
    """Enter a state, or (`tell`) post its callback."""

    status: Status
    tell: bool
    error_code: int | None = None


NO_FAULT = Fault()


def accept(state: SandboxState, draft: Draft, account: SandboxAccount, *, fault: Fault = NO_FAULT) -> Message:
    """Bring the message into being: from now on Twilio has it, whatever the client gets to hear."""
    now = state.now()
    status = Status.QUEUED if draft.sender_is_chosen else Status.ACCEPTED
    body = decide_stored_body(draft.body, smart_encoded=draft.smart_encoded, trial=account.trial)
    message = Message(
        seq=state.next_seq(),
        sid=new_sid("MM" if draft.media_urls else "SM"),
        account_sid=account.account_sid,
        direction=Direction.OUTBOUND_API,
        from_=draft.sender if draft.sender_is_chosen else None,
        to=draft.to,
        body=body,
        posted_body=draft.body,
        num_segments=count_segments(body),
        status=status,
        created_at=now,
        updated_at=now,
        listed_at=now + max(state.config.list_lag_s, fault.list_lag_s),
        messaging_service_sid=draft.messaging_service_sid,
        status_callback=draft.status_callback,
        media_urls=draft.media_urls,
        validity_period_s=draft.validity_period_s,
        history=[StatusChange(status=status, at=now)],
    )
    state.keep(message)
    return message


async def deliver(state: SandboxState, message: Message, draft: Draft, *, fault: Fault = NO_FAULT) -> None:
    """Take the message to its end and tell the sender's callback URL on the way."""
    phone = state.phones.get(message.to, Phone())
    if not await fetch_media(state, message):
        phone = Phone(final_status=Status.FAILED, error_code=MEDIA_FAILED)
    callbacks = fault.callbacks if state.config.callbacks and message.status_callback else Callbacks.NONE
    for step in plan_delivery(_decide_end(fault, phone), callbacks):
        if step.tell:
            await _tell(state, message, step)
            continue
        await asyncio.sleep(state.config.status_gap_s)
        message.from_ = draft.sender
        if message.status is not step.status:
            message.advance(step.status, now=state.now(), error_code=step.error_code)
            state.note(EventKind.STATUS, message)


def plan_delivery(end: Phone, callbacks: Callbacks) -> list[Step]:
    """Every state on the way to the end, and where the callbacks stand among them."""
    states = [Step(status=status, tell=False) for status in _way_to(end.final_status)]
    states[-1] = Step(status=end.final_status, tell=False, error_code=end.error_code)
    told = [Step(status=step.status, tell=True, error_code=step.error_code) for step in states]
    match callbacks:
        case Callbacks.NONE:
            return states
        case Callbacks.REVERSED:
            return [*states, *reversed(told)]
        case Callbacks.USUAL | Callbacks.BEFORE_ANSWER:
            return [step for pair in zip(states, told, strict=True) for step in pair]
        case Callbacks.TWICE:
            return [step for enter, tell in zip(states, told, strict=True) for step in (enter, tell, tell)]
        case _:
            assert_never(callbacks)


def _decide_end(fault: Fault, phone: Phone) -> Phone:
    if fault.final_status is None:
        return phone
    return Phone(final_status=fault.final_status, error_code=fault.error_code)


def _way_to(end: Status) -> list[Status]:
    match end:
        case Status.QUEUED:
            return [Status.QUEUED]
        case Status.SENT | Status.FAILED:
            return [Status.QUEUED, end]
        case _:
            return [Status.QUEUED, Status.SENT, end]


async def _tell(state: SandboxState, message: Message, step: Step) -> None:
    result = await state.poster.post(
        message.status_callback,
        callback_form(message, step.status, error_code=step.error_code, at=state.now()),
        auth_token=state.directory.accounts[message.account_sid].auth_token,
        idempotency_token=new_sid(""),
    )
    message.callbacks.append((step.status, result))
    state.note(EventKind.CALLBACK, message, status=step.status.value, http_status=result.status, note=result.refused)
