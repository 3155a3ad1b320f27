"""Fixtures of the contract's tests: a desk with a real Redis, and the command as people type it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from tests.contract.desk import LIMIT_S, Desk, Door


class Said(msgspec.Struct, frozen=True):
    """What a command left: its exit status and what it wrote."""

    status: int
    out: str
    err: str


class Textgate:
    """The command `textgate`, as a process of its own in an empty home."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self.home = home
        self.environ = dict(environ)

    async def __call__(self, *words: str, stdin: bytes = b"", **variables: str) -> Said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "cli.main",
            *words,
            env={**self.environ, **variables},
            cwd=self.home,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(LIMIT_S):
            out, err = await process.communicate(stdin)
        assert process.returncode is not None
        assert b"Traceback" not in err, err.decode()
        return Said(process.returncode, out.decode(), err.decode())


@pytest.fixture
def desk(tmp_path: Path, redis: Redis, redis_url: str) -> Desk:
    return Desk(tmp_path, redis, redis_url)


@pytest.fixture
async def door(desk: Desk) -> AsyncIterator[Door]:
    """A door with everything at its default."""
    async with desk.opened() as opened:
        yield opened


@pytest.fixture
def textgate(tmp_path: Path) -> Textgate:
    """Knows no Redis and no configuration but what lies in its home."""
    return Textgate(tmp_path, {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
