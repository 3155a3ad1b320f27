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
    body, more = b"", True
    try:
        with deadlines.limit():
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise RejectedError("the body is too large", status=413)
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise RejectedError("the body took too long", status=408) from error
    return body
