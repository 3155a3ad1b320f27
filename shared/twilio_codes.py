"""Twilio's error codes: what each means for us, and what the operator should do. The one place of this decision.

Lives on the ground floor because codes arrive at both ends: as the answer to a request (workers) and in delivery
callbacks (ingress). Source of every code: Twilio, "Error and Warning Dictionary".
"""

from enum import StrEnum

import msgspec

OPTED_OUT = 21610
"""The recipient has texted STOP: Twilio refuses everything to them."""


class ErrorClass(StrEnum):
    """What an error means for the text it struck."""

    TRANSIENT = "transient"
    """The same request may succeed later."""
    PERMANENT = "permanent"
    """It never will."""
    ACCOUNT = "account"
    """Nor will any other of this account until someone repairs it."""
    UNKNOWN = "unknown"
    """The request may have been carried out all the same."""


class CodeInfo(msgspec.Struct, frozen=True):
    """One code: its class, its meaning, the operator's hint, and the least wait in seconds if it is transient."""

    error_class: ErrorClass
    meaning: str
    hint: str = ""
    wait_s: float = 0


def _transient(meaning: str, hint: str, wait_s: float = 0) -> CodeInfo:
    return CodeInfo(ErrorClass.TRANSIENT, meaning, hint, wait_s)


def _permanent(meaning: str, hint: str) -> CodeInfo:
    return CodeInfo(ErrorClass.PERMANENT, meaning, hint)


def _account(meaning: str, hint: str) -> CodeInfo:
    return CodeInfo(ErrorClass.ACCOUNT, meaning, hint)


_NUMBER = "check the number; it must be a mobile number in E.164 form"
_SENDER = "check fromNumber or messagingServiceSid: it must belong to this account and be able to send SMS"
_SERVICE = "check messagingServiceSid and that the service has a sender"
_MEDIA = "check the media's URL, type, count and size; the text can go without it"
_REGISTER = "register or verify the sender in the Twilio console (A2P 10DLC, toll-free verification)"
_BILLING = "look at the account's status and billing in the Twilio console"
_CARRIER = "the carrier refused it; retrying will not help"
_SLOW = "lower segmentsPerSecond or add senders"

