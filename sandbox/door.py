"""Lets a request to Twilio's API in, or refuses it as Twilio does, before anything of it is read.

Who is asked for: the account in the path, or, where the path names none (`messaging.` and `monitor.twilio.com`), the
one that the credentials belong to. A parent opens its subaccounts, and nobody else's.
Source: twilio.com/docs/usage/requests-to-twilio, twilio.com/docs/iam/api/subaccounts.
"""

import re
from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sandbox.config import SandboxAccount
from sandbox.faults import Answer, Fault, Subject
from sandbox.hangup import HangUp
from sandbox.journal import EventKind
from sandbox.message import new_sid
from sandbox.state import SandboxState
from sandbox.twilio_errors import AUTHENTICATE, NOT_ACTIVE, TwilioError, not_found

_ENCODER = msgspec.json.Encoder()
_HOST = re.compile(r"(?P<product>[a-z]+)(\.[a-z0-9]+){0,2}\.twilio\.com")

Handler = Callable[[Request, SandboxAccount], Awaitable[Response]]


def guard(state: SandboxState, handler: Handler, *, product: str = "api") -> Callable[[Request], Awaitable[Response]]:
    """The handler behind Twilio's door; `product` is the first word of the host that serves it."""

    async def guarded(request: Request) -> Response:
        host = request.headers.get("x-original-host")
        if host is not None and not _serves(host, product):
            return refusal(not_found(f"https://{host}{request.url.path}"))
        account = decide_account(state, request)
        if isinstance(account, TwilioError):
            state.journal.add(EventKind.REFUSED, code=account.code, note=request.url.path)
            return refusal(account)
        return await handler(request, account)

    return guarded


def decide_account(state: SandboxState, request: Request) -> SandboxAccount | TwilioError:
    """The account that the request is about, if its credentials open it."""
    opened = state.directory.authenticate(request.headers.get("authorization", ""))
    if opened is None:
        return AUTHENTICATE
    if opened.status != "active":
        return NOT_ACTIVE
    asked = request.path_params.get("account_sid", opened.account_sid)
    family = {each.account_sid: each for each in state.directory.family(opened.account_sid)}
    return family.get(asked) or not_found(request.url.path)


def take_fault(state: SandboxState, subject: Subject) -> Fault | None:
    """The fault that strikes this request, if any; it is noted."""
    fault = state.faults.take(subject)
    if fault is not None:
        note = f"{fault.operation.value}: {fault.answer.value}"
        state.journal.add(EventKind.FAULT, from_=subject.from_, to=subject.to, body=subject.body, note=note)
    return fault


async def spoil(state: SandboxState, request: Request, fault: Fault, *, usual: Response | None = None) -> Response:
    """Answer as the fault says; `usual` is what would have been answered, if the request was carried out."""
    if fault.delay_s:
        await state.pause(fault.delay_s)
    if fault.answer is Answer.DROP:
        return HangUp(state, request)
    return usual if usual is not None and fault.answer is Answer.USUAL else refusal(fault.error())


def show(body: object, *, status: int = 200) -> Response:
    """An answer as Twilio writes it."""
    return Response(
        _ENCODER.encode(body),
        status_code=status,
        media_type="application/json",
        headers={"Twilio-Request-Id": new_sid("RQ")},
    )


def refusal(error: TwilioError) -> Response:
    """An error as Twilio writes it."""
    answer = show(error.body(), status=error.status)
    if error.retry_after_s is not None:
        answer.headers["Retry-After"] = str(error.retry_after_s)
    if error.status == AUTHENTICATE.status:
        answer.headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    return answer


def _serves(host: str, product: str) -> bool:
    match = _HOST.fullmatch(host)
    return match is not None and match["product"] == product
