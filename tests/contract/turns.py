"""Runs one turn in this process: what the agent is handed for the texts that wait, what becomes of its reply."""

from typing import Any

from shared.keys import Stage, conversation_id
from shared.records import Part, decode_part
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call
from tests.contract.desk import Door
from workers.agent import take_turn
from workers.agents.contract import Answer, Turn
from workers.agents.directory import only
from workers.format import format_reply
from workers.work import Environment, Work


async def run_turn(door: Door, person: str, *, account: str = "default", answer: Answer = None) -> Turn:
    """Take the next turn of a conversation; the turn that the agent saw."""
    seen: list[Turn] = []

    async def agent(turn: Turn) -> Answer:
        seen.append(turn)
        return answer

    work = await _work(door, Stage.AGENT, conversation_id(account, person))
    await take_turn(work, Environment(settings=door.settings, keys=door.keys, redis=door.redis, agents=only(agent)))
    return seen[0]


async def run_format(door: Door, person: str, *, account: str = "default") -> list[Part]:
    """Format the reply that waits first; the parts that wait to be sent then."""
    conversation = conversation_id(account, person)
    work = await _work(door, Stage.FORMAT, conversation)
    await format_reply(work, Environment(settings=door.settings, keys=door.keys, redis=door.redis))
    lane = door.keys.lane(Stage.OUTBOUND, conversation)
    return [decode_part(record) for record in await load_list(door.redis, lane.list, 0, 49)]


async def _work(door: Door, stage: Stage, conversation: str) -> Work:
    async def call(what: Call) -> Any:
        (reply,) = await execute(door.redis, [what])
        if isinstance(reply, Exception):
            raise reply
        return reply

    lane = door.keys.lane(stage, conversation)
    turn = await door.redis.hget(lane.state, stage.value)  # type: ignore[misc]
    return Work(
        stage=stage,
        conversation=conversation,
        turn=turn.decode(),
        lane=lane,
        records=await load_list(door.redis, lane.list, 0, 49),
        attempt=1,
        call=call,
        commit=call,
    )
