"""Starts one process of the gateway as a deployment does, and stops it."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from cli.ports import free_ports
from cli.readiness import answers_200

LIMIT_S = 30.0


class Running(msgspec.Struct, frozen=True):
    """A process that is up."""

    url: str
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text()


@contextlib.asynccontextmanager
async def running(*words: str, config: Path, redis_url: str, **variables: str) -> AsyncIterator[Running]:
    """`textgate ingress …` until the block ends, on a free port; ready when it begins."""
    (port,) = free_ports(1)
    url, log_file = f"http://127.0.0.1:{port}", config.parent / "process.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cli.main", *words, "--config", str(config), "--port", str(port)],
            env={
                "HOME": str(config.parent),
                "PATH": os.environ["PATH"],
                "TEXTGATE_REDIS_URL": redis_url,
                **variables,
            },
            cwd=config.parent,
            stdout=log,
            stderr=log,
        )
    try:
        async with asyncio.timeout(LIMIT_S):
            while not await answers_200(f"{url}/readyz"):
                assert process.poll() is None, log_file.read_text()
                await asyncio.sleep(0.02)
        yield Running(url, log_file)
    finally:
        process.terminate()
        process.wait(LIMIT_S)
