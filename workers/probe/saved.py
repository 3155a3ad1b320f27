"""What stood at Twilio before a repair, kept so that it can be taken back. May hold a URL with a password: show it by
`hide_user` only.

Redis keys: beforefix:<account> (one writer at a time: a person at the command line or at the console).
"""

import msgspec
from redis.asyncio import Redis

from shared.keys import Keys
from workers.probe.repair import Change

KEEP_S = 90 * 24 * 3600
MOST_FIXES = 10
"""Repairs of one account that are remembered; the oldest are forgotten first."""


class SavedFix(msgspec.Struct, frozen=True, kw_only=True):
    """One repair: the changes with their exact old values."""

    account_sid: str
    at_ms: int
    changes: tuple[Change, ...]


class SavedFixes(msgspec.Struct, frozen=True, kw_only=True):
    """The repairs of one account, oldest first."""

    fixes: tuple[SavedFix, ...] = ()

    def added(self, fix: SavedFix) -> "SavedFixes":
        """With one more."""
        return SavedFixes(fixes=(*self.fixes, fix)[-MOST_FIXES:])

    def without(self, at_ms: int) -> "SavedFixes":
        """Without the one of that moment."""
        return SavedFixes(fixes=tuple(fix for fix in self.fixes if fix.at_ms != at_ms))


encode_fixes = msgspec.json.Encoder().encode
decode_fixes = msgspec.json.Decoder(SavedFixes).decode


async def load_fixes(redis: Redis, keys: Keys, account_id: str) -> SavedFixes:
    """What Redis remembers; nothing if it is unreadable."""
    raw = await redis.get(keys.before_fix(account_id))
    try:
        return SavedFixes() if raw is None else decode_fixes(raw)
    except msgspec.DecodeError:
        return SavedFixes()


async def save_fixes(redis: Redis, keys: Keys, account_id: str, fixes: SavedFixes) -> None:
    """Remember these instead."""
    await redis.set(keys.before_fix(account_id), encode_fixes(fixes), ex=KEEP_S)
