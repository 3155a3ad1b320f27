"""A gateway on this machine while it runs: Redis, the process tree, `up.json`, and what is said on the terminal.

Redis keys: none of its own. It reads the workers' health keys, and (in a sandbox) looks for foreign lanes.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from redis.asyncio import Redis

from cli.banner import banner
from cli.embedded_redis import EmbeddedRedis
from cli.log_lines import prefixed
from cli.options import Common
from cli.plan import Plan, children, describe_running
from cli.ports import require_free
from cli.readiness import Check, answers_200, wait_until_ready
from cli.running import remove_running, save_running
from cli.state_dir import make_private, try_lock
from cli.strangers import refuse_real_lanes
from cli.supervisor import Supervisor
from cli.target import needs_no_option
from cli.terminal import Paint
from cli.worker_health import worker_is_up
from shared.errors import UsageError
from shared.keys import Keys, Stage
from shared.redis_client import AWAY, connect

_REDIS_LOOK_S = 0.5
"""How soon a crashed Redis is noticed."""


class Gateway:
    """Runs one plan. Make it inside or outside an event loop; `run` it once."""

    def __init__(self, plan: Plan, said: Common) -> None:
        self._plan = plan
        self._said = said
        self._paint = Paint.for_stdout()
        self._embedded: EmbeddedRedis | None = None
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()

    async def run(self) -> int:
        """Everything, until SIGINT or SIGTERM; the exit status. Raises UsageError if it cannot start."""
        with self._signals(), self._locked():
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
        announcing = asyncio.create_task(self._announce(redis, supervisor))
        watching = asyncio.create_task(self._keep_redis())
        outcome = await supervisor.run()
        announcing.cancel()
        await asyncio.gather(announcing, watching, return_exceptions=True)
        self._say("up", "stopped" if outcome.status == 0 else f"stopped with status {outcome.status}")
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
        redis = connect(configured.reveal() if configured else self._embedded_url or "")
        try:
            try:
                await redis.ping()
            except AWAY as error:
                raise UsageError(
                    f"Redis does not answer ({type(error).__name__}): start it, correct TEXTGATE_REDIS_URL or "
                    "redis.url, or leave both out to get one started"
                ) from error
            yield redis
        finally:
            await redis.aclose()
            if self._embedded:
                await asyncio.to_thread(self._embedded.stop)

    async def _keep_redis(self) -> None:
        """Start our Redis again if it crashes; the children wait for it and go on."""
        while self._embedded and not self._stopping.is_set():
            try:
                if await asyncio.to_thread(self._embedded.restart_if_gone):
                    self._say("up", "Redis crashed: started again, on the data that it had written")
            except UsageError as error:
                self._say("up", f"{error}: stopping everything")
                self._stopping.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REDIS_LOOK_S):
                    await self._stopping.wait()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in signals:
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            self._hurrying.set()
            return
        self._say("up", "stopping: ingress, workers, then Redis (once more to not wait)")
        self._stopping.set()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        folder = make_private(self._plan.state_dir)
        lock = try_lock(folder / "up.lock")
        if lock is None:
            raise UsageError(f"`textgate up` already runs on {folder}: stop it, or choose another with --state-dir")
        try:
            yield
        finally:
            os.close(lock)

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
        return f"embedded, {self._plan.state_dir / 'redis'}" if self._embedded else "as configured"

    def _state_option(self) -> Path | None:
        """What a second terminal must give as --state-dir to find this `up`; None if it looks here anyway."""
        folder = self._plan.state_dir.parent if self._plan.sandbox else self._plan.state_dir
        return None if needs_no_option(self._plan.settings, pid=os.getpid()) else folder

    def _say(self, role: str, line: str) -> None:
        try:
            for text in prefixed(role, line, self._paint):
                sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except BrokenPipeError:  # `textgate up | head`: nobody reads any more, so nobody wants it to run
            self._stopping.set()
