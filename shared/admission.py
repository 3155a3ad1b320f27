"""Admission: one call that decides about an inbound message and stores it. The decision itself: `lua/admit.lua`.

Redis keys: seen, the agent and format lanes, approved, optout, optout-trail, pairing:*, rate:* (see `keys.py`).
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from msgspec.structs import astuple

from shared.admission_words import PAIRING_TTL_MS, answer, change, day_is_full, new_code, pairing, told_to_owner
from shared.gate import Gate, Keyword, LoopRule
from shared.keys import SEEN_TTL_MS, Keys, Stage, conversation_id
from shared.optout import Cause
from shared.phone import person_of
from shared.queue import lane_payload
from shared.records import InboundText, encode
from shared.scripts import Call, script


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


_NO_RULE = LoopRule(rounds=0, within_ms=0, rest_ms=0)

_More = tuple[tuple[str, ...], tuple[str | int | bytes, ...]]
"""Keys and words that stand behind those of every call."""


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
        request, invitation = pairing(gate, text, code, now_ms)
        told = told_to_owner(gate, text, code, now_ms)
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
            change(text, keyword, cause, now_ms),
            answer(gate, text, keyword, now_ms),
            day_is_full(gate, text, now_ms),
            code,
            request,
            invitation,
            gate.pairing_max_pending,
            PAIRING_TTL_MS,
            told,
            gate.owner or "",
        ),
    )
