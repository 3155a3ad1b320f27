"""Every refusal of the API, once: its type, its status and its title; answered as `application/problem+json`.

`docs/api.md` lists them. A detail tells the caller what to do and holds no number, no text and no secret.
Source: RFC 9457, "Problem Details for HTTP APIs".
"""

from enum import Enum

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from ingress.api.wire import FieldError, Problem
from shared.errors import RejectedError

MEDIA_TYPE = "application/problem+json"


class Kind(Enum):
    """(type, status, title)."""

    INVALID_JSON = ("invalid-json", 400, "The body is no JSON document")
    INVALID_REQUEST = ("invalid-request", 400, "The request does not say what is needed")
    INVALID_KEY = ("invalid-idempotency-key", 400, "The Idempotency-Key is malformed")
    UNAUTHORIZED = ("unauthorized", 401, "A valid bearer token is needed")
    SCOPE_MISSING = ("scope-missing", 403, "The token may not do this")
    ACCOUNT_FORBIDDEN = ("account-forbidden", 403, "The token may not use this account")
    NOT_FOUND = ("not-found", 404, "There is no such thing here")
    TURN_UNKNOWN = ("turn-unknown", 404, "No turn of this name waits for an answer")
    METHOD_NOT_ALLOWED = ("method-not-allowed", 405, "The method does not fit")
    TOO_SLOW = ("too-slow", 408, "The body took too long")
    OPTED_OUT = ("opted-out", 409, "The recipient has opted out")
    TOO_LATE = ("too-late", 409, "The message is not held any more")
    ACCOUNT_UNAVAILABLE = ("account-unavailable", 409, "The account cannot send")
    TURN_ANSWERED = ("turn-answered", 409, "The turn has its answer")
    TOO_LARGE = ("too-large", 413, "The body is too large")
    NOT_JSON = ("not-json", 415, "The body must be application/json")
    KEY_REUSED = ("idempotency-key-reused", 422, "The Idempotency-Key was used for another body")
    TOO_MANY_REQUESTS = ("too-many-requests", 429, "Too many requests")
    NOT_STORED = ("not-stored", 503, "It could not be confirmed; try again")

    @property
    def slug(self) -> str:
        """Its short name, for the log."""
        return self.value[0]

    @property
    def status(self) -> int:
        return self.value[1]

    @property
    def title(self) -> str:
        return self.value[2]


class RefusedError(RejectedError):
    """A request is refused; unlike its parent's, this text is for the caller too."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail or kind.title, status=kind.status)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


def invalid(pointer: str, detail: str) -> RefusedError:
    """The refusal of one field."""
    return RefusedError(Kind.INVALID_REQUEST, errors=(FieldError(pointer=pointer, detail=detail),))


def problem_response(refusal: RefusedError) -> Response:
    """The answer to a refused request."""
    kind = refusal.kind
    document = Problem(
        type=f"urn:textgate:problem:{kind.slug}",
        title=kind.title,
        status=kind.status,
        detail=refusal.detail or UNSET,
        errors=refusal.errors or UNSET,
    )
    return Response(_encode(document), status_code=kind.status, media_type=MEDIA_TYPE, headers=refusal.headers)


_encode = msgspec.json.Encoder().encode
