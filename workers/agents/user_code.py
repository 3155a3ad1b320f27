"""Running somebody else's Python so that it can fail its turn, and nothing more.

Whatever it raises becomes an ordinary exception: SystemExit and KeyboardInterrupt in a coroutine would end the loop and
with it the worker, a CancelledError of its own would look as if the worker were leaving. Nothing waits for it past the
turn's end: a coroutine is cancelled and left, a thread, which cannot be stopped, goes on alone.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable

_left: set[asyncio.Task[object]] = set()
"""Coroutines that were cancelled and have not ended yet; the loop itself keeps only weak references."""


async def in_own_task(start: Callable[[], Awaitable[object]]) -> object:
    """Run a coroutine; raises an Exception for whatever it raised. Cancelled, it does not wait for the coroutine."""

    async def guarded() -> object:
        try:
            return await start()
        except asyncio.CancelledError:
            raise
        except BaseException as raised:  # noqa: BLE001 - it is the turn's, whatever it is
            return _Failed(raised)

    task = asyncio.get_running_loop().create_task(guarded(), name="agent")
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        _left.add(task)
        task.add_done_callback(_left.discard)
        raise
    if task.cancelled():
        raise RuntimeError("the agent cancelled itself")
    return _unwrapped(task.result())


async def in_daemon_thread(function: Callable[[], object]) -> object:
    """Run it in a thread that does not hold up the end of the process; a pool's threads would be waited for.

    No limit of its own: a worker runs no more turns at once than `workers.agent.concurrency`.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()

    def settle(result: object) -> None:
        if not future.done():  # else timed out or cancelled: nobody waits any more
            future.set_result(result)

    def run() -> None:
        result: object = None
        try:
            result = function()
        except BaseException as raised:  # noqa: BLE001 - likewise
            result = _Failed(raised)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is leaving
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, name="agent", daemon=True).start()
    return _unwrapped(await future)


class _Failed:
    """What was raised, as a value: neither a task nor a future takes every exception."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _unwrapped(result: object) -> object:
    if not isinstance(result, _Failed):
        return result
    error = result.error
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        raise error
    raise RuntimeError(f"the agent raised {type(error).__name__}") from error
