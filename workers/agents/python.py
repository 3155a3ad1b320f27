"""`agent.kind: "python"`: a callable of the user's own. Functions run in threads, coroutines in the worker's loop.

How it is kept from harming the worker: `workers/agents/user_code.py`.
"""

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from contextlib import aclosing, closing
from typing import cast

from shared.agent_backends import PythonBackend
from shared.errors import ConfigError
from workers.agents.contract import Agent, Answer, File, Reply, Turn
from workers.agents.user_code import in_daemon_thread, in_own_task

MOST_YIELDS = 1_000
MOST_CHARACTERS = 1_000_000
"""A generator that goes on beyond one of these is stopped; what it gave so far is the answer."""

Function = Callable[[Turn], object]


def load(backend: PythonBackend) -> Agent:
    """The callable that `package.module:callable` names, as an agent. Raises ConfigError if it cannot be had.

    The folder is appended to the import path, never prepended: a file beside the configuration must not replace a
    module of the product or of the standard library.
    """
    folder = str(backend.path)
    if folder not in sys.path:
        sys.path.append(folder)
    function = _resolve(backend.callable)

    async def call(turn: Turn) -> Answer:
        if _is_async(function):
            answer = await in_own_task(lambda: _settle(function(turn)))
        else:
            answer = await in_daemon_thread(lambda: _collect(function(turn)))
            if inspect.isawaitable(answer) or inspect.isasyncgen(answer):  # a lambda around a coroutine
                awaitable = answer
                answer = await in_own_task(lambda: _settle(awaitable))
        return cast("Answer", answer)

    return call


def _is_async(function: Function) -> bool:
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    return any(is_kind(function) or is_kind(type(function).__call__) for is_kind in kinds)


async def _settle(result: object) -> object:
    """Wait for a coroutine; gather what an async generator yields."""
    if inspect.isawaitable(result):
        return await result
    if not inspect.isasyncgen(result):
        return result
    gathered = _Gathered()
    async with aclosing(result) as texts:
        async for text in texts:
            if gathered.is_full_with(text):
                break
    return gathered.reply()


def _collect(result: object) -> object:
    """Gather what a plain generator yields."""
    if not inspect.isgenerator(result):
        return result
    gathered = _Gathered()
    with closing(result) as texts:
        for text in texts:
            if gathered.is_full_with(text):
                break
    return gathered.reply()


class _Gathered:
    """What a generator has yielded: texts, Replies, or None for nothing."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._media: list[str | File] = []
        self._yields = 0

    def is_full_with(self, given: object) -> bool:
        """Take one more; whether that is enough. Raises TypeError for what is no text."""
        self._yields += 1
        reply = given if isinstance(given, Reply) else Reply(texts=() if given is None else cast("str", given))
        if not isinstance(reply.texts, str | list | tuple):
            raise TypeError(f"a generator yields str, Reply or None; this one yielded {type(given).__name__}")
        self._texts += [reply.texts] if isinstance(reply.texts, str) else list(reply.texts)
        self._media += [reply.media] if isinstance(reply.media, str | File) else list(reply.media)
        return self._yields >= MOST_YIELDS or sum(map(len, self._texts)) > MOST_CHARACTERS

    def reply(self) -> Reply:
        return Reply(texts=self._texts, media=self._media)


def _resolve(target: str) -> Function:
    module_name, colon, attribute = target.partition(":")
    if not colon or not module_name or not attribute:
        raise ConfigError("agent.callable", found=repr(target), expected='expected "package.module:callable"')
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        expected = "check the name and agent.path" if error.name == module_name else "install what it imports"
        if module_name.endswith(".py"):  # a file's name where a module's belongs
            expected = f"write {module_name.removesuffix('.py')}:{attribute}, without .py"
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
