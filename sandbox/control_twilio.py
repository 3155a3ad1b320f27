"""The control routes for what is configured at Twilio: look at it and bend it, to see what the gateway says.

Unlike `PUT /sandbox/numbers/{number}`, these take any web address, as Twilio's console would: a wrong one is the point.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.alert import Alert
from sandbox.alerts import add_alert
from sandbox.config import SandboxApplication, SandboxService
from sandbox.state import SandboxState
from sandbox.strict import Handler, RequestError, answer, describe, local, read_body

_Config = TypeVar("_Config", bound=Struct)


class TwilioSideApi:
    """The routes of one sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Everything under /sandbox/twilio."""
        table: list[tuple[str, str, Handler]] = [
            ("PATCH", "/accounts/{sid}", self.account),
            ("PATCH", "/numbers/{number}", self.number),
            ("PUT", "/services", self.put_service),
            ("PATCH", "/services/{sid}", self.service),
            ("PUT", "/applications", self.put_application),
            ("POST", "/alerts", self.add_alert),
        ]
        return [Route(f"/sandbox/twilio{path}", local(handler), methods=[method]) for method, path, handler in table]

    async def account(self, request: Request) -> Response:
        """PATCH an account: its status, type, balance, token."""
        account = self._state.directory.accounts.get(request.path_params["sid"])
        return await _patch(request, account, self._state.directory.put_account)

    async def number(self, request: Request) -> Response:
        """PATCH a number: its URLs, methods, application, capabilities."""
        name, directory = request.path_params["number"], self._state.directory
        owners = directory.owners(name)
        return await _patch(request, directory.number(owners[0], name) if owners else None, directory.put_number)

    async def put_service(self, request: Request) -> Response:
        """PUT a Messaging Service, new or in place of the one with its SID."""
        service = await read_body(request, SandboxService)
        self._state.directory.put_service(service)
        return answer(service)

    async def service(self, request: Request) -> Response:
        """PATCH a Messaging Service."""
        directory, sid = self._state.directory, request.path_params["sid"]
        found = (directory.service(account_sid, sid) for account_sid in directory.accounts)
        return await _patch(request, next((each for each in found if each), None), directory.put_service)

    async def put_application(self, request: Request) -> Response:
        """PUT an application, new or in place of the one with its SID."""
        application = await read_body(request, SandboxApplication)
        self._state.directory.put_application(application)
        return answer(application)

    async def add_alert(self, request: Request) -> Response:
        """POST an alert into Twilio's debugger."""
        return answer(add_alert(self._state, await read_body(request, Alert)), status=201)


async def _patch(request: Request, found: _Config | None, put: Callable[[_Config], None]) -> Response:
    if found is None:
        raise RequestError(f"{request.url.path} is not known", status=404)
    try:
        changes: dict[str, Any] = msgspec.json.decode(await request.body(), type=dict[str, Any])
        changed = msgspec.convert(msgspec.to_builtins(found) | changes, type(found))
    except msgspec.DecodeError as error:
        raise RequestError(str(error), expected=describe(type(found))) from error
    put(changed)
    return answer(changed)
