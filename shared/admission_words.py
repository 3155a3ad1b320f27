"""What admission may have to say or to note. Made for a whole call only (`lua/admit.lua`), since few texts need it.

Pure but for the pairing code, which is drawn.
"""

import secrets

from shared.gate import Gate, Keyword
from shared.keys import conversation_id
from shared.optout import MAX_SAID, Cause, Change
from shared.phone import can_be_texted, person_of
from shared.records import InboundText, Origin, PairingRequest, Reply, encode
from shared.texts import TextKey

PAIRING_TTL_MS = 3600 * 1000
"""How long a pairing code is valid."""

_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Upper case without 0, O, 1 and I, which people mistake for one another."""

MOST_OF_A_NAME = 40
"""Letters of a sender's name that the owner is shown: a number fits, and what strangers write there stays short."""


def new_code() -> str:
    """Eight letters, 40 bits: cannot be guessed within its hour."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))


def change(text: InboundText, keyword: Keyword, cause: Cause, now_ms: int) -> bytes:
    """The change of opt-out that STOP or START is; empty for other texts."""
    if keyword not in (Keyword.STOP, Keyword.START):
        return b""
    return encode(
        Change(
            person=person_of(text.sender),
            out=keyword is Keyword.STOP,
            at_ms=now_ms,
            cause=cause,
            said=text.body.strip()[:MAX_SAID],
            message_sid=text.message_sid,
        )
    )


_ANSWERS = {
    Keyword.STOP: (TextKey.OPTED_OUT, Origin.OPT_OUT),
    Keyword.START: (TextKey.OPTED_IN, Origin.NOTICE),
    Keyword.HELP: (TextKey.OPT_HELP, Origin.NOTICE),
}


def answer(gate: Gate, text: InboundText, keyword: Keyword, now_ms: int) -> bytes:
    """What answers a keyword, as a reply to the sender; empty if Twilio answers it."""
    if keyword is Keyword.NONE or not gate.answers_keywords:
        return b""
    key, origin = _ANSWERS[keyword]
    said = gate.texts.say(key, number=text.sender)
    return _reply(text, said, origin, now_ms)


def day_is_full(gate: Gate, text: InboundText, now_ms: int) -> bytes:
    """The notice that the day holds no more texts, as a reply to the sender; empty if days have no limit."""
    if not gate.sender_per_day:
        return b""
    said = gate.texts.say(TextKey.CAP, number=text.sender, limit=gate.sender_per_day)
    return _reply(text, said, Origin.NOTICE, now_ms)


def told_to_owner(gate: Gate, text: InboundText, code: str, now_ms: int) -> bytes:
    """The notice to the owner that the sender asks to be let in; none to the owner's own phone about itself."""
    if gate.owner is None or gate.owner == text.sender:
        return b""
    minutes = PAIRING_TTL_MS // 60_000
    said = gate.texts.say(TextKey.PAIRING_REQUEST, code=code, number=text.sender[:MOST_OF_A_NAME], minutes=minutes)
    if said is None:
        return b""
    conversation = conversation_id(text.account_id, gate.owner)
    reply = Reply(
        reply_id=f"{conversation}-request-{text.message_sid}",
        account_id=text.account_id,
        conversation=conversation,
        to=gate.owner,
        texts=(said,),
        origin=Origin.NOTICE,
        created_ms=now_ms,
    )
    return encode(reply)


def _reply(text: InboundText, said: str | None, origin: Origin, now_ms: int) -> bytes:
    """What to say to the sender; empty if there is nothing to say, or Twilio would text nobody there."""
    if said is None or not can_be_texted(text.sender):
        return b""
    reply = Reply(
        reply_id=f"{text.conversation}-{origin.value}-{text.message_sid}",
        account_id=text.account_id,
        conversation=text.conversation,
        to=text.sender,
        texts=(said,),
        origin=origin,
        created_ms=now_ms,
        in_reply_to=text.message_sid,
        received_ms=text.received_ms,
    )
    return encode(reply)


def pairing(gate: Gate, text: InboundText, code: str, now_ms: int) -> tuple[bytes, bytes]:
    """What is kept of a request to be let in, and the reply that names its code, which may be empty."""
    request = PairingRequest(
        code=code,
        account_id=text.account_id,
        conversation=text.conversation,
        sender=text.sender,
        created_ms=now_ms,
        expires_ms=now_ms + PAIRING_TTL_MS,
    )
    said = gate.texts.say(TextKey.PAIRING, code=code, number=text.sender, minutes=PAIRING_TTL_MS // 60_000)
    return encode(request), _reply(text, said, Origin.PAIRING, now_ms)
