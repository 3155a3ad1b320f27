"""What went wrong becomes what happens next: the cases that no journey reaches."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from shared.dead_letters import count_letters
from shared.keys import Keys, Stage
from shared.lanes import append
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call
from shared.settings import Settings
from workers import agent, format as formatting, outbound
from workers.boundary import run_guarded
from workers.engine_jobs import PutOff
from workers.work import Environment, StageSpec, Work

NEWER = msgspec.msgpack.encode({"origin": "telepathy", "messageSid": 7})


@pytest.mark.parametrize("spec", [agent.SPEC, formatting.SPEC, outbound.SPEC], ids=lambda spec: spec.stage.value)
async def test_a_record_that_this_version_cannot_read_waits_for_one_that_can(
    redis: Redis, keys: Keys, spec: StageSpec
) -> None:
    """In a rolling deployment an old worker meets what a new one wrote: that is no bug, and nothing to give up."""

    async def call(what: Call) -> Any:
        (reply,) = await execute(redis, [what])
        if isinstance(reply, Exception):
            raise reply
        return reply

    lane = keys.lane(spec.stage, "c")
    await call(append(lane=lane, stage=spec.stage, records=(NEWER,)))
    turn = await redis.hget(lane.state, spec.stage.value)  # type: ignore[misc]
    work = Work(
        stage=spec.stage,
        conversation="c",
        turn=turn.decode(),
        lane=lane,
        records=[NEWER],
        attempt=1,
        call=call,
        commit=call,
    )
    env = Environment(settings=Settings(accounts={}, state_dir=Path("/nowhere")), keys=keys, redis=redis)
    with pytest.raises(PutOff) as order:
        await run_guarded(spec, work, env, random.Random(1))
    assert not order.value.counted
    assert work.outcome == "unreadable"
    assert await load_list(redis, lane.list, 0, -1) == [NEWER]
    assert await count_letters(redis, keys) == 0
    assert await redis.llen(keys.lane(Stage.FORMAT, "c").list) == (spec.stage is Stage.FORMAT)  # type: ignore[misc]
