"""Hot reload: a running process notices a changed configuration or secret file and takes over what it may.

Accounts, policies, tokens and agent settings take effect at once. What a process is built on (Redis, ports, state
folder, concurrency) needs a restart and is named in a warning. A file that is refused changes nothing: the reason is
logged, and the old settings stay in force.

Files are looked at twice a second: it works on every file system and through the symbolic links of mounted secrets,
and costs two `stat` calls.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from shared.errors import TextgateError
from shared.logs import logger
from shared.settings import Settings, load_settings
from shared.settings_overrides import with_overrides

LOOK_EVERY_S = 0.5

NEEDS_RESTART = ("redis", "ingress", "workers", "console", "metrics", "logs", "state_dir", "twilio_api_base")
"""Fields of `Settings` that a running process was built on."""

log = logger(__name__)

Fingerprint = tuple[tuple[str, int, int, int], ...]


class SettingsWatcher:
    """Keeps one process' settings up to date. `apply` takes over new settings, and may refuse with TextgateError."""

    def __init__(
        self, running: Settings, *, apply: Callable[[Settings], None], environ: Mapping[str, str] = os.environ
    ) -> None:
        self._running = running
        self._apply = apply
        self._environ = environ
        self._loaded = running
        self._seen = fingerprint(running)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> bool:
        """Look once; whether new settings were taken over."""
        now = fingerprint(self._loaded)
        if now == self._seen:
            return False
        self._seen = now
        try:
            # In a thread: a SecretRef may run a command, and requests go on meanwhile.
            loaded = await asyncio.to_thread(load_settings, self._loaded.source, self._environ)
            return self._take_over(with_overrides(loaded, self._running.overrides), now)
        except TextgateError as error:
            log.error("configuration_refused", reason=str(error), consequence="the old settings stay in force")
        except Exception:
            log.exception("configuration_refused", consequence="the old settings stay in force")
        return False

    def _take_over(self, loaded: Settings, before: Fingerprint) -> bool:
        late = [name for name in NEEDS_RESTART if getattr(loaded, name) != getattr(self._loaded, name)]
        fresh = msgspec.structs.replace(loaded, **{name: getattr(self._running, name) for name in NEEDS_RESTART})
        if late:
            log.warning("configuration_needs_restart", settings=late)
        changed = fresh != self._running
        if changed:
            self._apply(fresh)
            self._running = fresh
            log.info("configuration_reloaded", source=str(fresh.source), accounts=list(fresh.accounts))
            for warning in fresh.warnings:
                log.warning(warning)
        self._loaded = loaded
        # As the files were before they were read: one that changed meanwhile must count as changed at the next look.
        read = {entry[0]: entry for entry in before}
        self._seen = tuple(read.get(entry[0], entry) for entry in fingerprint(loaded))
        return changed


def fingerprint(settings: Settings) -> Fingerprint:
    """What changes when the configuration file or a secret file does; a missing file counts too."""
    files = sorted({*settings.secret_files, *([settings.source] if settings.source else [])})
    return tuple(_stat(file) for file in files)


def _stat(file: Path) -> tuple[str, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (str(file), 0, 0, 0)
    return (str(file), found.st_mtime_ns, found.st_size, found.st_ino)
