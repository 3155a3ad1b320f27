"""Admission: one call that decides about an inbound message and stores it. The decision itself: `lua/admit.lua`.

Redis keys: seen, the agent and format lanes, approved, optout, pairing:*, rate:* (see `keys.py`).
"""

import secrets
from enum import StrEnum

import msgspec

from shared.keys import SEEN_TTL_MS, Keys, Stage
from shared.queue import lane_payload
from shared.records import InboundText, Origin, PairingRequest, Reply, encode
from shared.scripts import Call, script
from shared.texts import TextKey, Texts

PAIRING_TTL_MS = 3600 * 1000
"""How long a pairing code is valid."""

_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Upper case without 0, O, 1 and I, which people mistake for one another."""


class Verdict(StrEnum):
    """What became of an inbound message."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    THROTTLED = "throttled"
    DISABLED = "disabled"
    NOT_ALLOWED = "not_allowed"
    PAIRING_REQUESTED = "pairing_requested"
    PAIRING_PENDING = "pairing_pending"
    PAIRING_FULL = "pairing_full"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    OPTED_OUT = "opted_out"
    HELP = "help"
    CODE_TAKEN = "code_taken"


class Keyword(StrEnum):
    """What a message means besides its text: Twilio acts on these by itself."""

    NONE = ""
    STOP = "stop"
    START = "start"
    HELP = "help"


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """The account's rules as admission applies them; made once per configuration, not per message."""

    policy: str
    sender_per_minute: int
    account_per_minute: int
    pairing_max_pending: int
    debounce_ms: int
    texts: Texts = Texts()


def new_code() -> str:
    """Eight letters, 40 bits: cannot be guessed within its hour."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))


def admit(*, keys: Keys, gate: Gate, text: InboundText, listed: bool, keyword: Keyword, now_ms: int) -> Call:
    """Decide about `text` and store it; the reply is `[verdict, earlier verdict of a duplicate]`.

    `listed`: `allowFrom` names the sender. May be sent twice: the second time is a duplicate.
    """
    conversation, account = text.conversation, text.account_id
    code, request, reply = "", b"", b""
    if gate.policy == "pairing" and not listed:
        code = new_code()
        request, reply = _pairing(gate, text, code, now_ms)
    return Call(
        script("admit"),
        (
            keys.seen(account, text.message_sid),
            *keys.lane(Stage.AGENT, conversation).as_tuple(),
            *keys.lane(Stage.FORMAT, conversation).as_tuple(),
            keys.approved(account),
            keys.opted_out(account),
            keys.pairing_sender(conversation),
            keys.pairing_code(code),
            keys.pairing_pending(account),
            keys.sender_rate(conversation),
            keys.account_rate(account),
        ),
        (
            Stage.AGENT.value,
            lane_payload(Stage.AGENT.value),
            Stage.FORMAT.value,
            lane_payload(Stage.FORMAT.value),
            text.sender,
            gate.policy,
            int(listed),
            encode(text),
            keyword.value,
            gate.sender_per_minute,
            gate.account_per_minute,
            code,
            request,
            reply,
            gate.pairing_max_pending,
            PAIRING_TTL_MS,
            gate.debounce_ms,
            f"{now_ms} {text.message_sid}",
            conversation,
            SEEN_TTL_MS,
            account,
        ),
    )


def count_failure(*, keys: Keys, client: str) -> Call:
    """Count one failed signature of a client; the reply is how many it has in the current minute."""
    return Call(script("count"), (keys.failed_signatures(client),), (60_000,))


def verdict_of(reply: list[bytes]) -> Verdict:
    """The verdict in the script's reply."""
    return Verdict(reply[0].decode())


def _pairing(gate: Gate, text: InboundText, code: str, now_ms: int) -> tuple[bytes, bytes]:
    request = PairingRequest(
        code=code,
        account_id=text.account_id,
        conversation=text.conversation,
        sender=text.sender,
        created_ms=now_ms,
        expires_ms=now_ms + PAIRING_TTL_MS,
    )
    said = gate.texts.say(TextKey.PAIRING, code=code, number=text.sender, minutes=PAIRING_TTL_MS // 60_000)
    if said is None:
        return encode(request), b""
    reply = Reply(
        reply_id=f"{text.conversation}-pairing-{text.message_sid}",
        account_id=text.account_id,
        conversation=text.conversation,
        to=text.sender,
        texts=(said,),
        origin=Origin.PAIRING,
        created_ms=now_ms,
        in_reply_to=text.message_sid,
        received_ms=text.received_ms,
    )
    return encode(request), encode(reply)
