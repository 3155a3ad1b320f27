"""Starts one process of the gateway as a deployment does, and stops it."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from cli.ports import free_ports
from cli.readiness import answers_200
from tests.contract.desk import LIMIT_S, eventually


class Running(msgspec.Struct, frozen=True):
    """A process that is up."""

    url: str
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text()


@contextlib.asynccontextmanager
async def running(
    *words: str, config: Path, redis_url: str, at: tuple[str, int] | None = None
) -> AsyncIterator[Running]:
    """`textgate ingress …` until the block ends; ready when it begins. On a free port, unless `at` says where the
    configuration puts it."""
    host, port = at or ("127.0.0.1", *free_ports(1))
    options = () if at else ("--port", str(port))
    url, log_file = f"http://{host}:{port}", config.parent / "process.log"
    environ = {"HOME": str(config.parent), "PATH": os.environ["PATH"], "TEXTGATE_REDIS_URL": redis_url}
    command = (sys.executable, "-P", "-m", "cli.main", *words, "--config", str(config), *options)
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, env=environ, cwd=config.parent, stdout=log, stderr=log)

    async def ready() -> bool:
        assert process.returncode is None, log_file.read_text()
        return await answers_200(f"{url}/readyz")

    try:
        await eventually(ready)
        yield Running(url, log_file)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), LIMIT_S)
