"""Where the command line keeps what stood at Twilio before a repair: a 0600 file under `state.dir`, and Redis if it is
there. Either one is enough to take the repair back.

Redis keys: beforefix:<account>.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cli.state_dir import make_private, write_private

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from shared.keys import Keys
    from workers.probe.saved import SavedFix, SavedFixes

_FOLDER = "before-fix"


class FixStore:
    """The memory of one account's repairs."""

    def __init__(self, state_dir: Path, account_id: str, redis: "Redis | None", keys: "Keys") -> None:
        self.file = state_dir / _FOLDER / f"{account_id}.json"
        self._account_id = account_id
        self._redis = redis
        self._keys = keys

    async def load(self) -> "tuple[SavedFix, ...]":
        """All that either place remembers, oldest first."""
        fixes = {fix.at_ms: fix for saved in (await self._in_redis(), self._in_file()) for fix in saved.fixes}
        return tuple(fixes[at_ms] for at_ms in sorted(fixes))

    async def add(self, fix: "SavedFix") -> None:
        """Remember one more. Raises UsageError if the file cannot be written: nothing may be changed then."""
        await self._save(self._in_file().added(fix), (await self._in_redis()).added(fix))

    async def remove(self, fix: "SavedFix") -> None:
        """Forget one that was taken back."""
        await self._save(self._in_file().without(fix.at_ms), (await self._in_redis()).without(fix.at_ms))

    async def _save(self, in_file: "SavedFixes", in_redis: "SavedFixes") -> None:
        from shared.redis_client import AWAY
        from workers.probe.saved import encode_fixes, save_fixes

        make_private(self.file.parent)
        write_private(self.file, msgspec.json.format(encode_fixes(in_file)).decode() + "\n")
        if self._redis is not None:
            try:
                await save_fixes(self._redis, self._keys, self._account_id, in_redis)
            except AWAY:
                return  # the file has it

    async def _in_redis(self) -> "SavedFixes":
        from shared.redis_client import AWAY
        from workers.probe.saved import SavedFixes, load_fixes

        if self._redis is None:
            return SavedFixes()
        try:
            return await load_fixes(self._redis, self._keys, self._account_id)
        except AWAY:
            return SavedFixes()

    def _in_file(self) -> "SavedFixes":
        from workers.probe.saved import SavedFixes, decode_fixes

        try:
            return decode_fixes(self.file.read_bytes())
        except (OSError, msgspec.DecodeError):
            return SavedFixes()
