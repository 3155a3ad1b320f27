"""Which agent answers which account, while the configuration changes under running turns.

Accounts whose backends are equal share one agent. An agent that nothing names any more is closed when its last turn is
done, so that a reload breaks no request under way.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from shared.agent_backends import Backend
from shared.settings import Account
from workers.agents.contract import Agent
from workers.agents.load import load_agent


class AgentDirectory(Protocol):
    """What the agent stage needs: the agent of an account, for the length of one turn."""

    def __call__(self, account: Account, /) -> AbstractAsyncContextManager[Agent]: ...


class Agents:
    """All agents of one worker."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._named: dict[Backend, _Held] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.replace(accounts)

    def replace(self, accounts: Mapping[str, Account]) -> None:
        """Answer these accounts from now on. Raises ConfigError if an agent cannot be made; then nothing changes."""
        wanted = {account.backend for account in accounts.values() if account.enabled}
        fresh = {backend: self._named.get(backend) or _Held(load_agent(backend)) for backend in wanted}
        gone = [held for backend, held in self._named.items() if backend not in fresh]
        self._named = fresh
        for held in gone:
            held.is_named = False
            self._close_if_idle(held)

    def __call__(self, account: Account) -> "_Lent":
        held = self._named.get(account.backend)
        if held is None:  # a turn that began just before a reload
            held = _Held(load_agent(account.backend))
            held.is_named = False
        return _Lent(held, self._close_if_idle)

    async def close(self) -> None:
        """Close every agent; no turn is running any more."""
        self.replace({})
        await asyncio.gather(*self._closing)

    def _close_if_idle(self, held: "_Held") -> None:
        close = getattr(held.agent, "close", None)
        if held.is_named or held.turns or close is None:
            return
        task = asyncio.get_running_loop().create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Held:
    """One agent and who uses it."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.turns = 0
        self.is_named = True


class _Lent:
    """An agent for the length of one turn."""

    def __init__(self, held: _Held, is_idle: Callable[[_Held], None]) -> None:
        self._held = held
        self._is_idle = is_idle

    async def __aenter__(self) -> Agent:
        self._held.turns += 1
        return self._held.agent

    async def __aexit__(self, *_: object) -> None:
        self._held.turns -= 1
        self._is_idle(self._held)


def only(agent: Agent) -> AgentDirectory:
    """One agent for whatever account."""

    return lambda _: contextlib.nullcontext(agent)
