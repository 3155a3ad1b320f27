"""How far Twilio's log has been read. Times are Unix seconds, by the clock of the worker that wrote them.

Redis keys: caughtup:<account>.
"""

import msgspec
from redis.asyncio import Redis

from shared.keys import Keys
from shared.settings import Account

KEEP_S = 30 * 24 * 3600
OVERLAP_S = 600
"""How far the cursor stays behind: the list lags by seconds, and clocks differ. What is read twice was seen already."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """All texts to `sender` from `since_s` to `until_s` were admitted."""

    account_sid: str
    sender: str
    since_s: int
    """When the account was first seen; what is older is history, and never fetched."""
    until_s: int

    def is_of(self, account: Account) -> bool:
        """Whether it speaks of this account's number; another number begins anew."""
        return (self.account_sid, self.sender) == (account.account_sid, account.sender)

    def from_s(self, *, now_s: float, most_s: float) -> int:
        """Where to read on."""
        return max(self.since_s, self.until_s, int(now_s - most_s))

    def moved(self, until_s: float) -> "Cursor":
        """Further on; never back."""
        return msgspec.structs.replace(self, until_s=max(self.until_s, int(until_s)))


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Cursor).decode


def first_cursor(account: Account, now_s: float) -> Cursor:
    """For an account that is seen for the first time."""
    return Cursor(account_sid=account.account_sid, sender=account.sender, since_s=int(now_s), until_s=int(now_s))


async def load_cursor(redis: Redis, keys: Keys, account: Account) -> Cursor | None:
    """None if this account's number has not been seen yet, or not for a month."""
    raw = await redis.get(keys.caught_up(account.id))
    if raw is None:
        return None
    try:
        cursor = _decode(raw)
    except msgspec.DecodeError:
        return None
    return cursor if cursor.is_of(account) else None


async def save_cursor(redis: Redis, keys: Keys, account_id: str, cursor: Cursor) -> None:
    """Remember it; only after what it covers was confirmed."""
    await redis.set(keys.caught_up(account_id), _encode(cursor), ex=KEEP_S)
