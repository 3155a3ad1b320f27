"""Who gets no more texts: one record per account and person, and the trail of how it came about.

Enforced at four doors, each inside the script that acts: admission (`lua/admit.lua`), the API (`lua/submit.lua`),
approval (`lua/approve.lua`), and for every single part the journal entry before it is posted
(`lua/dispatch_part.lua`). Twilio keeps a list of its own, per sending number or Messaging Service; ours is per
account, which is one of the two.

Redis keys: optout, optout-trail.
"""

import time
from enum import StrEnum

import msgspec
from redis.asyncio import Redis

from shared.keys import Keys
from shared.phone import person_of
from shared.records import encode
from shared.redis_client import load_hash, load_list
from shared.scripts import Call, script


class Cause(StrEnum):
    """How it came about that a person is opted out, or in again."""

    KEYWORD = "keyword"
    """They texted a keyword."""
    OPT_OUT_TYPE = "opt-out-type"
    """Twilio's `OptOutType` said so: Advanced Opt-Out knew the word."""
    TWILIO = "twilio-21610"
    """Twilio refused a text to them: they had opted out there."""
    OPERATOR = "operator"
    """`textgate optout add|remove`."""
    UNKNOWN = "unknown"
    """Recorded by an older version."""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of one person's state; the latest one that opted them out is the state."""

    person: str
    out: bool
    at_ms: int
    cause: Cause
    said: str = ""
    """What they texted, or the operator's reason; cut."""
    message_sid: str | None = None
    """The text that they sent."""


MAX_SAID = 60

_decode = msgspec.msgpack.Decoder(Change).decode


def new_change(address: str, *, out: bool, cause: Cause, said: str = "", message_sid: str | None = None) -> Change:
    """A change that happens now."""
    return Change(
        person=person_of(address),
        out=out,
        at_ms=time.time_ns() // 1_000_000,
        cause=cause,
        said=said.strip()[:MAX_SAID],
        message_sid=message_sid,
    )


def change_opt_out(*, keys: Keys, account_id: str, change: Change) -> Call:
    """Make the change; the reply is 1, or 0 if it was so already. May be sent twice."""
    return Call(
        script("change_opt_out"),
        (keys.opted_out(account_id), keys.opt_out_trail(account_id, change.person)),
        ("out" if change.out else "in", change.person, encode(change)),
    )


async def is_opted_out(redis: Redis, keys: Keys, account_id: str, address: str) -> bool:
    """Whether nothing may be sent to them now. For saying so early: the scripts look again."""
    return bool(await redis.hexists(keys.opted_out(account_id), person_of(address)))  # type: ignore[misc]


async def list_opt_outs(redis: Redis, keys: Keys, account_id: str) -> list[Change]:
    """Everybody who is opted out, the latest last."""
    found = await load_hash(redis, keys.opted_out(account_id))
    return sorted((_change(person.decode(), raw) for person, raw in found.items()), key=lambda change: change.at_ms)


async def load_trail(redis: Redis, keys: Keys, account_id: str, address: str) -> list[Change]:
    """The latest 50 changes of one person within five years, the oldest first."""
    person = person_of(address)
    return [_change(person, raw) for raw in await load_list(redis, keys.opt_out_trail(account_id, person), 0, -1)]


def _change(person: str, raw: bytes) -> Change:
    """The stored change. Older versions kept a plain note instead: the ms and the MessageSid of the STOP."""
    try:
        return _decode(raw)
    except msgspec.DecodeError:
        at_ms, _, sid = raw.decode(errors="replace").partition(" ")
        known = at_ms.isascii() and at_ms.isdigit()
        return Change(
            person=person,
            out=True,
            at_ms=int(at_ms) if known else 0,
            cause=Cause.KEYWORD if known else Cause.UNKNOWN,
            message_sid=sid or None if known else None,
        )
