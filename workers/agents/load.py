"""Choosing the agent that the configuration names."""

from shared.errors import ConfigError
from shared.settings import AgentKind, Settings
from workers.agents import echo, python
from workers.agents.contract import Agent


def load_agent(settings: Settings) -> Agent:
    """The agent of `agent.kind`. Raises ConfigError if it cannot be made."""
    match settings.agent.kind:
        case AgentKind.ECHO:
            return echo.answer
        case AgentKind.PYTHON:
            return python.load(settings.agent.callable)
        case other:
            raise ConfigError("agent.kind", found=f"{other.value!r} is not built yet", expected="use echo or python")
