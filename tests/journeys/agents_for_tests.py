"""Agents that misbehave on purpose; the journeys name them in `agent.callable`."""

import asyncio
import hashlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from workers.agents.contract import Reply, Turn


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


async def takes_a_moment(turn: Turn) -> str:
    """Answer with the very words, so that the record shows what was lost, doubled or swapped."""
    await asyncio.sleep(0.05)
    return turn.prompt


async def raises(turn: Turn) -> str:
    """Fail for good."""
    raise ValueError(f"no answer for {len(turn.texts)}")


def remembers(turn: Turn) -> str:
    """Name the texts of the turn and what it knew before; kill the worker at every twentieth text, once each."""
    numbers = [text.body for text in turn.texts]
    for number in numbers:
        mark = Path(f"died-at-{number}")
        if int(number) % 20 == 0 and not mark.exists():
            mark.write_text(turn.key)
            os.kill(os.getpid(), signal.SIGKILL)
    return f"texts {' '.join(numbers)} after {len(turn.history)} lines {digest(line.body for line in turn.history)}"


def digest(bodies: Iterable[str]) -> str:
    """A short word for what was said."""
    return hashlib.blake2b("\n".join(bodies).encode(), digest_size=4).hexdigest()


def exits_as_function(turn: Turn) -> str:
    """Try to end the process, from a thread."""
    raise SystemExit(3)


async def exits_as_coroutine(turn: Turn) -> str:
    """Try to end the process, from its event loop."""
    raise SystemExit(3)


def paints(turn: Turn) -> Reply:
    """Read the picture that came, and send another one back."""
    pictures = [each for text in turn.texts for each in text.media]
    read = [Path(each.path).read_bytes() if each.path else b"" for each in pictures]
    folder = Path("out")
    folder.mkdir(exist_ok=True)
    (folder / "back.png").write_bytes(read[0][:8] + read[0][8:][::-1])
    said = [f"{each.content_type}, {len(content)} bytes" for each, content in zip(pictures, read, strict=True)]
    return Reply(texts=f"{turn.prompt}: {'; '.join(said)}", media="back.png")


def names_errors(turn: Turn) -> str:
    """Say what could not be had."""
    return f"{turn.prompt}: {'; '.join(each.error or '' for text in turn.texts for each in text.media)}"
