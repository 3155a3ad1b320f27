"""Catches up on one account: reads the log since the cursor, admits what never arrived, moves the cursor on.

The cursor moves only after admission was confirmed at the configured durability. Whoever is killed in between leaves
texts that are admitted and lie behind the cursor: the next run finds them seen. Two runs at once admit each text once
and in the same order, since each goes through the list from its beginning.

Order: that of arrival here. A text that comes by its webhook while older ones are being caught up on goes before them.

Redis keys: caughtup, seen, and those of `lua/admit.lua`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from redis.asyncio import Redis

from shared.admission import commit_text
from shared.errors import TransientError
from shared.gate import gate_of, is_blocked, is_listed, unhurried
from shared.heard import decide_keyword
from shared.keys import Keys, conversation_id
from shared.logs import logger
from shared.metrics import TEXTS
from shared.records import InboundText, Media
from shared.scripts import Call
from shared.settings import Account, Settings
from workers.catching_up.cursor import OVERLAP_S, first_cursor, load_cursor, save_cursor
from workers.catching_up.decide import decide_missing
from workers.catching_up.log import Arrival, Stretch, fetch_media, fetch_stretch
from workers.probe.ask import Asker, Fetcher
from workers.probe.facts import Cause, Missing
from workers.probe.local import load_not_arrived

MOST_AT_ONCE = 500
"""Texts that one run admits; the next one follows at once."""
_LATER = (Cause.UNREACHABLE, Cause.CREDENTIALS, Cause.INACTIVE)
"""Why attachments cannot be listed now, but may be soon."""
LIMIT_S = 120.0
"""For one run. It ends between two texts, so what it did is kept."""

log = logger(__name__)


class Caught(msgspec.Struct, frozen=True, kw_only=True):
    """What one run did."""

    admitted: int = 0
    more: bool = False
    """There is more to do at once."""
    trouble: str = ""
    """Why it could not go on; it is tried again by the next run."""


class CatchUp(msgspec.Struct, frozen=True, kw_only=True):
    """What catching up needs besides the account."""

    twilio: Asker
    settings: Settings
    redis: Redis
    send: Callable[[Call], Awaitable[Any]]
    """Sends one script and waits until it is confirmed at the configured durability; raises TransientError."""

    @property
    def keys(self) -> Keys:
        """The names of our keys."""
        return Keys(self.settings.redis.prefix)


async def catch_up(desk: CatchUp, account: Account) -> Caught:
    """Once. Raises TransientError or RedisError if Redis is away; then nothing is lost."""
    now_s = time.time()
    most_s = desk.settings.workers.probe.catch_up_hours * 3600
    cursor = await load_cursor(desk.redis, desk.keys, account)
    if cursor is None:
        await save_cursor(desk.redis, desk.keys, account.id, first_cursor(account, now_s))
        return Caught()
    from_s: float = cursor.from_s(now_s=now_s, most_s=most_s)
    if cursor.until_s + OVERLAP_S < from_s:
        log.warning("texts_too_old_to_catch_up", account=account.id, hours=round((from_s - cursor.until_s) / 3600, 1))
    fetcher = Fetcher(desk.twilio, account, deadline=asyncio.get_running_loop().time() + LIMIT_S)
    settled_s = now_s - desk.settings.workers.probe.catch_up_after_s
    admitted = 0
    while from_s < settled_s:
        stretch = await fetch_stretch(fetcher, from_s=from_s, until_s=int(now_s) + 1)
        if isinstance(stretch, Missing):
            return Caught(admitted=admitted, trouble=stretch.words)
        missing = await _missing(desk, account, stretch, settled_s=settled_s)
        trouble = await _admit_all(desk, fetcher, missing[: MOST_AT_ONCE - admitted])
        if trouble:
            return Caught(admitted=admitted, trouble=trouble)
        admitted += len(missing)
        if admitted > MOST_AT_ONCE:
            return Caught(admitted=MOST_AT_ONCE, more=True)
        cursor = cursor.moved(min(stretch.until_s, settled_s, now_s - OVERLAP_S))
        await save_cursor(desk.redis, desk.keys, account.id, cursor)
        from_s = stretch.until_s
    return Caught(admitted=admitted)


async def _missing(desk: CatchUp, account: Account, stretch: Stretch, *, settled_s: float) -> list[Arrival]:
    """What is to be admitted. Younger texts are left to their webhooks, but their keywords take older ones back."""
    sids = [arrival.sid for arrival in stretch.arrivals]
    not_arrived = await load_not_arrived(desk.redis, desk.keys, account.id, sids)
    if isinstance(not_arrived, Missing):
        raise TransientError(not_arrived.words, code="redis-away")
    return [text for text in decide_missing(stretch.arrivals, not_arrived, account) if text.created_s <= settled_s]


async def _admit_all(desk: CatchUp, fetcher: Fetcher, missing: list[Arrival]) -> str:
    """One after the other: if one cannot be stored, none of those after it may be. Why it stopped, or nothing."""
    for arrival in missing:
        media = await fetch_media(fetcher, arrival)
        if isinstance(media, Missing) and media.cause in _LATER:
            return media.words
        if isinstance(media, Missing):  # deleted, or not for this key: the words still go through
            log.warning("media_not_listed", account=fetcher.account.id, message_sid=arrival.sid, reason=media.words)
            media = ()
        await _admit(desk, fetcher.account, arrival, media)
    return ""


async def _admit(desk: CatchUp, account: Account, arrival: Arrival, media: tuple[Media, ...]) -> None:
    text = InboundText(
        message_sid=arrival.sid,
        account_id=account.id,
        conversation=conversation_id(account.id, arrival.sender),
        sender=arrival.sender,
        recipient=arrival.recipient,
        body=arrival.body,
        received_ms=arrival.created_s * 1000,
        media=media,
    )
    heard = decide_keyword(arrival.fields, account)
    verdict = await commit_text(
        desk.send,
        keys=desk.keys,
        gate=unhurried(gate_of(account)),
        text=text,
        listed=is_listed(account, text.sender),
        blocked=is_blocked(account, text.sender),
        keyword=heard.keyword,
        cause=heard.cause,
        now_ms=time.time_ns() // 1_000_000,
    )
    TEXTS.inc(account.id, verdict.value)
    log.info(
        "text_caught_up",
        outcome=verdict.value,
        message_sid=text.message_sid,
        conversation=text.conversation,
        account=account.id,
        age_s=round(time.time() - arrival.created_s),
    )
