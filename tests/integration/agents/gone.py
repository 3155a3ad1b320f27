"""Waiting for processes to end that are nobody's children any more."""

import asyncio
import os
from pathlib import Path

LIMIT_S = 30.0


async def until_gone(pid: int) -> None:
    """Wait until a process has ended; one that nobody reaps counts as ended."""

    def lives() -> bool:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return False
        return state != "Z"

    async with asyncio.timeout(LIMIT_S):
        while lives():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
