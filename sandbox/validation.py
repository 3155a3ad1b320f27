"""Decides whether Twilio would accept a POST to Messages.json, in the order in which it looks at the parameters.

Pure: it takes the form, the account and what is known about numbers, and gives a `Draft` or a `TwilioError`.
Source: twilio.com/docs/messaging/api/message-resource#create-a-message and the pages of the error codes named here.
"""

import re
from collections.abc import Callable
from zlib import crc32

from msgspec import Struct

from sandbox.config import SandboxAccount
from sandbox.directory import Directory
from sandbox.loopback import is_web_url
from sandbox.segments import count_units
from sandbox.twilio_errors import MAGIC_FROM, MAGIC_FROM_GOOD, MAGIC_TO, TwilioError, refuse

MAX_BODY_UNITS = 1600
MAX_MEDIA = 10
MAX_VALIDITY_S = 36_000

_E164 = re.compile(r"(?:(?:rcs|whatsapp|messenger):)?\+[1-9]\d{6,14}")
_SHORT_CODE = re.compile(r"\d{5,6}")
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +&_-]{1,11}")


class MessageForm(Struct, frozen=True, kw_only=True):
    """The parameters of a POST that matter here; others are accepted and ignored, as new ones would be."""

    to: str = ""
    from_: str = ""
    messaging_service_sid: str = ""
    body: str = ""
    media_urls: tuple[str, ...] = ()
    status_callback: str = ""
    smart_encoded: bool | None = None
    validity_period: str = ""
    """Seconds; empty: not said."""


class Draft(Struct, frozen=True, kw_only=True):
    """A message that Twilio would accept."""

    to: str
    sender: str
    """The number that sends in the end."""
    body: str
    media_urls: tuple[str, ...]
    messaging_service_sid: str | None
    sender_is_chosen: bool
    """False: a Messaging Service chose it, and the API shows no From at first."""
    smart_encoded: bool
    status_callback: str
    validity_period_s: int | None = None


class Sender(Struct, frozen=True, kw_only=True):
    """Who sends, and what the Messaging Service adds."""

    number: str
    chosen: bool
    service_sid: str | None = None
    status_callback: str = ""
    smart_encoding: bool = False


def parse_form(pairs: list[tuple[str, str]]) -> MessageForm:
    """Read the parameters. A repeated one keeps its last value, except MediaUrl, which may repeat."""
    last = dict(pairs)
    smart = last.get("SmartEncoded")
    return MessageForm(
        to=last.get("To", "").strip(),
        from_=last.get("From", "").strip(),
        messaging_service_sid=last.get("MessagingServiceSid", "").strip(),
        body=last.get("Body", ""),
        media_urls=tuple(value for name, value in pairs if name == "MediaUrl"),
        status_callback=last.get("StatusCallback", ""),
        smart_encoded=None if smart is None else smart.lower() == "true",
        validity_period=last.get("ValidityPeriod", ""),
    )


def decide_message(
    form: MessageForm,
    *,
    account: SandboxAccount,
    directory: Directory,
    is_opted_out: Callable[[str, str], bool],
) -> Draft | TwilioError:
    """Accept or refuse. `is_opted_out(sender, recipient)` tells who has texted STOP to whom."""
    sender = decide_sender(form, account=account, directory=directory)
    if isinstance(sender, TwilioError):
        return sender
    refusal = refuse_recipient(form.to, account) or refuse_content(form)
    if refusal is not None:
        return refusal
    if is_opted_out(sender.service_sid or sender.number, form.to):
        return refuse(21610, "Attempt to send to unsubscribed recipient")
    return Draft(
        to=form.to,
        sender=sender.number,
        body=form.body,
        media_urls=form.media_urls,
        messaging_service_sid=sender.service_sid,
        sender_is_chosen=sender.chosen,
        smart_encoded=sender.smart_encoding if form.smart_encoded is None else form.smart_encoded,
        status_callback=form.status_callback or sender.status_callback,
        validity_period_s=int(form.validity_period) if form.validity_period else None,
    )


def decide_sender(form: MessageForm, *, account: SandboxAccount, directory: Directory) -> Sender | TwilioError:
    """From wins; without it the Messaging Service picks, always the same number for the same recipient."""
    if not form.messaging_service_sid:
        return _decide_number(form.from_, account=account, directory=directory)
    service = directory.service(account.account_sid, form.messaging_service_sid)
    if service is None:
        return refuse(21701, f"The Messaging Service {form.messaging_service_sid} does not exist")
    if not service.numbers:
        return refuse(21703, "The Messaging Service contains no phone numbers")
    if form.from_ and form.from_ not in service.numbers:
        return refuse(21712, f"The 'From' number {form.from_} is not in the Messaging Service")
    return Sender(
        number=form.from_ or service.numbers[crc32(form.to.encode()) % len(service.numbers)],
        chosen=bool(form.from_),
        service_sid=service.sid,
        status_callback=service.status_callback,
        smart_encoding=service.smart_encoding,
    )


def refuse_recipient(to: str, account: SandboxAccount) -> TwilioError | None:
    """Whether Twilio would text this number at all."""
    if not to:
        return refuse(21604, "A 'To' phone number is required.")
    if not _E164.fullmatch(to):
        return refuse(21211, f"Invalid 'To' Phone Number: {to}")
    if account.trial and account.verified is not None and to not in account.verified:
        return refuse(
            21608, f"The number {to} is unverified. Trial accounts cannot send messages to unverified numbers"
        )
    return MAGIC_TO.get(to)


def refuse_content(form: MessageForm) -> TwilioError | None:
    """Body, media, callback and validity period."""
    if not form.body.strip() and not form.media_urls:
        return refuse(21602, "Message body is required.")
    if count_units(form.body) > MAX_BODY_UNITS:
        return refuse(21617, "The concatenated message body exceeds the 1600 character limit")
    if len(form.media_urls) > MAX_MEDIA:
        return refuse(21623, "Number of media files exceeds allowed limit")
    if not all(is_web_url(url) for url in form.media_urls):
        return refuse(21620, "Invalid media URL(s)")
    if form.status_callback and not is_web_url(form.status_callback):
        return refuse(21609, f"The StatusCallback URL {form.status_callback} is not a valid URL.")
    period = form.validity_period
    if period and not (period.isascii() and period.isdigit() and 1 <= int(period) <= MAX_VALIDITY_S):
        return refuse(90007, "Invalid validity period value")
    return None


def _decide_number(number: str, *, account: SandboxAccount, directory: Directory) -> Sender | TwilioError:
    if not number:
        return refuse(21603, "A 'From' phone number is required.")
    if number in MAGIC_FROM:
        return MAGIC_FROM[number]
    if number == MAGIC_FROM_GOOD or directory.number(account.account_sid, number) is not None:
        return Sender(number=number, chosen=True)
    if not any(shape.fullmatch(number) for shape in (_E164, _SHORT_CODE, _ALPHANUMERIC)):
        return refuse(21212, f"Invalid From Number (caller ID): {number}")
    if directory.owners(number):
        return refuse(21660, f"Mismatch between the 'From' number {number} and the account {account.account_sid}")
    return refuse(21606, f"The 'From' phone number {number} is not a message-capable number of your account")
