"""Turns whose answer may come later, by the API: the record that says to whom it goes, and that it is taken once.

States and who moves them: `lua/open_turn.lua`. Redis keys: turn; conversation (read).
"""

from enum import StrEnum

import msgspec
from redis.asyncio import Redis

from shared.keys import Keys, Stage
from shared.redis_client import load_hash
from shared.scripts import Call, script


class TurnState(StrEnum):
    """What became of a turn's record. Meanings: `lua/open_turn.lua`."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"
    FENCED = "fenced"


class OpenTurn(msgspec.Struct, frozen=True, kw_only=True):
    """To whom the answer to a turn goes."""

    account: str
    conversation: str
    to: str
    message_sid: str
    """Of the newest text that is answered."""
    received_ms: int
    """When that text came."""


def open_turn(*, keys: Keys, turn: str, about: OpenTurn, ttl_ms: int) -> Call:
    """The turn's agent is asked now; read the reply with `TurnState`. May be sent twice."""
    fields = [word for name, value in msgspec.structs.asdict(about).items() for word in (name, str(value))]
    return Call(
        script("open_turn"),
        (keys.conversation(about.conversation), keys.turn(f"{about.conversation}-{turn}")),
        (Stage.AGENT.value, turn, ttl_ms, *fields),
    )


def close_turn(*, keys: Keys, conversation: str, turn: str) -> Call:
    """The turn says something itself now, or is given up; read the reply with `TurnState`. May be sent twice."""
    return Call(
        script("close_turn"),
        (keys.conversation(conversation), keys.turn(f"{conversation}-{turn}")),
        (Stage.AGENT.value, turn),
    )


async def load_open_turn(redis: Redis, keys: Keys, turn_key: str) -> OpenTurn | None:
    """To whom the answer goes; None for a turn that is unknown, or whose time is over."""
    stored = await load_hash(redis, keys.turn(turn_key))
    if not stored:
        return None
    return msgspec.convert({name.decode(): value.decode() for name, value in stored.items()}, OpenTurn, strict=False)
