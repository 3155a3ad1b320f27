"""`agent.kind: "python"`: a callable of the user's own, in the worker. Sync ones run in a thread.

User code cannot kill the worker: whatever it raises fails the turn only. A thread cannot be stopped, so a sync
callable that outlives `agent.timeoutSeconds` keeps its thread while the turn counts as failed.
"""

import asyncio
import contextlib
import importlib
import inspect
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

from shared.errors import ConfigError
from workers.agents.contract import Agent, Answer, Turn, texts_of


def load(target: str | None) -> Agent:
    """The callable that `package.module:callable` names, as an agent. Raises ConfigError if it cannot be had.

    The working directory is appended to the import path, never prepended: a file beside the configuration must
    not replace a module of the product or of the standard library.
    """
    function = _resolve(target)
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):

        async def call(turn: Turn) -> Answer:
            return texts_of(await cast("Awaitable[object]", function(turn)))

        return call

    async def call_in_thread(turn: Turn) -> Answer:
        return texts_of(await _in_daemon_thread(function, turn))

    return call_in_thread


async def _in_daemon_thread(function: Callable[[Turn], object], turn: Turn) -> object:
    """Run it in a thread that does not hold up the end of the process; a pool's threads would be waited for.

    No limit of its own: a worker runs no more turns at once than `workers.agent.concurrency`.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()

    def settle(result: object, error: BaseException | None) -> None:
        if future.done():  # timed out or cancelled: nobody waits any more
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        result: object = None
        error: BaseException | None = None
        try:
            result = function(turn)
        except BaseException as raised:  # noqa: BLE001 - it is the turn's, whatever it is
            # A future refuses StopIteration, and SystemExit would end the worker instead of the turn.
            fit = isinstance(raised, Exception) and not isinstance(raised, StopIteration)
            error = raised if fit else RuntimeError(f"the agent raised {type(raised).__name__}")
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is leaving
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="agent", daemon=True).start()
    return await future


def _resolve(target: str | None) -> Callable[[Turn], object]:
    module_name, colon, attribute = (target or "").partition(":")
    if not colon or not module_name or not attribute:
        raise ConfigError("agent.callable", found=repr(target), expected='expected "package.module:callable"')
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        expected = (
            "check the name and the working directory" if error.name == module_name else "install what it imports"
        )
        raise ConfigError(
            "agent.callable", found=f"module {module_name} cannot be imported: {error}", expected=expected
        ) from error
    except (Exception, SystemExit) as error:
        raise ConfigError(
            "agent.callable",
            found=f"module {module_name} cannot be imported: {_where(error)}",
            expected="mend the module",
        ) from error
    function: object = module
    for name in attribute.split("."):
        function = getattr(function, name, None)
    if not callable(function):
        raise ConfigError(
            "agent.callable", found=f"{target} is no callable", expected="expected a function of one argument, the turn"
        )
    return function


def _where(error: BaseException) -> str:
    """The error with the file and line where it was raised."""
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({error.filename}, line {error.lineno})"
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})"
