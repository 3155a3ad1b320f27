"""Admission: one call that decides about an inbound message and stores it. The decision itself: `lua/admit.lua`.

Redis keys: seen, the agent and format lanes, approved, optout, optout-trail, pairing:*, rate:* (see `keys.py`).
"""

import secrets
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import astuple

from shared.keys import SEEN_TTL_MS, Keys, Stage, conversation_id
from shared.optout import MAX_SAID, Cause, Change
from shared.phone import can_be_texted, person_of
from shared.queue import lane_payload
from shared.records import InboundText, Origin, PairingRequest, Reply, encode
from shared.scripts import Call, script
from shared.texts import TextKey, Texts

PAIRING_TTL_MS = 3600 * 1000
"""How long a pairing code is valid."""

_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Upper case without 0, O, 1 and I, which people mistake for one another."""


MOST_OF_A_NAME = 40
"""Letters of a sender's name that the owner is shown: a number fits, and what strangers write there stays short."""


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
    BLOCKED = "blocked"
    CAPPED = "capped"
    LOOPING = "looping"
    MORE_NEEDED = "more_needed"
    """No end of it: the script wants a whole call. `commit_text` makes it, and nobody else gets to see this."""


_AGENT, _FORMAT = Stage.AGENT.value, Stage.FORMAT.value
_VERDICTS = {verdict.value.encode(): verdict for verdict in Verdict}


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
    answers_keywords: bool = False
    """Textgate confirms STOP and START and answers HELP, since Twilio does not."""
    sender_per_day: int = 0
    """Texts that count as a person's in 24 hours; 0: any."""
    loop: "LoopRule | None" = None
    owner: str | None = None
    """Who is told that somebody asks to be let in."""


class LoopRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a conversation goes on like one of two machines, and how long it rests then."""

    rounds: int
    within_ms: int
    rest_ms: int


_NO_RULE = LoopRule(rounds=0, within_ms=0, rest_ms=0)


_More = tuple[tuple[str, ...], tuple[str | int | bytes, ...]]
"""Keys and words that stand behind those of every call."""


def new_code() -> str:
    """Eight letters, 40 bits: cannot be guessed within its hour."""
    return "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))


def admit(
    *,
    keys: Keys,
    gate: Gate,
    text: InboundText,
    listed: bool,
    keyword: Keyword,
    now_ms: int,
    cause: Cause = Cause.KEYWORD,
    blocked: bool = False,
    whole: bool = False,
) -> Call:
    """Decide about `text` and store it; the reply is `[verdict, earlier verdict of a duplicate]`.

    `listed`: `allowFrom` names the sender. `blocked`: `blockFrom` does, which goes before. `cause`: how the keyword was
    known. `whole`: with all that may have to be said, which few texts need; one with a keyword always is. May be sent
    twice: the second time is a duplicate.
    """
    conversation, account = text.conversation, text.account_id
    if whole or keyword is not Keyword.NONE:
        more_keys, more = _whole(keys, gate, text, listed, keyword, cause, now_ms)
    else:
        more_keys, more = _guards(keys, gate, conversation)
    return Call(
        script("admit"),
        (
            keys.seen(account, text.message_sid),
            *keys.lane(Stage.AGENT, conversation).as_tuple(),
            keys.approved(account),
            keys.opted_out(account),
            keys.sender_rate(conversation),
            keys.account_rate(account),
            *more_keys,
        ),
        (
            _AGENT,
            lane_payload(_AGENT),
            text.sender,
            gate.policy,
            "blocked" if blocked else int(listed),
            encode(text),
            keyword.value,
            gate.sender_per_minute,
            gate.account_per_minute,
            gate.debounce_ms,
            conversation,
            SEEN_TTL_MS,
            account,
            person_of(text.sender),
            *more,
        ),
    )


async def commit_text(
    send: Callable[[Call], Awaitable[Any]],
    *,
    keys: Keys,
    gate: Gate,
    text: InboundText,
    listed: bool,
    keyword: Keyword,
    now_ms: int,
    cause: Cause = Cause.KEYWORD,
    blocked: bool = False,
) -> Verdict:
    """`admit`, sent by `send` until it is decided. Raises what `send` raises; then it may be stored, or not."""
    whole = False
    while True:
        call = admit(
            keys=keys,
            gate=gate,
            text=text,
            listed=listed,
            keyword=keyword,
            cause=cause,
            blocked=blocked,
            whole=whole,
            now_ms=now_ms,
        )
        verdict = verdict_of(await send(call))
        if verdict is not Verdict.MORE_NEEDED:
            return verdict
        whole = True


def count_failure(*, keys: Keys, client: str) -> Call:
    """Count one failed signature of a client; the reply is how many it has in the current minute."""
    return Call(script("count"), (keys.failed_signatures(client),), (60_000,))


def verdict_of(reply: list[bytes]) -> Verdict:
    """The verdict in the script's reply."""
    return _VERDICTS[reply[0]]


