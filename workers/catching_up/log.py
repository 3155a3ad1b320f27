"""Twilio's log of inbound texts, read oldest first. Reads only.

HTTP: Messages, and Media of a message that says it has some. Twilio lists the newest first and in pages, so a stretch
of time that holds too many is halved until it fits: whatever was lost, its oldest part is read first.
Source: twilio.com/docs/messaging/api/message-resource, twilio.com/docs/messaging/api/media-resource. `DateSent` of an
inbound text is when Twilio got it.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.phone import Address, parse_address
from shared.records import Media
from shared.settings import Account
from workers.probe.ask import Fetcher
from workers.probe.facts import Known, Missing

MOST_LISTED = 5000
"""Messages in one stretch: a few megabytes of memory."""
MAX_MEDIA = 10
_MEDIA_HOST = "https://api.twilio.com"


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One inbound text as the log shows it."""

    sid: str
    sender: Address
    recipient: Address
    body: str
    created_s: int
    media_count: int

    @property
    def fields(self) -> dict[str, str]:
        """As the webhook would have named them, as far as they say what the text means."""
        return {"Body": self.body, "From": self.sender, "To": self.recipient}


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """The inbound texts of an account from the time that was asked for to `until_s`, oldest first."""

    arrivals: tuple[Arrival, ...]
    until_s: float


async def fetch_stretch(fetcher: Fetcher, *, from_s: float, until_s: float, most: int = MOST_LISTED) -> Known[Stretch]:
    """As much of that time as holds fewer than `most` messages, from its beginning."""
    while True:
        found = await fetcher.ask(_question(fetcher.account, from_s, until_s, most))
        if isinstance(found, Missing):
            return found
        listed, arrivals = found
        if listed < most or until_s - from_s <= 1:
            return Stretch(arrivals=arrivals, until_s=until_s)
        until_s = int((from_s + until_s) / 2)


async def fetch_media(fetcher: Fetcher, arrival: Arrival) -> Known[tuple[Media, ...]]:
    """Its attachments, with the addresses that the webhook would have named. Asks only if there are any."""
    if not arrival.media_count:
        return ()
    sid, account_sid = arrival.sid, fetcher.account.account_sid

    async def question(client: Any) -> tuple[Media, ...]:
        listed = await client.messages(sid).media.list_async(limit=MAX_MEDIA, page_size=MAX_MEDIA)
        path = f"{_MEDIA_HOST}/2010-04-01/Accounts/{account_sid}/Messages/{sid}/Media"
        return tuple(Media(url=f"{path}/{each.sid}", content_type=str(each.content_type or "")) for each in listed)

    return await fetcher.ask(question)


def _question(account: Account, from_s: float, until_s: float, most: int) -> Any:
    only = {"to": account.from_number} if account.from_number else {}

    async def ask(client: Any) -> tuple[int, tuple[Arrival, ...]]:
        messages = await client.messages.list_async(
            date_sent_after=datetime.fromtimestamp(from_s, UTC),
            date_sent_before=datetime.fromtimestamp(until_s, UTC),
            limit=most,
            page_size=min(most, 1000),
            **only,
        )
        # The list is newest first, and its times are whole seconds: its own order tells who was first within one.
        found = [arrival for message in reversed(messages) if (arrival := _arrival(message, account)) is not None]
        return len(messages), tuple(sorted(found, key=lambda arrival: arrival.created_s))

    return ask


def _arrival(message: Any, account: Account) -> Arrival | None:
    """None for what is not an inbound text to this account, or has no address that the webhook would have taken."""
    is_ours = account.from_number or message.messaging_service_sid == account.messaging_service_sid
    if str(message.direction) != "inbound" or not is_ours or message.date_created is None:
        return None
    try:
        sender, recipient = parse_address(str(message.from_)), parse_address(str(message.to))
    except ValueError:
        return None
    return Arrival(
        sid=str(message.sid),
        sender=sender,
        recipient=recipient,
        body=str(message.body or "").encode(errors="replace").decode(),  # JSON may hold half a surrogate pair
        created_s=int(message.date_created.timestamp()),
        media_count=int(message.num_media or 0),
    )
