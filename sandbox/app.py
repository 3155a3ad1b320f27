"""The sandbox as an ASGI app: Twilio's APIs and the control routes around one `SandboxState`."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.configuration_api import ConfigurationApi
from sandbox.control import ControlApi
from sandbox.control_twilio import TwilioSideApi
from sandbox.door import refusal
from sandbox.media import MediaApi
from sandbox.services_api import ServicesApi
from sandbox.state import SandboxState
from sandbox.strict import answer
from sandbox.twilio_api import MessagesApi
from sandbox.twilio_errors import METHOD_NOT_ALLOWED, not_found
from sandbox.wire import Complaint


def create_app(state: SandboxState) -> Starlette:
    """An app that serves this state. Whoever made the state closes it."""
    return Starlette(
        routes=[
            route
            for part in (MessagesApi, MediaApi, ConfigurationApi, ServicesApi, ControlApi, TwilioSideApi)
            for route in part(state).routes()
        ],
        exception_handlers={404: _unknown_path, 405: _wrong_method},
    )


async def _unknown_path(request: Request, _: Exception) -> Response:
    """As Twilio answers; a person who looks around is told what there is instead."""
    path = request.url.path
    if path == "/" or path.startswith("/sandbox"):
        return answer(Complaint(error=f"nothing is at {path}", expected=_control_routes(request.app)), status=404)
    return refusal(not_found(path))


def _control_routes(app: Starlette) -> str:
    found = [route for route in app.routes if isinstance(route, Route) and route.path.startswith("/sandbox")]
    return ", ".join(
        f"{method} {route.path}" for route in found for method in sorted((route.methods or set()) - {"HEAD"})
    )


async def _wrong_method(_: Request, error: Exception) -> Response:
    refused = refusal(METHOD_NOT_ALLOWED)
    if isinstance(error, HTTPException):
        refused.headers.update(error.headers or {})
    return refused
