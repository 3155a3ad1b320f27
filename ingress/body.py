"""Reading a request's body within limits: its size is bounded before it is known, and its time as well."""

from starlette.types import Receive

from shared.deadlines import Deadlines
from shared.errors import RejectedError

MAX_BODY_BYTES = 32 * 1024
MAX_BODY_S = 5.0


class ClientGone(Exception):  # noqa: N818 - nobody is left to answer
    """The client hung up before its body was complete."""


async def read_body(headers: dict[bytes, bytes], receive: Receive, deadlines: Deadlines) -> bytes:
    """The whole body. Raises RejectedError(408, 413) or ClientGone. `deadlines`: of `MAX_BODY_S`."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared[:20]) > MAX_BODY_BYTES:
        raise RejectedError("the body is too large", status=413)
    try:
        with deadlines.limit():
            return await _collect(receive)
    except TimeoutError as error:
        raise RejectedError("the body took too long", status=408) from error


async def _collect(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise RejectedError("the body is too large", status=413)
        if not message.get("more_body", False):
            return body
