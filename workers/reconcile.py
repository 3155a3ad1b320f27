"""Finding out from Twilio whether a part in doubt was sent.

Its own status callback is the best proof and settles the part without any of this. Else Twilio's message log is
asked: to that recipient, created no earlier than the journal entry, from the sender of that entry, same body, and not
known to carry another part (that is checked when the SID is claimed, in `lua/settle_part.lua`). Not found within
`workers.outbound.inDoubtSeconds`, which is longer than a lease, a request and the lag of the list together: not sent.

Since a recipient's parts go one after another, at most one part per recipient is ever in doubt.
"""

from collections.abc import Awaitable
from datetime import timedelta
from typing import cast

from shared.errors import OutcomeUnknownError, TransientError
from shared.moments import moment
from shared.records import Part
from shared.settings import Account
from workers.messages_api import SentMessage
from workers.text.smart_encoding import transliterate
from workers.work import Environment

CLOCK_SLACK = timedelta(seconds=10)
"""Twilio's clock has whole seconds and need not agree with Redis' to the second."""

TRIAL_PREFIX = "Sent from your Twilio trial account -"
"""Without the blank behind it, which is trimmed where no words follow."""


async def find_sent(env: Environment, account: Account, part: Part, *, journaled_ms: int) -> SentMessage | None:
    """The message at Twilio that carries `part`, None if its log shows none (yet). Raises OutcomeUnknownError if Twilio
    cannot be asked: then nothing is known."""
    since = moment(journaled_ms) - CLOCK_SLACK
    if env.twilio is None:
        raise RuntimeError("this worker was started without a Twilio client")
    try:
        candidates = await env.twilio.list_sent(account, part.to, since)
    except (OutcomeUnknownError, TransientError) as error:
        raise OutcomeUnknownError(f"Twilio's log cannot be read: {error}") from error
    journaled = await cast("Awaitable[bytes | None]", env.redis.hget(env.keys.part(part.part_id), "sender"))
    sender = journaled.decode() if journaled else account.sender_to(part.to).id
    for message in reversed(candidates):
        if not same_body(message.body, part.body) or not same_sender(message, sender):
            continue
        owner = await env.redis.get(env.keys.sid(message.sid))
        if owner is None or owner.decode() == part.part_id:
            return message
    return None


def same_body(stored: str, sent: str) -> bool:
    """Twilio trims bodies, may smart-encode them, and puts words of its own before those of a trial account.

    Media are not compared: Twilio counts them late, and only media-only messages have no words.
    """
    return transliterate(stored.removeprefix(TRIAL_PREFIX)).split() == transliterate(sent).split()


def same_sender(message: SentMessage, sender: str) -> bool:
    """By number, or by the Messaging Service's SID: which number of the pool is used is Twilio's choice."""
    return sender in (message.sender, message.messaging_service_sid)
