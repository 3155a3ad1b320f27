"""What Twilio's codes about texts mean and what to do: the data. What is decided by it: `twilio_codes.py`.

Source of each: Twilio, "Error and Warning Dictionary", one page per code (`twilio_codes.source_of`). The words here are
ours. `tests/unit/twilio_documented_codes.txt` lists the codes that must stand here. Each hint starts with what to do.
"""

from enum import StrEnum

import msgspec


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


def _unknown(meaning: str) -> CodeInfo:
    hint = "wait: Textgate finds out whether it was sent; look at Twilio's status page if it lasts"
    return CodeInfo(ErrorClass.UNKNOWN, meaning, hint)


_NUMBER = "check the number; it must be a mobile number in E.164 form"
_SENDER = "check fromNumber or messagingServiceSid: it must belong to this account and be able to send SMS"
_SERVICE = "check messagingServiceSid and that the service has a sender"
MEDIA_HINT = "check the media's URL, type, count and size; the text can go without it"
_REGISTER = "register or verify the sender in the Twilio console (A2P 10DLC, toll-free verification)"
_SENDER_ID = "register the sender for the recipient's country in the Twilio console, or use another sender there"
_BILLING = "look at the account's status and billing in the Twilio console"
_CARRIER = "do not send it again: the carrier refused it; try another sender or other words"
_SLOW = "lower segmentsPerSecond or add senders"
_OURS = "report this as a bug in Textgate, with the dead letter's story"
_VALIDITY = "check how long the text may wait: 1 to 36000 seconds"
_LATER = "send it again later; ask Twilio's support if it lasts"
_TEMPLATE = "send plain words: Textgate uses no templates, so something else set one"
_CHANNEL = "check the sender's channel (such as RCS) in the Twilio console"

