"""Twilio's Messages API for the real SDK: create, fetch, list, and the attachments of inbound messages.

Owns `/2010-04-01/Accounts/{AccountSid}/Messages…`. Every request is authenticated, then struck by the first fault that
matches, then decided by the pure modules (`validation`, `listing`) and answered in Twilio's shape.
Source: twilio.com/docs/messaging/api/message-resource.
"""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.config import SandboxAccount
from sandbox.faults import Answer, Callbacks, Fault, Operation, Subject
from sandbox.hangup import HangUp
from sandbox.journal import EventKind
from sandbox.listing import ListQuery, decide_page, parse_query
from sandbox.message import API_VERSION, MessageResource, new_sid, show_resource
from sandbox.outbound import NO_FAULT, accept, deliver
from sandbox.state import SandboxState
from sandbox.twilio_errors import AUTHENTICATE, TwilioError, not_found
from sandbox.validation import decide_message, parse_form

_ENCODER = msgspec.json.Encoder()
_TWILIO_HOST = re.compile(r"api(\.[a-z0-9]+){0,2}\.twilio\.com")
_ACCOUNT = f"/{API_VERSION}/Accounts/{{account_sid}}"
_TOKEN_PREFIX = "PA"  # noqa: S105 the start of a page token

Handler = Callable[[Request, SandboxAccount], Awaitable[Response]]


class ListBody(Struct, frozen=True, kw_only=True):
    """The JSON of a list request. Going back a page is not offered: `previous_page_uri` is always null."""

    end: int
    first_page_uri: str
    messages: list[MessageResource]
    next_page_uri: str | None
    page: int
    page_size: int
    previous_page_uri: str | None
    start: int
    uri: str


class MessagesApi:
    """The routes of one sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """What the SDK calls."""
        return [
            Route(f"{_ACCOUNT}/Messages.json", self._guard(self.create), methods=["POST"]),
            Route(f"{_ACCOUNT}/Messages.json", self._guard(self.list), methods=["GET"]),
            Route(f"{_ACCOUNT}/Messages/{{sid}}.json", self._guard(self.fetch), methods=["GET"]),
            Route(f"{_ACCOUNT}/Messages/{{sid}}/Media/{{media_sid}}", self._guard(self.media), methods=["GET"]),
        ]

    async def create(self, request: Request, account: SandboxAccount) -> Response:
        """POST Messages.json."""
        state = self._state
        form = parse_form(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
        subject = Subject(operation=Operation.CREATE, to=form.to, from_=form.from_, body=form.body)
        fault = self._take(subject) or NO_FAULT
        if not fault.accepted:
            return await self._spoil(request, fault)
        draft = decide_message(form, account=account, directory=state.directory, is_opted_out=state.is_opted_out)
        if isinstance(draft, TwilioError):
            return self._refuse(draft, subject)
        message = accept(state, draft, account, fault=fault)
        answer = show(show_resource(message), status=201)
        delivery = deliver(state, message, draft, fault=fault)
        if fault.callbacks is Callbacks.BEFORE_ANSWER:
            await delivery
        else:
            state.spawn(delivery)
        return answer if fault is NO_FAULT else await self._spoil(request, fault, usual=answer)

    async def fetch(self, request: Request, account: SandboxAccount) -> Response:
        """GET Messages/{Sid}.json."""
        message = self._state.find(request.path_params["sid"])
        if message is None or message.account_sid != account.account_sid:
            return refusal(not_found(request.url.path))
        answer = show(show_resource(message))
        fault = self._take(Subject(operation=Operation.FETCH, to=message.to, from_=message.from_ or ""))
        return await self._spoil(request, fault, usual=answer) if fault else answer

    async def list(self, request: Request, account: SandboxAccount) -> Response:
        """GET Messages.json."""
        query = parse_query(dict(request.query_params))
        if isinstance(query, TwilioError):
            return refusal(query)
        answer = self._page(request, account, query)
        fault = self._take(Subject(operation=Operation.LIST, to=query.to, from_=query.from_))
        return await self._spoil(request, fault, usual=answer) if fault else answer

    async def media(self, request: Request, account: SandboxAccount) -> Response:
        """GET an attachment of an inbound message. Twilio redirects to its content network, the sandbox does not."""
        message = self._state.find(request.path_params["sid"])
        if message is not None and message.account_sid == account.account_sid:
            for media in message.media:
                if media.sid == request.path_params["media_sid"]:
                    return Response(media.content, media_type=media.content_type)
        return refusal(not_found(request.url.path))

    def _page(self, request: Request, account: SandboxAccount, query: ListQuery) -> Response:
        state = self._state
        last_seen = state.find(query.page_token.removeprefix(_TOKEN_PREFIX)) if query.page_token else None
        found = decide_page(
            state.messages(to=query.to, account_sid=account.account_sid),
            query,
            now=state.now(),
            before_seq=last_seen.seq if last_seen else None,
        )
        path, start = request.url.path, query.page * query.page_size
        filters = [(name, value) for name, value in request.query_params.multi_items() if not name.startswith("Page")]
        filters.append(("PageSize", str(query.page_size)))
        next_page_uri = None
        if found.next_after is not None:
            following = [("Page", str(query.page + 1)), ("PageToken", _TOKEN_PREFIX + found.next_after)]
            next_page_uri = f"{path}?{urlencode([*filters, *following])}"
        return show(
            ListBody(
                end=start + max(len(found.messages) - 1, 0),
                first_page_uri=f"{path}?{urlencode([*filters, ('Page', '0')])}",
                messages=[show_resource(message) for message in found.messages],
                next_page_uri=next_page_uri,
                page=query.page,
                page_size=query.page_size,
                previous_page_uri=None,
                start=start,
                uri=f"{path}?{urlencode(filters)}",
            )
        )

    def _guard(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Authenticate as Twilio does, before anything is read."""

        async def guarded(request: Request) -> Response:
            host = request.headers.get("x-original-host")
            if host is not None and not _TWILIO_HOST.fullmatch(host):
                return refusal(not_found(f"https://{host}{request.url.path}"))
            account = self._state.directory.authenticate(request.headers.get("authorization", ""))
            if account is None:
                self._state.journal.add(EventKind.REFUSED, code=AUTHENTICATE.code, note=request.url.path)
                return refusal(AUTHENTICATE)
            if account.account_sid != request.path_params["account_sid"]:
                return refusal(not_found(request.url.path))
            return await handler(request, account)

        return guarded

    def _take(self, subject: Subject) -> Fault | None:
        fault = self._state.faults.take(subject)
        if fault is not None:
            note = f"{fault.operation.value}: {fault.answer.value}"
            self._state.journal.add(EventKind.FAULT, from_=subject.from_, to=subject.to, body=subject.body, note=note)
        return fault

    def _refuse(self, error: TwilioError, subject: Subject) -> Response:
        self._state.journal.add(
            EventKind.REFUSED,
            from_=subject.from_,
            to=subject.to,
            body=subject.body,
            code=error.code,
            note=error.message,
        )
        return refusal(error)

    async def _spoil(self, request: Request, fault: Fault, *, usual: Response | None = None) -> Response:
        if fault.delay_s:
            await self._state.pause(fault.delay_s)
        if fault.answer is Answer.DROP:
            return HangUp(self._state, request)
        return usual if usual is not None and fault.answer is Answer.USUAL else refusal(fault.error())


def show(body: Struct, *, status: int = 200) -> Response:
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
