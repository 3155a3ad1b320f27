"""Making the agent that a configuration names. The modules of the kinds that are not used are not imported."""

from typing import assert_never

from shared.agent_backends import Backend, CommandBackend, EchoBackend, HttpBackend, OpenAiBackend, PythonBackend
from shared.settings import Settings
from workers.agents.contract import Agent


def load_agents(settings: Settings) -> None:
    """Make the agent of every account that is switched on, to see that it can be. Raises ConfigError."""
    for account in settings.enabled_accounts.values():
        load_agent(account.backend)


def load_agent(backend: Backend) -> Agent:
    """The agent. Raises ConfigError if it cannot be made."""
    match backend:
        case EchoBackend():
            from workers.agents import echo

            return echo.answer
        case PythonBackend():
            from workers.agents import python

            return python.load(backend)
        case OpenAiBackend():
            from workers.agents.openai import OpenAiAgent

            return OpenAiAgent(backend)
        case HttpBackend():
            from workers.agents.http import HttpAgent

            return HttpAgent(backend)
        case CommandBackend():
            from workers.agents.command import CommandAgent

            return CommandAgent(backend)
        case other:
            assert_never(other)