def _guards(keys: Keys, gate: Gate, conversation: str) -> _More:
    """What a short call says of the guards: nothing of those that are off."""
    if gate.sender_per_day:
        return _all_guards(keys, gate, conversation)
    return ((), () if gate.loop is None else astuple(gate.loop))


def _all_guards(keys: Keys, gate: Gate, conversation: str) -> _More:
    return (keys.sender_day(conversation),), (*astuple(gate.loop or _NO_RULE), gate.sender_per_day)


def _whole(
    keys: Keys, gate: Gate, text: InboundText, listed: bool, keyword: Keyword, cause: Cause, now_ms: int
) -> _More:
    """What a whole call says behind a short one."""
    conversation, account = text.conversation, text.account_id
    code, request, invitation, told = "", b"", b"", b""
    if gate.policy == "pairing" and not listed:
        code = new_code()
        request, invitation = _pairing(gate, text, code, now_ms)
        told = _told_to_owner(gate, text, code, now_ms)
    owner = keys.lane(Stage.FORMAT, conversation_id(account, gate.owner)).as_tuple() if told and gate.owner else ()
    guard_keys, guards = _all_guards(keys, gate, conversation)
    return (
        (
            *guard_keys,
            keys.opt_out_trail(account, person_of(text.sender)),
            *keys.lane(Stage.FORMAT, conversation).beside(),
            keys.pairing_sender(conversation),
            keys.pairing_pending(account),
            keys.pairing_code(code),
            *owner,
        ),
        (
            *guards,
            _FORMAT,
            lane_payload(_FORMAT),
            _change(text, keyword, cause, now_ms),
            _answer(gate, text, keyword, now_ms),
            _day_is_full(gate, text, now_ms),
            code,
            request,
            invitation,
            gate.pairing_max_pending,
            PAIRING_TTL_MS,
            told,
            gate.owner or "",
        ),
    )


def _change(text: InboundText, keyword: Keyword, cause: Cause, now_ms: int) -> bytes:
    if keyword not in (Keyword.STOP, Keyword.START):
        return b""
    change = Change(
        person=person_of(text.sender),
        out=keyword is Keyword.STOP,
        at_ms=now_ms,
        cause=cause,
        said=text.body.strip()[:MAX_SAID],
        message_sid=text.message_sid,
    )
    return encode(change)


_ANSWERS = {
    Keyword.STOP: (TextKey.OPTED_OUT, Origin.OPT_OUT),
    Keyword.START: (TextKey.OPTED_IN, Origin.NOTICE),
    Keyword.HELP: (TextKey.OPT_HELP, Origin.NOTICE),
}


def _answer(gate: Gate, text: InboundText, keyword: Keyword, now_ms: int) -> bytes:
    if keyword is Keyword.NONE or not gate.answers_keywords:
        return b""
    key, origin = _ANSWERS[keyword]
    said = gate.texts.say(key, number=text.sender)
    return _reply(text, said, origin, now_ms)


def _day_is_full(gate: Gate, text: InboundText, now_ms: int) -> bytes:
    if not gate.sender_per_day:
        return b""
    said = gate.texts.say(TextKey.CAP, number=text.sender, limit=gate.sender_per_day)
    return _reply(text, said, Origin.NOTICE, now_ms)


def _told_to_owner(gate: Gate, text: InboundText, code: str, now_ms: int) -> bytes:
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
    return encode(request), _reply(text, said, Origin.PAIRING, now_ms)