CODES: dict[int, CodeInfo] = {
    11751: _permanent("media is too large", _MEDIA),
    12300: _permanent("media has an invalid content type", _MEDIA),
    14107: _transient("reply loop: too many texts between two numbers", "a bot may be talking to a bot", 60),
    20003: _account("wrong credentials", "check accountSid and authToken (or the API key); was the token rotated?"),
    20005: _account("the account is not active", _BILLING),
    20006: _account("access is denied", _BILLING),
    20404: _account("the account or sender was not found", "check accountSid, the subaccount and the region"),
    20429: _transient("too many requests at once", _SLOW, 1),
    20500: CodeInfo(ErrorClass.UNKNOWN, "Twilio failed"),
    20503: CodeInfo(ErrorClass.UNKNOWN, "Twilio is unavailable"),
    21211: _permanent("the recipient is no valid number", _NUMBER),
    21212: _account("the sender is no valid number", _SENDER),
    21217: _permanent("the recipient is no valid number", _NUMBER),
    21408: _permanent("the recipient's region is not enabled", "enable it: Twilio console, Messaging, Geo permissions"),
    21421: _permanent("the number is invalid", _NUMBER),
    21601: _account("the sender cannot send SMS", _SENDER),
    21602: _permanent("the message has no body", "this is a bug in Textgate, please report it"),
    21603: _account("no sender was given", _SENDER),
    21606: _account("the sender is not owned by the account or cannot send SMS", _SENDER),
    21608: _permanent(
        "a trial account may text verified numbers only", "verify the number in the Twilio console, or upgrade"
    ),
    21609: _account("the status callback URL is invalid", "check publicWebhookUrl: Twilio must be able to reach it"),
    21610: _permanent("the recipient has opted out", "they must text START to this number first"),
    21611: _transient("the sender's queue at Twilio is full", _SLOW, 300),
    21612: _permanent("the recipient cannot be reached from this sender", _CARRIER),
    21614: _permanent("the recipient is no mobile number", _NUMBER),
    21617: _permanent("the body is too long", "this is a bug in Textgate, please report it"),
    21619: _permanent("the message has neither body nor media", "this is a bug in Textgate, please report it"),
    21620: _permanent("a media URL is invalid", _MEDIA),
    21623: _permanent("too many media", _MEDIA),
    21635: _permanent("the recipient is a landline", _NUMBER),
    21660: _account("the sender does not belong to this account", _SENDER),
    21701: _account("the Messaging Service does not exist", _SERVICE),
    21702: _account("the Messaging Service has no phone number", _SERVICE),
    21703: _account("the Messaging Service has no sender", _SERVICE),
    21704: _account("the Messaging Service has no sender that fits", _SERVICE),
    21705: _account("the Messaging Service is invalid", _SERVICE),
    30001: _transient("the queue of the Messaging Service is full", _SLOW, 300),
    30002: _account("the account is suspended", _BILLING),
    30003: _permanent("the handset could not be reached", "the phone may be off or without coverage; retry later"),
    30004: _permanent("the message was blocked", _CARRIER),
    30005: _permanent("the number is unknown or out of service", _NUMBER),
    30006: _permanent("the number is a landline or unreachable", _NUMBER),
    30007: _permanent("the carrier filtered the message", "look at its content and at the sender's registration"),
    30008: _permanent("delivery failed for an unknown reason", "retry later; ask Twilio if it lasts"),
    30009: _permanent("a segment of the message is missing", _CARRIER),
    30010: _permanent("the message costs more than the maximum price", "raise the maximum price"),
    30011: _permanent("the recipient's network takes no MMS", _MEDIA),
    30017: _transient("the carrier's network is congested", _SLOW, 60),
    30022: _transient("the campaign's rate is exceeded", _SLOW, 5),
    30023: _transient("the campaign's daily cap is reached", "wait, or ask for a higher brand tier", 3600),
    30024: _account("the sender is not provisioned yet", _REGISTER),
    30032: _account("the toll-free number is not verified", _REGISTER),
    30034: _account("the number is not registered for A2P 10DLC", _REGISTER),
    30035: _account("the number's A2P registration is not complete", _REGISTER),
    30036: _permanent("the validity period ended before it was sent", "raise the validity period or the rate"),
    30037: _account("outbound messaging is disabled", _BILLING),
    30039: _account("a message loop was detected", "look for a bot that answers a bot, then `textgate account resume`"),
    30450: _permanent("Twilio's guard against SMS pumping blocked it", "review the traffic to this region"),
    63017: _transient("the channel's rate is exceeded", _SLOW, 5),
    63019: _permanent("a media file could not be downloaded", _MEDIA),
    63034: _permanent("the media is too large for the channel", _MEDIA),
    63038: _transient("the account's daily cap is reached", "wait, or ask Twilio to raise it", 3600),
    90007: _permanent("the validity period is outside 1 to 36000 seconds", "check validitySeconds"),
}

DAILY_CAPS = frozenset({30023, 63038})
"""Nothing more goes out before the day is over."""

MEDIA_CODES = frozenset(code for code, info in CODES.items() if info.hint == _MEDIA)
"""The media are what Twilio will not take: the words can go without them."""


def classify(status: int, code: int | None) -> CodeInfo:
    """What an answer to a request means; unknown codes by HTTP status."""
    if status >= 500 or status == 408:
        return CODES[
            20500
        ]  # whatever the code says: after a 5xx, or a timeout, nobody knows whether it was carried out
    if code is not None and code in CODES:
        return CODES[code]
    if status == 429:
        return CODES[20429]
    if status == 401:
        return CODES[20003]
    return _permanent("Twilio refused the request", "see the message, and Twilio's error dictionary for the code")
