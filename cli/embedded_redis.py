"""A real Redis (or Valkey) server for one machine: started, adopted and stopped by its owner.

Everything lies in `<state>/redis/`: `data/` (append-only file, fsynced at every write), `redis.log`, `pid` (written
by the server), `socket` (where its socket is) and two locks. `owner.lock` is held by the process that uses this
class, so two owners cannot share a folder. `server.lock` is inherited by the server itself, so it tells whether a
server lives on this data, whatever happened to the one who started it: a server orphaned by a killed owner is
adopted, and two servers never write one append-only file.

The server listens on a unix socket in a 0700 folder and on no port.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

from cli.redis_binary import find_server, server_flags
from cli.redis_ping import answers, last_line
from cli.socket_path import choose_socket, remove_socket
from cli.state_dir import make_private, try_lock, write_private
from shared.errors import UsageError

START_LIMIT_S = 20.0
ORPHAN_LIMIT_S = 3.0
STOP_LIMIT_S = 15.0
_RETRY_S = 0.01


class EmbeddedRedis:
    """One server on one state folder. `start` returns when it answers; `stop` when it is gone and all is on disk."""

    def __init__(self, state_dir: Path, *, appendfsync: str = "always") -> None:
        self._dir = state_dir / "redis"
        self.appendfsync = appendfsync
        self._turn = threading.Lock()
        """`restart_if_gone` and `stop` may come from different threads."""
        self._owner_lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: Path | None = None
        self.adopted = False
        """Whether the server was left behind by an owner that was killed."""

    @property
    def url(self) -> str:
        """`unix://…`, as redis-py takes it. Only after `start`."""
        if self._socket is None:
            raise RuntimeError("the server was not started")
        return f"unix://{quote(os.fspath(self._socket))}"

    @property
    def pid(self) -> int:
        """Process id of the server. Only while it runs."""
        return int((self._dir / "pid").read_text())

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self._dir / "redis.log"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Adopt the server that lives on this data, else start one. Raises UsageError with the next step."""
        for folder in (self._dir.parent, self._dir, self._dir / "data"):
            make_private(folder)
        self._owner_lock = try_lock(self._dir / "owner.lock")
        if self._owner_lock is None:
            raise UsageError(
                f"another textgate uses {self._dir.parent}: stop it first, or choose another folder with --state-dir"
            )
        try:
            self._adopt_or_spawn()
        except BaseException:
            self.stop()
            raise
        return self

    def restart_if_gone(self) -> bool:
        """Start the server again, on the same socket, if it has crashed; whether it had to. Never after `stop`."""
        with self._turn:
            lock = None if self._socket is None else try_lock(self._dir / "server.lock")
            if lock is None:
                return False
            self._spawn_and_wait(lock)
            return True

    def wait_gone(self) -> bool:
        """Wait until the server has ended by itself; False if it still lives after a while."""
        return self._gone(limit_s=STOP_LIMIT_S)

    def stop(self) -> None:
        """Ask the server to write everything and leave; kill it if it does not. Does nothing if it never ran."""
        with self._turn:
            if self._owner_lock is None:
                return
            if self._socket is not None:
                self._end_server()
                remove_socket(self._socket)
                (self._dir / "socket").unlink(missing_ok=True)
                self._socket = None
            os.close(self._owner_lock)
            self._owner_lock = None

    def _adopt_or_spawn(self) -> None:
        lock = try_lock(self._dir / "server.lock")
        if lock is None and self._adopt():
            return
        if lock is None:  # alive, but not to be reached: its socket was removed, or it hangs
            self._end_server()
            lock = try_lock(self._dir / "server.lock")
            if lock is None:
                raise UsageError(f"a Redis server holds {self._dir} and does not answer; see {self.log}")
        self._spawn_and_wait(lock)

    def _adopt(self) -> bool:
        recorded = self._dir / "socket"
        if not recorded.exists():
            return False
        path = Path(recorded.read_text())
        if not answers(path, limit_s=ORPHAN_LIMIT_S, alive=self._is_alive):
            return False
        self._socket, self.adopted = path, True
        return True

    def _spawn_and_wait(self, lock: int) -> None:
        """`lock` is the server's: it lives on in the server alone."""
        path = self._socket = self._socket or choose_socket(self._dir, os.environ)
        try:
            self._process = self._spawn(path, lock)
        finally:
            os.close(lock)
        if not answers(path, limit_s=START_LIMIT_S, alive=self._is_alive):
            raise UsageError(f"the Redis server did not start: {last_line(self.log)}; see {self.log}")

    def _spawn(self, path: Path, lock: int) -> subprocess.Popen[bytes]:
        path.unlink(missing_ok=True)
        (self._dir / "pid").unlink(missing_ok=True)
        write_private(self._dir / "socket", os.fspath(path))
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own arguments
                [os.fspath(find_server()), *server_flags(socket=path, folder=self._dir, appendfsync=self.appendfsync)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"LC_ALL": "C"},  # none of our secrets, and no locale that the server might refuse
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C is for the owner, who stops the server last
            )

    def _end_server(self) -> None:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if not self._is_alive():  # its process id may be somebody else's by now
                return
            with contextlib.suppress(ProcessLookupError, FileNotFoundError, ValueError):
                if self._process is not None:
                    self._process.send_signal(sign)
                else:
                    os.kill(self.pid, sign)
            if self._gone(limit_s=STOP_LIMIT_S):
                return

    def _is_alive(self) -> bool:
        """Whether some process holds the server's lock."""
        if self._process is not None and self._process.poll() is not None:
            return False
        lock = try_lock(self._dir / "server.lock")
        if lock is not None:
            os.close(lock)
        return lock is None

    def _gone(self, *, limit_s: float) -> bool:
        """Whether no process holds the server's lock any more, within the limit."""
        deadline = time.monotonic() + limit_s
        while (lock := try_lock(self._dir / "server.lock")) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_RETRY_S)
        os.close(lock)
        if self._process is not None:
            self._process.wait(limit_s)
            self._process = None
        return True
