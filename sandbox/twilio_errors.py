"""Twilio's errors: the body of a refused request, and the refusals that the sandbox decides on its own.

Any other code can be had through a fault. The SDK turns the body into `TwilioRestException` with this code and status.
Source: twilio.com/docs/usage/twilios-response#response-formats-exceptions and twilio.com/docs/api/errors.
"""

import re
from http.client import responses

from msgspec import Struct

_MORE_INFO = "https://www.twilio.com/docs/errors/"


class ErrorBody(Struct, frozen=True, kw_only=True):
    """The JSON of a refusal."""

    code: int
    message: str
    more_info: str
    status: int


class TwilioError(Struct, frozen=True, kw_only=True):
    """A refusal: a value, not an exception. `retry_after_s` travels in the `Retry-After` header."""

    status: int
    code: int
    message: str
    retry_after_s: int | None = None

    def body(self) -> ErrorBody:
        """What the client reads."""
        return ErrorBody(code=self.code, message=self.message, more_info=f"{_MORE_INFO}{self.code}", status=self.status)


def refuse(code: int, message: str, *, status: int = 400) -> TwilioError:
    """A refusal with Twilio's code; nearly all are HTTP 400."""
    return TwilioError(status=status, code=code, message=message)


AUTHENTICATE = refuse(20003, "Authenticate", status=401)
NOT_ACTIVE = refuse(20005, "Account not active", status=401)
METHOD_NOT_ALLOWED = refuse(20004, "Method not allowed", status=405)


def not_found(path: str) -> TwilioError:
    """20404: no such account, message or path."""
    return refuse(20404, f"The requested resource {path} was not found", status=404)


MAGIC_FROM = {
    "+15005550001": refuse(21212, "Invalid From Number (caller ID): +15005550001"),
    "+15005550007": refuse(21606, "The 'From' phone number +15005550007 is not a number of your account"),
    "+15005550008": refuse(21611, "This 'From' number has exceeded the maximum number of queued messages"),
}
"""Senders that always fail, as with Twilio's test credentials. Source: twilio.com/docs/iam/test-credentials."""

MAGIC_FROM_GOOD = "+15005550006"
"""A sender that every account may use."""

MAGIC_TO = {
    "+15005550001": refuse(21211, "Invalid 'To' Phone Number: +15005550001"),
    "+15005550002": refuse(21612, "Message cannot be sent with the current combination of 'To' and 'From'"),
    "+15005550003": refuse(21408, "Permission to send an SMS has not been enabled for the region of the 'To' number"),
    "+15005550004": refuse(21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": refuse(21614, "'To' number is not a valid mobile number"),
}
"""Recipients that always fail."""

_MESSAGES = {
    20429: "Too Many Requests",
    20500: "An internal server error has occurred",
    **{
        error.code: re.sub(r":? \+[0-9]+", "", error.message)
        for error in (AUTHENTICATE, NOT_ACTIVE, METHOD_NOT_ALLOWED, *MAGIC_FROM.values(), *MAGIC_TO.values())
    },
}
"""By code, without the number that one of them is about."""


def usual_message(code: int, status: int) -> str:
    """What Twilio says with this code; with one that is not known here, the words of the HTTP status."""
    return _MESSAGES.get(code) or responses.get(status, "Refused")
