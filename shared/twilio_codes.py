"""Twilio's error codes: what each means for us, and what the operator should do. The one place of this decision.

Lives on the ground floor because codes arrive at both ends: as the answer to a request (workers) and in delivery
callbacks (ingress). Source of every code: Twilio, "Error and Warning Dictionary". The data: `twilio_code_table.py`.
"""

from shared.twilio_code_table import ANSWERS, MEDIA_HINT, REPORTS, CodeInfo, ErrorClass

__all__ = ["CODES", "CodeInfo", "ErrorClass", "classify", "source_of"]

OPTED_OUT = 21610
"""The recipient has texted STOP: Twilio refuses everything to them."""

CODES: dict[int, CodeInfo] = ANSWERS | REPORTS

_REFUSED = CodeInfo(
    ErrorClass.PERMANENT, "Twilio refused the request", "see the message, and Twilio's error dictionary for the code"
)

DAILY_CAPS = frozenset({30023, 63038})
"""Nothing more goes out before the day is over."""

MEDIA_CODES = frozenset(code for code, info in CODES.items() if info.hint == MEDIA_HINT)
"""The media are what Twilio will not take: the words can go without them."""


def classify(status: int, code: int | None) -> CodeInfo:
    """What an answer to a request means; unknown codes by HTTP status."""
    if status >= 500 or status == 408:  # whatever the code says: nobody knows whether it was carried out
        return CODES[20500]
    if code is not None and code in CODES:
        return CODES[code]
    if status == 429:
        return CODES[20429]
    if status == 401:
        return CODES[20003]
    return _REFUSED


def source_of(code: int) -> str:
    """The page of Twilio's dictionary about a code."""
    return f"https://www.twilio.com/docs/api/errors/{code}"
