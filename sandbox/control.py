"""The routes under `/sandbox`: what a phone does, what the sandbox has seen, and what shall go wrong.

Shapes in `sandbox/wire.py`; how requests are guarded and read in `sandbox/strict.py`.
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.config import SandboxNumber, check_webhook_url
from sandbox.conversation import ConversationFilter, show_conversations
from sandbox.faults import Fault
from sandbox.inbound import post_webhook, receive
from sandbox.journal import Event
from sandbox.message import Direction, Media, Message, new_sid
from sandbox.posts import PostResult
from sandbox.state import Phone, SandboxState
from sandbox.strict import Handler, RequestError, answer, local, read_body, read_query
from sandbox.wire import (
    EventFilter,
    EventsAnswer,
    FaultsAnswer,
    MessageFilter,
    MessagesAnswer,
    NumberBody,
    Summary,
    TextAnswer,
    TextBody,
    WaitingFault,
    show_message,
)

NOBODY_YET = "Nobody has texted yet: POST /sandbox/texts.\n"


class ControlApi:
    """The routes of one sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Everything under /sandbox."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "", self.summary),
            ("DELETE", "", self.reset),
            ("POST", "/texts", self.text),
            ("GET", "/conversation", self.conversation),
            ("GET", "/messages", self.messages),
            ("GET", "/messages/{sid}", self.message),
            ("POST", "/messages/{sid}/webhook", self.repeat_webhook),
            ("GET", "/events", self.events),
            ("PUT", "/numbers/{number}", self.put_number),
            ("PUT", "/phones/{number}", self.put_phone),
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
        ]
        return [Route(f"/sandbox{path}", local(handler), methods=[method]) for method, path, handler in table]

    async def summary(self, _: Request) -> Response:
        """GET /sandbox."""
        directory = self._state.directory
        return answer(
            Summary(
                accounts=list(directory.accounts),
                numbers={entry.number: entry.sms_url for entry in reversed(list(directory.numbers()))},
                messages=len(self._state.messages()),
                last_event=self._state.journal.last,
            )
        )

    async def reset(self, _: Request) -> Response:
        """DELETE /sandbox: forget everything but accounts and numbers."""
        await self._state.reset()
        return Response(status_code=204)

    async def text(self, request: Request) -> Response:
        """POST /sandbox/texts."""
        text = await read_body(request, TextBody)
        number = self._find_number(text.to, text.account_sid)
        media = tuple(
            Media(sid=new_sid("ME"), content_type=item.content_type, content=item.content) for item in text.media
        )
        message = receive(self._state, number, from_=text.from_, body=text.body, media=media)
        if text.background and text.post_webhook:
            self._state.spawn(post_webhook(self._state, message))
        posted = text.post_webhook and not text.background
        results = await post_webhook(self._state, message) if posted else []
        return answer(_report(message, results), status=201)

    async def repeat_webhook(self, request: Request) -> Response:
        """POST /sandbox/messages/{sid}/webhook: Twilio delivers an inbound message once more."""
        message = self._find_message(request)
        if message.direction is not Direction.INBOUND:
            raise RequestError(f"{message.sid} is outbound", expected="the SID of an inbound message")
        return answer(_report(message, await post_webhook(self._state, message)))

    async def conversation(self, request: Request) -> Response:
        """GET /sandbox/conversation: the texts, for people."""
        query = read_query(request, ConversationFilter)
        return PlainTextResponse(show_conversations(self._state.messages(), phone=query.phone) or NOBODY_YET)

    async def messages(self, request: Request) -> Response:
        """GET /sandbox/messages."""
        query = read_query(request, MessageFilter)
        found = [message for message in self._state.messages() if _wanted(message, query)]
        return answer(MessagesAnswer(messages=[show_message(message) for message in found]))

    async def message(self, request: Request) -> Response:
        """GET /sandbox/messages/{sid}."""
        return answer(show_message(self._find_message(request)))

    async def events(self, request: Request) -> Response:
        """GET /sandbox/events: what happened after a number, waiting for it if asked to."""
        query = read_query(request, EventFilter)
        journal = self._state.journal
        found = await journal.wait(lambda event: _notable(event, query), after=query.after, limit_s=query.wait)
        return answer(EventsAnswer(events=found, first=journal.first, last=journal.last))

    async def put_number(self, request: Request) -> Response:
        """PUT /sandbox/numbers/{number}."""
        body = await read_body(request, NumberBody)
        number, directory = request.path_params["number"], self._state.directory
        known = [body.account_sid] if body.account_sid else [*directory.owners(number), *directory.accounts]
        if known[0] not in directory.accounts:
            raise RequestError(f"account_sid: {known[0]!r} is unknown", expected=" or ".join(directory.accounts))
        try:
            check_webhook_url("sms_url", body.sms_url)
            check_webhook_url("sms_fallback_url", body.sms_fallback_url)
            entry = SandboxNumber(
                number=number,
                account_sid=known[0],
                sms_url=body.sms_url,
                sms_method=body.sms_method,
                sms_fallback_url=body.sms_fallback_url,
            )
        except ValueError as error:
            raise RequestError(str(error), expected="a URL such as http://127.0.0.1:8080/webhooks/sms") from error
        directory.put_number(entry)
        return answer(entry)

    async def put_phone(self, request: Request) -> Response:
        """PUT /sandbox/phones/{number}: how messages to this phone end from now on."""
        phone = await read_body(request, Phone)
        self._state.phones[request.path_params["number"]] = phone
        return answer(phone)

    async def faults(self, _: Request) -> Response:
        """GET /sandbox/faults."""
        return self._waiting(200)

    async def add_fault(self, request: Request) -> Response:
        """POST /sandbox/faults."""
        self._state.faults.add(await read_body(request, Fault))
        return self._waiting(201)

    async def clear_faults(self, _: Request) -> Response:
        """DELETE /sandbox/faults."""
        self._state.faults.clear()
        return Response(status_code=204)

    def _waiting(self, status: int) -> Response:
        waiting = [WaitingFault(fault=fault, left=left) for fault, left in self._state.faults.waiting()]
        return answer(FaultsAnswer(faults=waiting), status=status)

    def _find_number(self, number: str, account_sid: str) -> SandboxNumber:
        directory = self._state.directory
        owners = [account_sid] if account_sid else directory.owners(number)
        found = directory.number(owners[0], number) if owners else None
        if found is None:
            known = " or ".join(entry.number for entry in directory.numbers()) or "a number; none is configured"
            raise RequestError(f"to: {number!r} is not a number of this sandbox", expected=known)
        return found

    def _find_message(self, request: Request) -> Message:
        message = self._state.find(request.path_params["sid"])
        if message is None:
            raise RequestError(f"no message {request.path_params['sid']}", status=404)
        return message


def _report(message: Message, results: list[PostResult]) -> TextAnswer:
    return TextAnswer(
        sid=message.sid,
        webhook_status=results[-1].status if results else None,
        error_code=results[-1].error_code if results else None,
        posts=tuple(results),
    )


def _wanted(message: Message, query: MessageFilter) -> bool:
    return (
        message.seq > query.after
        and query.to in {None, message.to}
        and query.from_ in {None, message.from_}
        and query.direction in {None, message.direction}
    )


def _notable(event: Event, query: EventFilter) -> bool:
    return (
        query.kind in {None, event.kind}
        and query.sid in {None, event.sid}
        and query.to in {None, event.to}
        and query.from_ in {None, event.from_}
        and query.direction in {None, event.direction}
        and query.status in {None, event.status}
    )
