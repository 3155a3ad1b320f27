"""`agent.kind: "echo"`: answers with the text itself. For trying out."""

from workers.agents.contract import Answer, Turn


async def answer(turn: Turn) -> Answer:
    """The person's own words, as Markdown like any agent's."""
    return turn.prompt
