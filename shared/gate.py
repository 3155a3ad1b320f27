"""An account's rules as admission applies them, made from the settings. Pure."""

from enum import StrEnum

import msgspec

from shared.phone import person_of
from shared.settings import Account
from shared.texts import Texts


class Keyword(StrEnum):
    """What a message means besides its text: Twilio acts on these by itself."""

    NONE = ""
    STOP = "stop"
    START = "start"
    HELP = "help"


class LoopRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a conversation goes on like one of two machines, and how long it rests then."""

    rounds: int
    within_ms: int
    rest_ms: int


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
    loop: LoopRule | None = None
    owner: str | None = None
    """Who is told that somebody asks to be let in."""


def unhurried(gate: Gate) -> Gate:
    """The same rules without those about haste: texts of hours arrive at once when they are caught up on."""
    return msgspec.structs.replace(gate, sender_per_minute=0, account_per_minute=0, loop=None)


def is_listed(account: Account, sender: str) -> bool:
    """Whether `allowFrom` lets this sender in."""
    return account.allow_all or sender in account.allow_from


def is_blocked(account: Account, sender: str) -> bool:
    """Whether `blockFrom` keeps this sender out."""
    return bool(account.block_from) and not account.block_from.isdisjoint((sender, person_of(sender)))


def gate_of(account: Account) -> Gate:
    """The rules for a text that Twilio posts."""
    return Gate(
        policy=account.dm_policy.value,
        sender_per_minute=account.rate_limits.per_sender_per_minute,
        account_per_minute=account.rate_limits.per_account_per_minute,
        pairing_max_pending=account.pairing_max_pending,
        debounce_ms=account.agent.debounce_ms,
        texts=account.texts,
        answers_keywords=account.opt_out.reply,
        sender_per_day=account.rate_limits.per_sender_per_day,
        loop=_loop_rule(account),
        owner=account.pairing_notify,
    )


def _loop_rule(account: Account) -> LoopRule | None:
    guard = account.loop_guard
    if not account.loop_rounds:
        return None
    return LoopRule(
        rounds=account.loop_rounds, within_ms=int(guard.within_s * 1000), rest_ms=int(guard.rest_min * 60_000)
    )
