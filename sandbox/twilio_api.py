"""Twilio's Messages API for the real SDK: create, fetch, list. Attachments lie in `media.py`.

Owns `/2010-04-01/Accounts/{AccountSid}/Messages…`. Every request is authenticated, then struck by the first fault that
matches, then decided by the pure modules (`validation`, `listing`) and answered in Twilio's shape.
Source: twilio.com/docs/messaging/api/message-resource.
"""

from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.config import SandboxAccount
from sandbox.door import guard, refusal, show, spoil, take_fault
from sandbox.faults import Callbacks, Operation, Subject
from sandbox.journal import EventKind
from sandbox.listing import ListQuery, decide_page, parse_query
from sandbox.message import API_VERSION, MessageResource, format_date, show_resource
from sandbox.outbound import NO_FAULT, accept, deliver
from sandbox.paging import show_page_2010
from sandbox.state import SandboxState
from sandbox.twilio_errors import TwilioError, not_found
from sandbox.validation import decide_message, parse_form
from sandbox.webhooks import media_path

_ACCOUNT = f"/{API_VERSION}/Accounts/{{account_sid}}"
_TOKEN_PREFIX = "PA"  # noqa: S105 the start of a page token


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
            Route(f"{_ACCOUNT}/Messages.json", guard(self._state, self.create), methods=["POST"]),
            Route(f"{_ACCOUNT}/Messages.json", guard(self._state, self.list), methods=["GET"]),
            Route(f"{_ACCOUNT}/Messages/{{sid}}.json", guard(self._state, self.fetch), methods=["GET"]),
            Route(f"{_ACCOUNT}/Messages/{{sid}}/Media.json", guard(self._state, self.list_media), methods=["GET"]),
        ]

    async def create(self, request: Request, account: SandboxAccount) -> Response:
        """POST Messages.json."""
        state = self._state
        form = parse_form(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
        subject = Subject(
            operation=Operation.CREATE,
            to=form.to,
            from_=form.from_,
            body=form.body,
            has_media=bool(form.media_urls),
        )
        fault = take_fault(state, subject) or NO_FAULT
        if not fault.accepted:
            return await spoil(state, request, fault)
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
        return answer if fault is NO_FAULT else await spoil(state, request, fault, usual=answer)

    async def fetch(self, request: Request, account: SandboxAccount) -> Response:
        """GET Messages/{Sid}.json."""
        state = self._state
        message = state.find(request.path_params["sid"])
        if message is None or message.account_sid != account.account_sid:
            return refusal(not_found(request.url.path))
        answer = show(show_resource(message))
        fault = take_fault(state, Subject(operation=Operation.FETCH, to=message.to, from_=message.from_ or ""))
        return await spoil(state, request, fault, usual=answer) if fault else answer

    async def list(self, request: Request, account: SandboxAccount) -> Response:
        """GET Messages.json."""
        state = self._state
        query = parse_query(dict(request.query_params))
        if isinstance(query, TwilioError):
            return refusal(query)
        answer = self._page(request, account, query)
        fault = take_fault(state, Subject(operation=Operation.LIST, to=query.to, from_=query.from_))
        return await spoil(state, request, fault, usual=answer) if fault else answer

    async def list_media(self, request: Request, account: SandboxAccount) -> Response:
        """GET Messages/{Sid}/Media.json. Source: twilio.com/docs/messaging/api/media-resource."""
        message = self._state.find(request.path_params["sid"])
        if message is None or message.account_sid != account.account_sid:
            return refusal(not_found(request.url.path))
        found = [
            {
                "account_sid": message.account_sid,
                "content_type": media.content_type,
                "date_created": format_date(int(message.created_at)),
                "date_updated": format_date(int(message.updated_at)),
                "parent_sid": message.sid,
                "sid": media.sid,
                "uri": f"{media_path(message, media.sid)}.json",
            }
            for media in message.media
        ]
        shown = show_page_2010(found, key="media_list", path=request.url.path, params=request.query_params)
        return show(shown)

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
