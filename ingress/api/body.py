"""A request's JSON body, read within limits and checked against its Struct; every fault says where it is.

Pure but for `read_json`, which reads the request.
"""

import asyncio
import re

import msgspec
from starlette.requests import Request

from ingress.api.problems import Kind, RefusedError, invalid
from ingress.api.wire import SendRequest
from ingress.body import MAX_BODY_S
from ingress.form import is_json

MAX_BODY_BYTES = 64 * 1024

_CLOSE = {"connection": "close"}
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)


async def read_json(request: Request) -> bytes:
    """The whole body. Raises RefusedError(408, 413, 415)."""
    if not is_json(request.headers.get("content-type", "")):
        raise RefusedError(Kind.NOT_JSON)
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > MAX_BODY_BYTES:
        raise _too_large()
    body = b""
    try:
        async with asyncio.timeout(MAX_BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise _too_large()
    except TimeoutError as error:
        raise RefusedError(Kind.TOO_SLOW, f"send it within {MAX_BODY_S:g} s", headers=_CLOSE) from error
    return body


def parse_send(body: bytes) -> SendRequest:
    """The request in the body. Raises RefusedError(400)."""
    try:
        request = _decode_send(body)
    except msgspec.ValidationError as error:
        pointer, detail = explain(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RefusedError(Kind.INVALID_JSON) from None
    else:
        words = (request.text is not msgspec.UNSET) + (request.texts is not msgspec.UNSET)
        if words > 1 or (words == 0 and request.media is msgspec.UNSET):
            raise invalid("/text", "expected either text or texts, or media alone")
        return request
    raise invalid(pointer, detail)  # out here: no context that holds the value


def explain(error: str) -> tuple[str, str]:
    """JSON pointer and detail of what msgspec complains about."""
    found = _PLACE.match(error)
    what, path = (found["what"], found["path"] or "") if found else (error, "")
    pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(path))
    unknown = _UNKNOWN.fullmatch(what)
    if unknown is None:
        return pointer, "expected a text that is not blank" if "matching regex" in what else what
    name = unknown[1].replace("~", "~0").replace("/", "~1")
    known = ", ".join(field.encode_name for field in msgspec.structs.fields(SendRequest))
    return f"{pointer}/{name}", f"unknown field; expected {known}"


def _too_large() -> RefusedError:
    return RefusedError(Kind.TOO_LARGE, f"send at most {MAX_BODY_BYTES // 1024} KiB", headers=_CLOSE)


_decode_send = msgspec.json.Decoder(SendRequest).decode
