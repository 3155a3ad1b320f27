"""What is configured at Twilio, for the real SDK: accounts, balance, numbers, applications (`api.twilio.com`).

Owns `/2010-04-01/Accounts…` except messages. Shapes in `sandbox/resources.py`, changes in `sandbox/updates.py`.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.config import SandboxAccount, SandboxApplication, SandboxNumber
from sandbox.door import Handler, guard, refusal, show, spoil, take_fault
from sandbox.faults import Fault, Operation, Subject
from sandbox.journal import EventKind
from sandbox.message import API_VERSION
from sandbox.paging import show_page_2010
from sandbox.resources import show_account, show_application, show_balance, show_number
from sandbox.state import SandboxState
from sandbox.twilio_errors import TwilioError, not_found, refuse
from sandbox.updates import decide_update

_ROOT = f"/{API_VERSION}/Accounts"
_ACCOUNT = f"{_ROOT}/{{account_sid}}"


class ConfigurationApi:
    """The routes of one sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """What the SDK calls."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", f"{_ROOT}.json", self.accounts),
            ("GET", f"{_ACCOUNT}.json", self.account),
            ("GET", f"{_ACCOUNT}/Balance.json", self.balance),
            ("GET", f"{_ACCOUNT}/IncomingPhoneNumbers.json", self.numbers),
            ("GET", f"{_ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json", self.number),
            ("POST", f"{_ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json", self.change_number),
            ("GET", f"{_ACCOUNT}/Applications/{{sid}}.json", self.application),
            ("POST", f"{_ACCOUNT}/Applications/{{sid}}.json", self.change_application),
        ]
        return [
            Route(path, guard(self._state, with_faults(self._state, handler)), methods=[method])
            for method, path, handler in table
        ]

    async def accounts(self, request: Request, account: SandboxAccount) -> Response:
        """GET Accounts.json: the account of the credentials, and its subaccounts."""
        family = self._state.directory.family(account.account_sid)
        return _page(request, [show_account(each) for each in family], key="accounts")

    async def account(self, _: Request, account: SandboxAccount) -> Response:
        """GET Accounts/{Sid}.json."""
        return show(show_account(account))

    async def balance(self, _: Request, account: SandboxAccount) -> Response:
        """GET Balance.json."""
        return show(show_balance(account))

    async def numbers(self, request: Request, account: SandboxAccount) -> Response:
        """GET IncomingPhoneNumbers.json; `PhoneNumber` filters."""
        wanted = request.query_params.get("PhoneNumber", "")
        found = [
            show_number(number)
            for number in self._state.directory.numbers_of(account.account_sid)
            if wanted in {"", number.number}
        ]
        return _page(request, found, key="incoming_phone_numbers")

    async def number(self, request: Request, account: SandboxAccount) -> Response:
        """GET IncomingPhoneNumbers/{Sid}.json."""
        number = self._find_number(request, account)
        return refusal(not_found(request.url.path)) if number is None else show(show_number(number))

    async def change_number(self, request: Request, account: SandboxAccount) -> Response:
        """POST IncomingPhoneNumbers/{Sid}.json."""
        number = self._find_number(request, account)
        if number is None:
            return refusal(not_found(request.url.path))
        changed = decide_update(number, await read_form(self._state, request))
        if isinstance(changed, TwilioError):
            return refusal(changed)
        self._state.directory.put_number(changed)
        return show(show_number(changed))

    async def application(self, request: Request, account: SandboxAccount) -> Response:
        """GET Applications/{Sid}.json."""
        found = self._find_application(request, account)
        return refusal(not_found(request.url.path)) if found is None else show(show_application(found))

    async def change_application(self, request: Request, account: SandboxAccount) -> Response:
        """POST Applications/{Sid}.json."""
        found = self._find_application(request, account)
        if found is None:
            return refusal(not_found(request.url.path))
        changed = decide_update(found, await read_form(self._state, request))
        if isinstance(changed, TwilioError):
            return refusal(changed)
        self._state.directory.put_application(changed)
        return show(show_application(changed))

    def _find_number(self, request: Request, account: SandboxAccount) -> SandboxNumber | None:
        sid = request.path_params["sid"]
        numbers = self._state.directory.numbers_of(account.account_sid)
        return next((number for number in numbers if number.sid == sid), None)

    def _find_application(self, request: Request, account: SandboxAccount) -> SandboxApplication | None:
        return self._state.directory.application(account.account_sid, request.path_params["sid"])


def with_faults(state: SandboxState, handler: Handler) -> Handler:
    """The handler, struck by the first CONFIGURATION fault that matches; one that is not accepted changes nothing."""

    async def struck(request: Request, account: SandboxAccount) -> Response:
        fault: Fault | None = take_fault(state, Subject(operation=Operation.CONFIGURATION, path=request.url.path))
        if fault is None:
            return await handler(request, account)
        usual = await handler(request, account) if fault.accepted else None
        return await spoil(state, request, fault, usual=usual)

    return struck


async def read_form(state: SandboxState, request: Request) -> dict[str, str]:
    """The parameters of an update; their names are noted in the journal, so that a test can see what was touched."""
    form = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
    state.journal.add(EventKind.CONFIGURED, sid=request.path_params["sid"], note=" ".join(sorted(form)))
    return form


def _page(request: Request, records: Sequence[Any], *, key: str) -> Response:
    try:
        return show(show_page_2010(records, key=key, path=request.url.path, params=dict(request.query_params)))
    except ValueError as error:
        return refusal(refuse(20001, f"Invalid parameter: {error}"))
