"""An agent for the contract's tests to name."""

from workers.agents.contract import Turn


def nods(turn: Turn) -> str:
    """Answer anything."""
    return f"ok, {len(turn.texts)}"
