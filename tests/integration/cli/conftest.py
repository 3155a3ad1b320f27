"""Shared by the tests of the command line: a tape that records what is said, and the real command as a process."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

LIMIT_S = 60.0
"""For anything to happen at all; no test waits that long unless something is broken."""

Command = Callable[..., "subprocess.CompletedProcess[str]"]


class Tape:
    """Records `say(role, line)` and lets a test wait for a line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._news = asyncio.Event()

    def say(self, role: str, line: str) -> None:
        self.lines.append((role, line))
        self._news.set()

    def of(self, role: str) -> list[str]:
        return [line for who, line in self.lines if who == role]

    async def wait_for(self, role: str, text: str, *, times: int = 1) -> None:
        """Return once that many lines of this role hold the text."""
        async with asyncio.timeout(LIMIT_S):
            while sum(text in line for line in self.of(role)) < times:
                self._news.clear()
                await self._news.wait()


@pytest.fixture
def tape() -> Tape:
    return Tape()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has just installed Textgate."""
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}


@pytest.fixture
def textgate(tmp_path: Path, environ: dict[str, str]) -> Command:
    """Run the command in an empty home; keyword arguments are variables of the environment."""

    def run(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-P", "-m", "cli.main", *words],
            env={**environ, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    return run
