"""The forms that Twilio posts: an inbound message (19 fields and more) and a status callback.

Pure. Fields that Twilio leaves empty are posted empty, because a receiver that drops blanks cannot check the signature.
Sources: twilio.com/docs/messaging/guides/webhook-request,
twilio.com/docs/messaging/guides/track-outbound-message-status.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from sandbox.message import API_VERSION, Message, Status

Form = list[tuple[str, str]]

MEDIA_HOST = "https://api.twilio.com"
"""Media URLs name Twilio's own host; who reaches the API through the loopback base reaches the media as well."""


class Place(NamedTuple):
    """Where a number is from, as far as Twilio knows."""

    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


_PLACES = {
    "+1202": Place("WASHINGTON", "DC", "20001", "US"),
    "+1212": Place("NEW YORK", "NY", "10001", "US"),
    "+1415": Place("SAN FRANCISCO", "CA", "94103", "US"),
    "+1416": Place("TORONTO", "ON", "", "CA"),
    "+1": Place(country="US"),
    "+33": Place(country="FR"),
    "+44": Place(country="GB"),
    "+49": Place(country="DE"),
    "+91": Place(country="IN"),
}


def find_place(number: str) -> Place:
    """The most exact place known for a number; empty fields where Twilio would not know either."""
    digits = number.rpartition(":")[2]
    return next((_PLACES[digits[:length]] for length in (5, 3, 2) if digits[:length] in _PLACES), Place())


def inbound_form(message: Message, *, opt_out_type: str = "") -> Form:
    """What the webhook of an inbound message carries. `opt_out_type` only with Advanced Opt-Out."""
    sender, recipient = find_place(message.from_ or ""), find_place(message.to)
    form = [
        ("ToCountry", recipient.country),
        ("ToState", recipient.state),
        ("SmsMessageSid", message.sid),
        ("NumMedia", str(len(message.media))),
        ("ToCity", recipient.city),
        ("FromZip", sender.zip),
        ("SmsSid", message.sid),
        ("FromState", sender.state),
        ("SmsStatus", "received"),
        ("FromCity", sender.city),
        ("Body", message.body),
        ("FromCountry", sender.country),
        ("To", message.to),
        ("ToZip", recipient.zip),
        ("NumSegments", str(message.num_segments)),
        ("MessageSid", message.sid),
        ("AccountSid", message.account_sid),
        ("From", message.from_ or ""),
        ("ApiVersion", API_VERSION),
    ]
    if message.messaging_service_sid:
        form.append(("MessagingServiceSid", message.messaging_service_sid))
    if opt_out_type:
        form.append(("OptOutType", opt_out_type))
    for index, media in enumerate(message.media):
        form.append((f"MediaContentType{index}", media.content_type))
        form.append((f"MediaUrl{index}", f"{MEDIA_HOST}{media_path(message, media.sid)}"))
    return form


def callback_form(message: Message, status: Status, *, error_code: int | None, at: float) -> Form:
    """What a status callback carries for one state, whatever the message has become since."""
    form = [
        ("SmsSid", message.sid),
        ("SmsStatus", status.value),
        ("MessageStatus", status.value),
        ("To", message.to),
        ("MessageSid", message.sid),
        ("AccountSid", message.account_sid),
        ("From", message.from_ or ""),
        ("ApiVersion", API_VERSION),
    ]
    if message.messaging_service_sid:
        form.append(("MessagingServiceSid", message.messaging_service_sid))
    if error_code is not None:
        form.append(("ErrorCode", str(error_code)))
    if status in {Status.DELIVERED, Status.UNDELIVERED}:
        form.append(("RawDlrDoneDate", f"{datetime.fromtimestamp(at, UTC):%y%m%d%H%M}"))
    return form


def media_path(message: Message, media_sid: str) -> str:
    """Where an attachment is fetched, with the account's credentials."""
    return f"/{API_VERSION}/Accounts/{message.account_sid}/Messages/{message.sid}/Media/{media_sid}"
