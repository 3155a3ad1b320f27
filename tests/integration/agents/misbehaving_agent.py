"""An agent in every way that agents go wrong; as functions for `python`, and as a program for `command`.

Named by the configuration (`agent.path` is this folder), so it imports nothing of the tests'. `slow` says that it was
asked by a file `asked` in the folder that the text names, and answers when it finds `go` there.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

MEGABYTE = "word " * 200_000
NEVER = threading.Event()


def fine_function(turn: Any) -> str:
    return f"fine, {len(turn.texts)}"


def timeout_function(turn: Any) -> str:
    NEVER.wait(30)
    return "too late"


def crash_function(turn: Any) -> str:
    raise SystemExit("gone")


def garbage_function(turn: Any) -> dict[str, int]:
    return {"garbage": 1}


def megabyte_function(turn: Any) -> str:
    return MEGABYTE


def empty_function(turn: Any) -> str:
    return " \n"


def slow_function(turn: Any) -> str:
    wait_for_go(turn.prompt)
    return "fine, at last"


def fails_in_vain() -> None:
    """Raises from code whose loader raises, too, when it is first asked for the source."""
    failures = [ArithmeticError("the loader is broken, too")]

    class Loader:
        def get_source(self, name: str) -> None:
            if failures:
                raise failures.pop()

    code = compile("raise ValueError('in vain')", "/nowhere/in_vain.py", "exec")
    exec(code, {"__name__": "in_vain", "__loader__": Loader()})  # noqa: S102 - a fixed line


def in_vain_function(turn: Any) -> None:
    fails_in_vain()


def quoting_function(turn: Any) -> None:
    try:
        raise KeyError(turn.prompt)
    except KeyError as error:
        raise ValueError(turn.prompt) from error


async def fine_coroutine(turn: Any) -> str:
    return fine_function(turn)


async def timeout_coroutine(turn: Any) -> str:
    await asyncio.sleep(30)
    return "too late"


async def crash_coroutine(turn: Any) -> str:
    raise SystemExit("gone")


async def garbage_coroutine(turn: Any) -> object:
    return object()


async def megabyte_coroutine(turn: Any) -> list[str]:
    return [MEGABYTE[:500_000], MEGABYTE[:500_000]]


async def empty_coroutine(turn: Any) -> None:
    return None


async def slow_coroutine(turn: Any) -> str:
    await asyncio.to_thread(wait_for_go, turn.prompt)
    return "fine, at last"


async def fine_generator(turn: Any) -> AsyncIterator[str]:
    yield fine_function(turn)


async def timeout_generator(turn: Any) -> AsyncIterator[str]:
    yield "a beginning"
    await asyncio.sleep(30)


async def crash_generator(turn: Any) -> AsyncIterator[str]:
    yield "a beginning"
    raise KeyboardInterrupt


async def garbage_generator(turn: Any) -> AsyncIterator[object]:
    yield "a beginning"
    yield 1


async def megabyte_generator(turn: Any) -> AsyncIterator[str]:
    while True:
        yield MEGABYTE[:1000]


async def empty_generator(turn: Any) -> AsyncIterator[None]:
    yield None


async def slow_generator(turn: Any) -> AsyncIterator[str]:
    yield "fine, at first"
    await asyncio.to_thread(wait_for_go, turn.prompt)
    yield "fine, at last"


def wait_for_go(folder: str) -> None:
    (Path(folder) / "asked").write_text("")
    while not (Path(folder) / "go").exists():
        time.sleep(0.01)


def main(behaviour: str) -> None:
    """As a program: the turn on stdin, the answer as JSON on stdout."""
    turn = json.load(sys.stdin)
    match behaviour:
        case "timeout":
            time.sleep(30)
        case "crash":
            print("a beginning", flush=True)
            print("the reason for it, +15557654321", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGSEGV)
        case "garbage":
            sys.stdout.buffer.write(b"\xff\xfe{")
        case "megabyte":
            json.dump({"texts": [MEGABYTE]}, sys.stdout)
        case "slow":
            wait_for_go(turn["prompt"])
            json.dump({"text": "fine, at last"}, sys.stdout)
        case "fine":
            json.dump({"text": f"fine, {len(turn['texts'])}"}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
