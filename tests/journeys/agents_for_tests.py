"""Agents that misbehave on purpose; the journeys name them in `agent.callable`."""

import os
import signal
import time
from pathlib import Path

from workers.agents.contract import Turn


def dies_once(turn: Turn) -> str:
    """Kill the worker in the middle of the first turn; answer from then on."""
    mark = Path("died-once")
    if not mark.exists():
        mark.write_text(turn.key)
        os.kill(os.getpid(), signal.SIGKILL)
    return f"answer to {turn.prompt}"


def blocks(turn: Turn) -> str:
    """Wait for a file to appear; the journey decides when."""
    while not Path("go").exists():
        time.sleep(0.01)
    return f"answer to {turn.prompt}"


async def raises(turn: Turn) -> str:
    """Fail for good."""
    raise ValueError(f"no answer for {len(turn.texts)}")