ANSWERS: dict[int, CodeInfo] = {
    10001: _account("the account is not active", _BILLING),
    10002: _account("a trial account cannot do this", "upgrade the account in the Twilio console"),
    11751: _permanent("media is too large", MEDIA_HINT),
    12300: _permanent("media has an invalid content type", MEDIA_HINT),
    14107: _transient("reply loop: too many texts between two numbers", "look for a bot that answers a bot", 60),
    20001: _permanent("Twilio does not know a parameter", _OURS),
    20003: _account("wrong credentials", "check accountSid and authToken (or the API key); was the token rotated?"),
    20004: _permanent("Twilio does not allow this method", _OURS),
    20005: _account("the account is not active", _BILLING),
    20006: _account("access is denied", _BILLING),
    20008: _account("these are test credentials", "use the account's live credentials"),
    20010: _account("the account may not do this", _BILLING),
    20011: _account("the TLS version is too old", "update Python and OpenSSL on this machine"),
    20012: _account("the TLS cipher is too old", "update Python and OpenSSL on this machine"),
    20404: _account("the account or sender was not found", "check accountSid, the subaccount and the region"),
    20413: _permanent("the request is too large", _OURS),
    20422: _permanent("a parameter is invalid", "look at the message that stands beside the code"),
    20423: _account("a SID is invalid", "check accountSid and messagingServiceSid"),
    20426: _account("Twilio asks for a newer connection", "update Textgate, Python and OpenSSL on this machine"),
    20429: _transient("too many requests at once", _SLOW, 1),
    20500: _unknown("Twilio failed"),
    20503: _unknown("Twilio is unavailable"),
    21211: _permanent("the recipient is no valid number", _NUMBER),
    21212: _account("the sender is no valid number", _SENDER),
    21217: _permanent("the recipient is no valid number", _NUMBER),
    21265: _permanent("the recipient is a short code", "use a full number: short codes cannot be texted"),
    21266: _permanent("the recipient is the sender itself", "check the number: a sender cannot text itself"),
    21267: _account("a trial account cannot send under a name", "set fromNumber to a phone number, or upgrade"),
    21268: _permanent("the recipient is a premium number", "check the number: premium numbers cannot be texted"),
    21401: _permanent("the number is invalid", _NUMBER),
    21407: _account("the sender's kind of number cannot send SMS", _SENDER),
    21408: _permanent("the recipient's region is not enabled", "enable it: Twilio console, Messaging, Geo permissions"),
    21421: _permanent("the number is invalid", _NUMBER),
    21601: _account("the sender cannot send SMS", _SENDER),
    21602: _permanent("the message has no body", _OURS),
    21603: _account("no sender was given", _SENDER),
    21604: _permanent("the message has no recipient", _OURS),
    21605: _permanent("the body is too long for the old API", _OURS),
    21606: _account("the sender is not owned by the account or cannot send SMS", _SENDER),
    21607: _account(
        "a trial account must send from its trial number", "set fromNumber to the trial number, or upgrade"
    ),
    21608: _permanent(
        "a trial account may text verified numbers only", "verify the number in the Twilio console, or upgrade"
    ),
    21609: _account("the status callback URL is invalid", "check publicWebhookUrl: Twilio must be able to reach it"),
    21610: _permanent("the recipient has opted out", "ask them to text START to this number first"),
    21611: _transient("the sender's queue at Twilio is full", _SLOW, 300),
    21612: _permanent("the recipient cannot be reached from this sender", _CARRIER),
    21614: _permanent("the recipient is no mobile number", _NUMBER),
    21616: _account("the sender matches several numbers of the account", "set fromNumber in full E.164 form"),
    21617: _permanent("the body is too long", _OURS),
    21618: _permanent("the body cannot be sent", "look for unusual characters in the text"),
    21619: _permanent("the message has neither body nor media", _OURS),
    21620: _permanent("a media URL is invalid", MEDIA_HINT),
    21621: _permanent("the sender cannot send media", MEDIA_HINT),
    21622: _permanent("the account cannot send media", MEDIA_HINT),
    21623: _permanent("too many media", MEDIA_HINT),
    21624: _account("the validity period is invalid", _VALIDITY),
    21626: _permanent("a status callback event is invalid", _OURS),
    21627: _permanent("the maximum price is invalid", _OURS),
    21635: _permanent("the recipient is a landline", _NUMBER),
    21652: _permanent("the subject is too long", _OURS),
    21653: _permanent("there are too many recipients", _OURS),
    21654: _permanent("the content template is missing", _TEMPLATE),
    21655: _permanent("the content template is invalid", _TEMPLATE),
    21656: _permanent("the content template's variables are invalid", _TEMPLATE),
    21657: _account("the sender's name is invalid", _SENDER),
    21659: _account("the sender is no number of Twilio's, or a short code of another country", _SENDER),
    21660: _account("the sender does not belong to this account", _SENDER),
    21661: _account("the sender cannot send SMS", _SENDER),
    21701: _account("the Messaging Service does not exist", _SERVICE),
    21702: _account("the Messaging Service cannot send now", _SERVICE),
    21703: _account("the Messaging Service has no number that can send this", _SERVICE),
    21704: _account("the Messaging Service has no number", _SERVICE),
    21705: _account("the Messaging Service is invalid", _SERVICE),
    21708: _account("the sender's name is missing", _SENDER),
    21709: _account("the sender's name is invalid, or not allowed in this Messaging Service", _SERVICE),
    21910: _permanent("sender and recipient are of different channels", "answer on the channel that the person used"),
    35111: _permanent("the time of a scheduled text is missing", _OURS),
    35114: _permanent("a scheduled text's time is not allowed", "choose a time 15 minutes to 35 days from now"),
    35115: _permanent("a scheduled text's time is not allowed", "choose a time 15 minutes to 35 days from now"),
    35117: _permanent("a scheduled text's time is not allowed", "choose a time 15 minutes to 35 days from now"),
    35118: _account("scheduling needs a Messaging Service", "set messagingServiceSid, or schedule in Textgate"),
    35125: _transient("the account has too many scheduled texts", "wait until some are sent, or cancel some", 3600),
    35126: _permanent("this kind of schedule is not supported", _OURS),
    90007: _permanent("the validity period is outside 1 to 36000 seconds", _VALIDITY),
}
"""Codes of the answer to a request."""

