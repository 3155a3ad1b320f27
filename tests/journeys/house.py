"""A whole gateway as it runs in production, for one test: real processes, a real Redis, and the stand-in for Twilio.

Nothing in here is a double but the sandbox. Processes are started with the very commands of a deployment and can be
killed one by one. Waiting is always for a fact, with a limit.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from cli.embedded_redis import EmbeddedRedis
from cli.ports import free_ports
from cli.readiness import answers_200
from sandbox.config import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, DEFAULT_NUMBER, default_config
from sandbox.inbound import post_webhook, receive
from sandbox.message import Direction, Message, Status
from sandbox.server import RunningSandbox, serve
from shared.keys import Keys, Stage
from shared.redis_client import connect

LIMIT_S = 30.0
"""How long any fact may take before the test fails; far more than it takes."""

OURS = DEFAULT_NUMBER
STAGES = tuple(stage.value for stage in Stage)


class House:
    """One running gateway."""

    def __init__(self, folder: Path, redis_server: EmbeddedRedis, sandbox: RunningSandbox, port: int) -> None:
        self.folder = folder
        self.redis_server = redis_server
        self.sandbox = sandbox
        self.port = port
        self.keys = Keys("journey:")
        self.redis: Redis = connect(redis_server.url)
        self.extra_environ: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.config: dict[str, Any] = {
            "channels": {
                "sms": {
                    "accountSid": DEFAULT_ACCOUNT_SID,
                    "authToken": DEFAULT_AUTH_TOKEN,
                    "fromNumber": OURS,
                    "publicWebhookUrl": f"{self.url}/webhooks/sms",
                    "dmPolicy": "pairing",
                    "segmentsPerSecond": 0,
                    "rateLimits": {"perSenderPerMinute": 0, "perAccountPerMinute": 0},
                }
            },
            "redis": {"prefix": "journey:"},
            "ingress": {"port": port},
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "TEXTGATE_CONFIG": str(self.folder / "textgate.json5"),
            "TEXTGATE_REDIS_URL": self.redis_server.url,
            "TEXTGATE_TWILIO_API_BASE": self.sandbox.base_url,
            **self.extra_environ,
        }

    def open_door(self) -> None:
        """Let everybody in; for journeys that are not about pairing."""
        self.config["channels"]["sms"] |= {"dmPolicy": "open", "allowFrom": ["*"]}

    async def start(self, *names: str) -> None:
        """Start `ingress` and the workers (or only those named) and wait until each has reported for work."""
        self.write_config()
        for name in names or ("ingress", *STAGES):
            self.spawn(name)
        await self.until(self.is_up)

    def write_config(self) -> None:
        """What the processes read; `start` does it too."""
        (self.folder / "textgate.json5").write_text(json.dumps(self.config))

    def spawn(self, name: str, command: tuple[str, ...] = ()) -> None:
        """Start one process; `agent-2` is a second agent worker."""
        role = name.partition("-")[0]
        words = command or ((role,) if role == "ingress" else ("worker", role))
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "cli.main", *words],
                stdout=log,
                stderr=log,
                env=self.environ,
                cwd=self.folder,
            )

    async def is_up(self) -> bool:
        for name, process in self.processes.items():
            assert process.poll() is None, f"{name} ended with {process.returncode}:\n{self.log(name)}"
        if any(name.startswith("ingress") for name in self.processes) and not await answers_200(f"{self.url}/readyz"):
            return False
        workers = [name for name in self.processes if not name.startswith("ingress")]
        healthy = {key async for key in self.redis.scan_iter(match=f"{self.keys.prefix}queue:*:health:*")}
        return all(any(str(self.processes[name].pid).encode() in key for key in healthy) for name in workers)

    def kill(self, name: str, sign: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal and wait for the end."""
        process = self.processes.pop(name)
        process.send_signal(sign)
        process.wait(LIMIT_S)

    @contextlib.asynccontextmanager
    async def keep_alive(self, name: str) -> AsyncIterator[None]:
        """While this lasts, a process that dies is started again, as a supervisor would."""

        async def watch() -> None:
            while True:
                if self.processes[name].poll() is not None:
                    self.spawn(name)
                await asyncio.sleep(0.02)

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    def log(self, name: str) -> str:
        """What a process has written."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    async def text(self, sender: str, body: str, *, expect: int = 200) -> Message:
        """A phone texts the gateway; returns when Twilio has its answer."""
        state = self.sandbox.state
        number = state.directory.number(DEFAULT_ACCOUNT_SID, OURS)
        assert number is not None
        message = receive(state, number, from_=sender, body=body, media=())
        results = await post_webhook(state, message)
        assert results[-1].status == expect, results
        return message

    def got(self, phone: str) -> list[Message]:
        """What a phone has received, oldest first."""
        return [m for m in self.sandbox.state.messages() if m.direction is not Direction.INBOUND and m.to == phone]

    def bodies(self, phone: str) -> list[str]:
        return [message.body for message in self.got(phone)]

    async def receives(self, phone: str, count: int) -> list[str]:
        """Wait until a phone has received that many texts and all of them are delivered; their bodies."""

        async def all_delivered() -> bool:
            got = self.got(phone)
            return len(got) >= count and all(message.status is Status.DELIVERED for message in got)

        await self.until(all_delivered)
        return self.bodies(phone)

    async def cli(self, *words: str, status: int = 0, stream: str = "") -> str:
        """Run `textgate …` as a person would; its stdout, or if it fails its stderr, unless `stream` names one."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli.main",
            *words,
            env=self.environ,
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
        assert process.returncode == status, (out, err)
        return out.decode() if (stream or ("out" if status == 0 else "err")) == "out" else err.decode()

    async def idle(self, *, limit_s: float = LIMIT_S) -> None:
        """Wait until nothing waits anywhere."""

        async def nothing_waits() -> bool:
            return not await self.redis.exists(self.keys.busy)

        await self.until(nothing_waits, limit_s=limit_s)

    async def until(self, fact: Callable[[], Awaitable[bool]], *, limit_s: float = LIMIT_S) -> None:
        """Wait for a fact; on failure show what every process has logged."""
        deadline = asyncio.get_running_loop().time() + limit_s
        while not await fact():
            if asyncio.get_running_loop().time() > deadline:
                logs = "\n".join(f"--- {name}\n{self.log(name)[-3000:]}" for name in self.processes)
                raise AssertionError(f"{fact.__qualname__} did not come true within {limit_s} s\n{logs}")
            await asyncio.sleep(0.02)

    def close(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for name, process in self.processes.items():
            try:
                process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"{name} did not stop:\n{self.log(name)[-3000:]}") from None


@contextlib.asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    """A gateway that is not started yet: change its `config`, then `await house.start()`."""
    (port,) = free_ports(1)
    with EmbeddedRedis(folder / "state") as server:
        async with serve(default_config(sms_url=f"http://127.0.0.1:{port}/webhooks/sms")) as sandbox:
            house = House(folder, server, sandbox, port)
            try:
                yield house
            finally:
                try:
                    house.close()
                finally:
                    await house.redis.aclose()
