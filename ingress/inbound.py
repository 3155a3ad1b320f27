"""What an inbound webhook says: pure decisions from the form's fields.

Fields: Twilio, "Twilio's request to your incoming message Webhook URL". Unknown fields are ignored: new ones
appear without notice.
"""

from shared.errors import RejectedError
from shared.keys import conversation_id
from shared.phone import parse_address
from shared.records import InboundText, Media
from shared.settings import Account

MAX_MEDIA = 10


def is_status_callback(fields: dict[str, str]) -> bool:
    """Whether this is news about an outbound message; an inbound text has no MessageStatus."""
    return "MessageStatus" in fields


def check_addressee(fields: dict[str, str], account: Account) -> None:
    """Raises RejectedError(403) unless the webhook is for this account and a sender of its own.

    With our Messaging Service's SID any sender of the pool may be addressed, an RCS sender too: then From is
    `rcs:+1…` and To `rcs:brand_agent`.
    """
    if fields.get("AccountSid") != account.account_sid:
        raise RejectedError("AccountSid is not the account's", status=403)
    service = fields.get("MessagingServiceSid")
    if account.messaging_service_sid is not None and service == account.messaging_service_sid:
        return
    to = fields.get("To")
    if to is None or to not in (account.from_number, account.rcs_sender):
        raise RejectedError("To is neither the account's number nor of its Messaging Service", status=403)


def parse_text(fields: dict[str, str], account_id: str, now_ms: int) -> InboundText:
    """The inbound text in the form. Raises RejectedError(400) if a field is missing or malformed."""
    sid = fields.get("MessageSid") or fields.get("SmsSid") or fields.get("SmsMessageSid")
    if not sid or len(sid) > 64 or not sid.isalnum():
        raise RejectedError("MessageSid is missing or malformed", status=400)
    try:
        sender = parse_address(fields.get("From", ""))
        recipient = parse_address(fields.get("To", ""))
    except ValueError as error:
        raise RejectedError("From or To is missing or malformed", status=400) from error
    return InboundText(
        message_sid=sid,
        account_id=account_id,
        conversation=conversation_id(account_id, sender),
        sender=sender,
        recipient=recipient,
        body=fields.get("Body", ""),
        received_ms=now_ms,
        media=_media(fields),
    )


def _media(fields: dict[str, str]) -> tuple[Media, ...]:
    count = fields.get("NumMedia", "0")
    if count == "0":
        return ()
    if not count.isascii() or not count.isdigit():
        raise RejectedError("NumMedia is no number", status=400)
    return tuple(
        Media(url=fields[f"MediaUrl{i}"], content_type=fields.get(f"MediaContentType{i}", ""))
        for i in range(min(int(count[:4]), MAX_MEDIA))
        if f"MediaUrl{i}" in fields
    )