REPORTS: dict[int, CodeInfo] = {
    30001: _transient("the queue of the Messaging Service is full", _SLOW, 300),
    30002: _account("the account is suspended", _BILLING),
    30003: _permanent("the handset could not be reached", "retry later: the phone may be off or without coverage"),
    30004: _permanent("the message was blocked", _CARRIER),
    30005: _permanent("the number is unknown or out of service", _NUMBER),
    30006: _permanent("the number is a landline or unreachable", _NUMBER),
    30007: _permanent("the carrier filtered the message", "look at its content and at the sender's registration"),
    30008: _permanent("delivery failed for an unknown reason", "retry later; ask Twilio if it lasts"),
    30009: _permanent("a segment of the message is missing", _CARRIER),
    30010: _permanent("the message costs more than the maximum price", "raise the maximum price"),
    30011: _permanent("the recipient's network takes no MMS", MEDIA_HINT),
    30012: _permanent("the validity period is too short", _VALIDITY),
    30013: _permanent("the validity period is too long", _VALIDITY),
    30014: _permanent("the recipient's attributes are invalid", _OURS),
    30015: _permanent("the channel is not supported", _CHANNEL),
    30016: _permanent("sender and recipient are of different channels", "answer on the channel that the person used"),
    30017: _transient("the carrier's network is congested", _SLOW, 60),
    30018: _permanent("the recipient's carrier wants the sender registered", _SENDER_ID),
    30019: _permanent("the content is too large for the carrier", MEDIA_HINT),
    30020: _transient("Twilio failed at scheduling the message", _LATER, 60),
    30021: _transient("Twilio's Messaging Service failed", _LATER, 60),
    30022: _transient("the campaign's rate is exceeded", _SLOW, 5),
    30023: _transient("the campaign's daily cap is reached", "wait, or ask for a higher brand tier", 3600),
    30024: _account("the sender is not provisioned yet", _REGISTER),
    30025: _transient("half of T-Mobile's daily limit is used", "watch the volume, or ask for a higher brand tier", 60),
    30026: _transient("70 % of T-Mobile's daily limit is used", "watch the volume, or ask for a higher brand tier", 60),
    30027: _transient("T-Mobile's daily limit is reached", "wait for tomorrow, or ask for a higher brand tier", 3600),
    30028: _permanent("the API version is invalid", _OURS),
    30029: _permanent("the content retention is invalid", _OURS),
    30030: _permanent("the address retention is invalid", _OURS),
    30031: _permanent("the maximum rate is invalid", _OURS),
    30032: _account("the toll-free number is not verified", _REGISTER),
    30033: _account("the campaign is suspended", "look at the A2P campaign in the Twilio console"),
    30034: _account("the number is not registered for A2P 10DLC", _REGISTER),
    30035: _account("the number's A2P registration is not complete", _REGISTER),
    30036: _permanent("the validity period ended before it was sent", "raise the validity period or the rate"),
    30037: _account("outbound messaging is disabled", _BILLING),
    30038: _permanent("a one-time password was filtered", "use Twilio Verify for one-time passwords, or other words"),
    30039: _account("a message loop was detected", "look for a bot that answers a bot, then `textgate account resume`"),
    30040: _permanent("the recipient's carrier wants the sender's name registered", _SENDER_ID),
    30041: _permanent("the sender is not registered for the United Kingdom", _SENDER_ID),
    30042: _account("the sender's name is too general or has special characters", _SENDER),
    30043: _permanent("an international text came over a domestic route", _SENDER_ID),
    30044: _permanent("the text is too long for a trial account", "lower textChunkLimit to 160, or upgrade"),
    30400: _permanent("the parameters are invalid", _OURS),
    30404: _permanent("Twilio did not find the account or sender", "check accountSid and messagingServiceSid"),
    30409: _permanent("the message can no longer be canceled", "leave it: it was already on its way"),
    30410: _transient("the carrier did not answer in time", _LATER, 60),
    30450: _permanent("Twilio's guard against SMS pumping blocked it", "review the traffic to this region"),
    30453: _transient("Twilio blocks this destination for some hours", "wait some hours, then retry it", 3600),
    30454: _transient("the account's limit of messages is reached", "wait, or upgrade the trial account", 3600),
    30485: _transient("Twilio blocks this destination for some hours", "wait some hours, then retry it", 3600),
    30500: _transient("Twilio failed while it processed the message", _LATER, 60),
    63001: _account("the channel refused our credentials", _CHANNEL),
    63002: _account("the channel does not know the sender", _CHANNEL),
    63003: _permanent("the channel does not know the recipient", _NUMBER),
    63005: _permanent("the channel refused the content", "look at the content: send it as plain words"),
    63006: _permanent(
        "the content cannot be put into the channel's form", "look at the content: send it as plain words"
    ),
    63007: _account("there is no channel with this sender", _CHANNEL),
    63008: _account("the channel is misconfigured", _CHANNEL),
    63009: _transient("the channel's provider failed", _LATER, 60),
    63010: _transient("Twilio failed while it processed the message", _LATER, 60),
    63011: _permanent("Twilio could not process the request for this channel", _LATER),
    63012: _transient("the channel's provider failed", _LATER, 60),
    63013: _permanent("the content breaks the channel's policy", "look at the channel's policy, and change the words"),
    63014: _permanent("the recipient has blocked the sender", "ask them to unblock it, or stop texting them"),
    63015: _permanent("the recipient has not joined the channel's sandbox", "ask them to join Twilio's sandbox"),
    63016: _permanent("the channel's window for free answers is over", "wait until they text again"),
    63017: _transient("the channel's rate is exceeded", _SLOW, 5),
    63018: _transient("the channel's rate is exceeded", _SLOW, 5),
    63019: _permanent("a media file could not be downloaded", MEDIA_HINT),
    63020: _account("the channel's business account has a problem", _CHANNEL),
    63021: _permanent("the channel finds the content invalid", "look at the content: send it as plain words"),
    63022: _account("the channel's certificate for the sender's name is invalid", _CHANNEL),
    63023: _permanent("the channel failed without a reason", _LATER),
    63024: _permanent("the recipient is invalid on this channel", _NUMBER),
    63025: _permanent("the media exist already", MEDIA_HINT),
    63026: _permanent("the channel takes it for spam", "look at the content, and at how often you text"),
    63027: _permanent("the template does not exist in this language", _TEMPLATE),
    63028: _permanent("the template has other parameters", _TEMPLATE),
    63029: _permanent("the recipient could not load the template", _TEMPLATE),
    63030: _permanent("the channel does not support a parameter", _OURS),
    63031: _permanent("the recipient is the sender itself", "check the number: a sender cannot text itself"),
    63032: _permanent("the channel does not let us text this person", "wait until they text again"),
    63033: _permanent("the recipient has opted out on this channel", "ask them to opt in again"),
    63034: _permanent("the media is too large for the channel", MEDIA_HINT),
    63035: _permanent("the RCS sender is not launched, or not for this person", _CHANNEL),
    63036: _permanent("the recipient cannot be reached by RCS now", "use an SMS sender for this person"),
    63037: _permanent("the channel did not take the media", MEDIA_HINT),
    63038: _transient("the account's daily cap is reached", "wait, or ask Twilio to raise it", 3600),
    63039: _permanent("the channel warns about annoying behaviour", "look at what is texted, and how often"),
    63040: _permanent("the template was rejected", _TEMPLATE),
    63041: _permanent("the template is paused", _TEMPLATE),
    63042: _permanent("the template is disabled", _TEMPLATE),
    63049: _permanent("the channel chose not to deliver it", "wait until they text again"),
    63051: _account("the channel's business account is locked", _CHANNEL),
}
"""Codes of the report on a message that Twilio had accepted; some come as an answer, too."""
