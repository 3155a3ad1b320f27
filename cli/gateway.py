"""A gateway on this machine while it runs: Redis, the process tree, `up.json`, and what is said on the terminal.

Redis keys: none of its own. It reads the workers' health keys, and (in a sandbox) looks for foreign lanes.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from cli.banner import banner
from cli.embedded_redis import EmbeddedRedis
from cli.log_lines import prefixed
from cli.plan import Plan, children, describe_running
from cli.ports import require_free
from cli.readiness import Check, answers_200, wait_until_ready
from cli.running import remove_running, save_running
from cli.strangers import refuse_real_lanes
from cli.supervisor import Supervisor
from cli.target import needs_no_option
from cli.terminal import Paint
from cli.worker_health import worker_is_up
from shared.data_version import ensure_data_version
from shared.errors import UsageError
from shared.keys import Keys, Stage
from shared.redis_away import describe_away
from shared.redis_client import AWAY, connect

BOUNCE_S = 1.0
"""A second signal within this time is the first one come twice: by a nervous key, or a wrapper that passes it on."""

_REDIS_LOOK_S = 0.5
"""How soon a crashed Redis is noticed."""


class Gateway:
    """Runs one plan, on a state folder that the caller has locked. `run` it once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._paint = Paint.for_stdout()
        self._embedded: EmbeddedRedis | None = None
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._asked_at: float | None = None

    async def run(self) -> int:
        """Everything, until SIGINT or SIGTERM; the exit status. Raises UsageError if it cannot start."""
        with self._signals():
            try:
                async with self._redis() as redis:
                    return await self._run_on(redis)
            finally:
                remove_running(self._plan.state_dir)

    async def _run_on(self, redis: Redis) -> int:
        plan, url = self._plan, self._embedded_url
        if plan.sandbox:
            await refuse_real_lanes(redis, plan.settings.redis.prefix)
        self._require_free_ports()
        specs = children(plan, embedded_url=url)
        supervisor = Supervisor(specs, say=self._say, stop=self._stopping, hurry=self._hurrying)
        save_running(plan.state_dir, describe_running(plan, pid=os.getpid(), embedded_url=url, ready=False))
        async with self._beside(self._announce(redis, supervisor)), self._beside(self._keep_redis()):
            outcome = await supervisor.run()
        why = f": {outcome.reason}" if outcome.reason else ""
        self._say("up", "stopped" if outcome.status == 0 else f"stopped with status {outcome.status}{why}")
        return outcome.status

    async def _announce(self, redis: Redis, supervisor: Supervisor) -> None:
        plan = self._plan
        checks: dict[str, Check] = {"ingress": lambda: answers_200(f"{plan.ingress_url}/readyz")}
        if plan.sandbox:
            home = plan.sandbox
            checks["sandbox"] = lambda: answers_200(f"{home.api_base}/sandbox")
        for stage in Stage:
            checks[stage.value] = self._worker_check(redis, stage, supervisor)
        await wait_until_ready(checks, on_delay=lambda names: self._say("up", f"still waiting for: {', '.join(names)}"))
        for line in banner(plan, redis=self._redis_in_words(), state_option=self._state_option()):
            self._say("up", line)
        save_running(
            plan.state_dir, describe_running(plan, pid=os.getpid(), embedded_url=self._embedded_url, ready=True)
        )

    @contextlib.asynccontextmanager
    async def _beside(self, work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Do `work` while the block runs; if it fails, stop everything, then raise what it raised."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._stopping.set() if not done.cancelled() and done.exception() else None)
        try:
            yield
        finally:
            if not task.done():
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _worker_check(self, redis: Redis, stage: Stage, supervisor: Supervisor) -> Check:
        keys = Keys(self._plan.settings.redis.prefix)

        async def check() -> bool:
            pid = supervisor.pid_of(stage.value)
            return pid is not None and await worker_is_up(redis, keys, stage, pid)

        return check

    @contextlib.asynccontextmanager
    async def _redis(self) -> AsyncIterator[Redis]:
        """A client of the configured server, or of our own, which lives as long as this block."""
        configured = self._plan.settings.redis.url
        if configured is None:
            self._embedded = EmbeddedRedis(self._plan.state_dir)
            await asyncio.to_thread(self._embedded.start)
            if self._embedded.adopted:
                self._say("up", "adopted the Redis that an earlier `up` left behind, with everything in it")
        url = configured.reveal() if configured else self._embedded_url or ""
        redis = connect(url)
        try:
            try:
                await ensure_data_version(redis.execute_command, Keys(self._plan.settings.redis.prefix))
            except AWAY as error:
                raise UsageError(
                    f"{describe_away(error, url)}: start it, correct TEXTGATE_REDIS_URL or redis.url, or leave both "
                    "out to get one started"
                ) from error
            yield redis
        finally:
            await redis.aclose()
            if self._embedded:
                await asyncio.to_thread(self._embedded.stop)

    async def _keep_redis(self) -> None:
        """Start our Redis again if it crashes; the children wait for it and go on. Raises UsageError if it cannot."""
        while self._embedded:
            if await asyncio.to_thread(self._embedded.restart_if_gone):
                self._say("up", "Redis crashed: started again, on the data that it had written")
            await asyncio.sleep(_REDIS_LOOK_S)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means it
            signals.append(signal.SIGHUP)
        for number in signals:
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
            self._say("up", "stopping: ingress, workers, then Redis; press again to kill them")
            self._stopping.set()
        elif now - self._asked_at >= BOUNCE_S:
            self._hurrying.set()

    def _require_free_ports(self) -> None:
        ingress = self._plan.settings.ingress
        setting = "--port" if self._plan.sandbox else "ingress.port"
        require_free(ingress.host, ingress.port, setting=setting)
        if self._plan.sandbox:
            require_free("127.0.0.1", self._plan.sandbox.sandbox_port, setting="--sandbox-port")

    @property
    def _embedded_url(self) -> str | None:
        return self._embedded.url if self._embedded else None

    def _redis_in_words(self) -> str:
        if self._embedded is None:
            return "as configured"
        return f"embedded, fsync {self._embedded.appendfsync}, {self._plan.state_dir / 'redis'}"

    def _state_option(self) -> Path | None:
        """What a second terminal must give as --state-dir to find this `up`; None if it looks here anyway."""
        return None if needs_no_option(self._plan.settings, pid=os.getpid()) else self._plan.state_dir

    def _say(self, role: str, line: str) -> None:
        try:
            for text in prefixed(role, line, self._paint):
                sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except BrokenPipeError:  # `textgate up | head`: nobody reads any more, so nobody wants it to run
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._stopping.set()
