"""`GET /v1/messages/{id}`: what became of a message, part by part. `stored.py` reads, pure functions here decide.

`DELETE` cancels one that is still held. Redis keys of that: those of `lua/cancel_held.lua`.
"""

import re

from starlette.requests import Request
from starlette.responses import Response

from ingress.api.answers import json_response, links
from ingress.api.problems import Kind, RefusedError
from ingress.api.service import Service
from ingress.api.stored import StoredMessage, load_message
from ingress.api.wire import Cause, Message, MessagePart, MessageStatus, PartPhase
from shared.holds import Canceled, cancel
from shared.keys import Stage
from shared.moments import maybe_moment, moment
from shared.outbox import PartState, Status
from shared.records import DeadLetter, decode_part
from shared.settings import ApiScope, ApiToken
from shared.twilio_codes import CODES

MESSAGE_ID = re.compile(r"[a-z2-7]{16}-[A-Za-z0-9_-]{1,100}")

_LOST = {Status.UNDELIVERED.value, Status.FAILED.value, Status.CANCELED.value}
_ARRIVED = {Status.DELIVERED.value, Status.READ.value}


async def get_message(service: Service, request: Request) -> Response:
    """The message, if the token may see its account. Raises RefusedError(404)."""
    token = await service.admit(request, ApiScope.READ)
    return json_response(describe(await _load(service, request, token)))


async def delete_message(service: Service, request: Request) -> Response:
    """Cancel the message if it is held; canceling twice is the same as once. Raises RefusedError(404, 409)."""
    token = await service.admit(request, ApiScope.SEND)
    stored = await _load(service, request, token)
    if stored.held is not None and stored.held.may_be_canceled:
        verdict = Canceled((await service.commit.call(cancel(keys=service.keys, held=stored.held))).decode())
        request.state.facts |= {"verdict": verdict.value}
        stored = await _load(service, request, token)
    if not stored.canceled:
        raise RefusedError(Kind.TOO_LATE, "it was handed on to be sent; see what became of it with GET")
    return json_response(describe(stored))


async def _load(service: Service, request: Request, token: ApiToken) -> StoredMessage:
    message_id = request.path_params["id"]
    stored = None
    if MESSAGE_ID.fullmatch(message_id):
        stored = await load_message(service.redis, service.keys, message_id)
    if stored is None or not token.may_use(stored.account_id):
        raise RefusedError(Kind.NOT_FOUND, "there is no such message, or it is older than 30 days")
    request.state.facts = {"message": stored.message_id, "account": stored.account_id}
    return stored


def describe(stored: StoredMessage) -> Message:
    """The message as the API shows it."""
    parts = parts_of(stored)
    return Message(
        id=stored.message_id,
        conversation=stored.conversation,
        account=stored.account_id,
        status=decide_status(stored, parts),
        created_at=maybe_moment(stored.created_ms),
        scheduled_at=None if stored.held is None else moment(stored.held.due_ms),
        paused=stored.paused,
        parts=parts,
        links=links(stored.message_id, stored.conversation),
    )


def parts_of(stored: StoredMessage) -> tuple[MessagePart, ...]:
    """The parts that were tried, those that wait, and those that were given up untried, in order."""
    parts = {state.part_id: _tried(state, stored.letters) for state in stored.states}
    for part_id in stored.waiting:
        parts.setdefault(part_id, _untried(part_id, PartPhase.WAITING, None))
    for letter in stored.letters:
        for part_id in _part_ids(letter):
            parts.setdefault(part_id, _untried(part_id, PartPhase.DEAD, _cause_of_letter(letter)))
    return tuple(sorted(parts.values(), key=lambda part: int(part.id.rpartition(".")[2])))


def decide_status(stored: StoredMessage, parts: tuple[MessagePart, ...]) -> MessageStatus:
    """The message's state; what waits unseen counts as queued, what is nowhere as empty."""
    if stored.canceled:
        return MessageStatus.CANCELED
    if stored.held is not None and not any(part.phase is PartPhase.ACCEPTED for part in parts):
        return MessageStatus.SCHEDULED
    if any(part.phase is PartPhase.DEAD or part.status in _LOST for part in parts):
        return MessageStatus.FAILED
    if not parts and stored.letters:
        return MessageStatus.FAILED
    if not parts:
        return MessageStatus.QUEUED if stored.lanes_busy else MessageStatus.EMPTY
    if all(part.phase is PartPhase.WAITING for part in parts):
        return MessageStatus.QUEUED
    if stored.held is not None or any(part.phase is not PartPhase.ACCEPTED for part in parts):
        return MessageStatus.SENDING
    return MessageStatus.DELIVERED if all(part.status in _ARRIVED for part in parts) else MessageStatus.SENT


def _tried(state: PartState, letters: tuple[DeadLetter, ...]) -> MessagePart:
    # A state that only a newer version knows: not with Twilio, as far as this one can tell.
    phase = PartPhase(state.state) if state.state in set(PartPhase) else PartPhase.WAITING
    letter = next((each for each in letters if state.part_id in _part_ids(each)), None)
    error = _cause_of_code(state.error_code) if state.error_code is not None else None
    if phase is PartPhase.DEAD and letter is not None:
        error = _cause_of_letter(letter)
    return MessagePart(
        id=state.part_id,
        phase=phase,
        status=None if state.status is None else state.status.value,
        sid=state.sid,
        error=error,
        media_refused=None if state.media_refused is None else _cause_of_twilio(state.media_refused),
        dispatched_at=maybe_moment(state.journaled_ms),
        accepted_at=maybe_moment(state.accepted_ms),
        status_at=maybe_moment(state.status_ms),
    )


def _untried(part_id: str, phase: PartPhase, error: Cause | None) -> MessagePart:
    return MessagePart(
        id=part_id,
        phase=phase,
        status=None,
        sid=None,
        error=error,
        media_refused=None,
        dispatched_at=None,
        accepted_at=None,
        status_at=None,
    )


def _part_ids(letter: DeadLetter) -> tuple[str, ...]:
    return tuple(decode_part(record).part_id for record in letter.records) if letter.stage == Stage.OUTBOUND else ()


def _cause_of_letter(letter: DeadLetter) -> Cause:
    """Its own words only where they are ours: Twilio's repeat the number, and those of a bug may repeat the text."""
    code = letter.code.removeprefix("twilio-")
    if code.isdigit():
        return _cause_of_code(int(code))
    meaning = "something unforeseen happened" if letter.code == "bug" else letter.message
    return Cause(code=letter.code, meaning=meaning, hint=letter.hint)


def _cause_of_twilio(label: str) -> Cause:
    code = label.removeprefix("twilio-")
    return _cause_of_code(int(code)) if code.isdigit() else Cause(code=label, meaning="Twilio refused it", hint="")


def _cause_of_code(code: int) -> Cause:
    info = CODES.get(code)
    if info is None:
        return Cause(code=f"twilio-{code}", meaning="Twilio refused it", hint="see Twilio's error dictionary")
    return Cause(code=f"twilio-{code}", meaning=info.meaning, hint=info.hint)
