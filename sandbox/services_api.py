"""Messaging Services (`messaging.twilio.com`) and alerts (`monitor.twilio.com`) for the real SDK.

Owns `/v1/Services…` and `/v1/Alerts`. These hosts name no account in the path: the credentials do.
Sources: twilio.com/docs/messaging/api/service-resource, twilio.com/docs/usage/monitor-alert.
"""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.alerts import choose_alerts, show_alert
from sandbox.config import SandboxAccount, SandboxService, derived_sid
from sandbox.configuration_api import read_form, with_faults
from sandbox.door import Handler, guard, refusal, show
from sandbox.paging import show_page_meta
from sandbox.resources import show_campaign, show_pool_number, show_service
from sandbox.state import SandboxState
from sandbox.twilio_errors import TwilioError, not_found, refuse
from sandbox.updates import decide_update

_SERVICE = "/v1/Services/{sid}"


class ServicesApi:
    """The routes of one sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """What the SDK calls."""
        table: list[tuple[str, str, str, Handler]] = [
            ("messaging", "GET", "/v1/Services", self.services),
            ("messaging", "GET", _SERVICE, self.service),
            ("messaging", "POST", _SERVICE, self.change_service),
            ("messaging", "GET", f"{_SERVICE}/PhoneNumbers", self.pool),
            ("messaging", "GET", f"{_SERVICE}/PhoneNumbers/{{number_sid}}", self.pool_number),
            ("messaging", "GET", f"{_SERVICE}/Compliance/Usa2p", self.campaigns),
            ("monitor", "GET", "/v1/Alerts", self.alerts),
        ]
        return [
            Route(path, guard(self._state, with_faults(self._state, handler), product=product), methods=[method])
            for product, method, path, handler in table
        ]

    async def services(self, request: Request, account: SandboxAccount) -> Response:
        """GET Services."""
        found = [show_service(service) for service in self._state.directory.services_of(account.account_sid)]
        return _page(request, found, key="services")

    async def service(self, request: Request, account: SandboxAccount) -> Response:
        """GET Services/{Sid}."""
        service = self._find(request, account)
        return refusal(not_found(request.url.path)) if service is None else show(show_service(service))

    async def change_service(self, request: Request, account: SandboxAccount) -> Response:
        """POST Services/{Sid}."""
        service = self._find(request, account)
        if service is None:
            return refusal(not_found(request.url.path))
        changed = decide_update(service, await read_form(self._state, request))
        if isinstance(changed, TwilioError):
            return refusal(changed)
        self._state.directory.put_service(changed)
        return show(show_service(changed))

    async def pool(self, request: Request, account: SandboxAccount) -> Response:
        """GET Services/{Sid}/PhoneNumbers."""
        service = self._find(request, account)
        if service is None:
            return refusal(not_found(request.url.path))
        found = [show_pool_number(service, number) for number in service.numbers]
        return _page(request, found, key="phone_numbers")

    async def pool_number(self, request: Request, account: SandboxAccount) -> Response:
        """GET Services/{Sid}/PhoneNumbers/{Sid}."""
        service, wanted = self._find(request, account), request.path_params["number_sid"]
        for number in service.numbers if service else ():
            if service is not None and derived_sid("PN", account.account_sid, number) == wanted:
                return show(show_pool_number(service, number))
        return refusal(not_found(request.url.path))

    async def campaigns(self, request: Request, account: SandboxAccount) -> Response:
        """GET Services/{Sid}/Compliance/Usa2p."""
        service = self._find(request, account)
        if service is None:
            return refusal(not_found(request.url.path))
        found = [show_campaign(service, index) for index in range(len(service.campaigns))]
        return _page(request, found, key="compliance")

    async def alerts(self, request: Request, account: SandboxAccount) -> Response:
        """GET Alerts."""
        params = dict(request.query_params)
        try:
            found = choose_alerts(self._state.alerts, account_sid=account.account_sid, params=params)
        except ValueError as error:
            return refusal(refuse(20001, f"Invalid parameter: {error}"))
        return _page(request, [show_alert(alert) for alert in found], key="alerts", product="monitor")

    def _find(self, request: Request, account: SandboxAccount) -> SandboxService | None:
        return self._state.directory.service(account.account_sid, request.path_params["sid"])


def _page(request: Request, records: Sequence[Any], *, key: str, product: str = "messaging") -> Response:
    base, params = f"https://{product}.twilio.com", dict(request.query_params)
    try:
        return show(show_page_meta(records, key=key, base=base, path=request.url.path, params=params))
    except ValueError as error:
        return refusal(refuse(20001, f"Invalid parameter: {error}"))
