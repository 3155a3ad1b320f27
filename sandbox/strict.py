"""Reads a control request strictly and answers it: unknown fields are refused, and the refusal says what was expected.

Only pages and programs of this machine are served: a request whose `Host` or `Origin` is not loopback is refused, so
that no web page elsewhere can text through a visitor's sandbox.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from sandbox.loopback import is_loopback_host
from sandbox.wire import Complaint

_ENCODER = msgspec.json.Encoder()
_Wire = TypeVar("_Wire", bound=Struct)

Handler = Callable[[Request], Awaitable[Response]]


class RequestError(Exception):
    """A control request that cannot be done; the answer says why and what was expected."""

    def __init__(self, error: str, *, expected: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.complaint = Complaint(error=error, expected=expected)
        self.status = status


def local(handler: Handler) -> Handler:
    """Refuse foreigners, and turn a `RequestError` into its answer."""

    async def guarded(request: Request) -> Response:
        origin = request.headers.get("origin")
        hosts = [request.url.hostname or "", *([urlsplit(origin).hostname or ""] if origin else [])]
        if not all(is_loopback_host(host) for host in hosts):
            return answer(Complaint(error="only this machine may control the sandbox"), status=403)
        try:
            return await handler(request)
        except RequestError as error:
            return answer(error.complaint, status=error.status)

    return guarded


async def read_body(request: Request, shape: type[_Wire]) -> _Wire:
    """The JSON body as this Struct.

    Raises: RequestError.
    """
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except msgspec.DecodeError as error:
        raise RequestError(str(error), expected=describe(shape)) from error


def read_query(request: Request, shape: type[_Wire]) -> _Wire:
    """The query string as this Struct; numbers and enums are written as text there.

    Raises: RequestError.
    """
    try:
        return msgspec.convert(dict(request.query_params), shape, strict=False)
    except msgspec.ValidationError as error:
        raise RequestError(str(error), expected=describe(shape)) from error


def describe(shape: type[Struct]) -> str:
    """The fields of a Struct, as its sender writes them."""
    fields = msgspec.structs.fields(shape)
    return "fields " + ", ".join(f"{item.encode_name}{' (required)' * item.required}" for item in fields)


def answer(body: Struct, *, status: int = 200) -> Response:
    """A Struct as JSON."""
    return Response(_ENCODER.encode(body), status_code=status, media_type="application/json")
