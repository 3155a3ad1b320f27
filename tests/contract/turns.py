"""Runs one agent turn in this process: what the agent is handed for the texts that wait."""

from typing import Any

from shared.group_commit import execute
from shared.keys import Stage, conversation_id
from shared.redis_client import load_list
from shared.scripts import Call
from tests.contract.desk import Door
from workers.agent import take_turn
from workers.agents.contract import Answer, Turn
from workers.work import Environment, Work


async def run_turn(door: Door, person: str, *, account: str = "default", answer: Answer = None) -> Turn:
    """Take the next turn of a conversation; the turn that the agent saw."""
    seen: list[Turn] = []

    async def agent(turn: Turn) -> Answer:
        seen.append(turn)
        return answer

    async def call(what: Call) -> Any:
        (reply,) = await execute(door.redis, [what])
        if isinstance(reply, Exception):
            raise reply
        return reply

    conversation = conversation_id(account, person)
    lane = door.keys.lane(Stage.AGENT, conversation)
    turn = await door.redis.hget(lane.state, Stage.AGENT.value)  # type: ignore[misc]
    work = Work(
        stage=Stage.AGENT,
        conversation=conversation,
        turn=turn.decode(),
        lane=lane,
        records=await load_list(door.redis, lane.list, 0, 49),
        attempt=1,
        call=call,
        commit=call,
    )
    await take_turn(work, Environment(settings=door.settings, keys=door.keys, redis=door.redis, agent=agent))
    return seen[0]
