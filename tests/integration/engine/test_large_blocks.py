"""A block of records of any size moves whole.

Lua's `unpack` fails past 8,000 values, in the middle of a script: what was written before it stays written, and an
answer of that many parts would be gone.
"""

from redis.asyncio import Redis

from shared.dead_letters import bury, count_letters, load_letters, retry
from shared.keys import Keys, Stage
from shared.lanes import append, hand_over
from shared.records import DeadLetter
from shared.redis_client import load_list
from shared.round_trip import execute
from shared.scripts import Call

MANY = tuple(b"record %d" % number for number in range(20_001))


async def run(redis: Redis, call: Call) -> int:
    (reply,) = await execute(redis, [call])
    if isinstance(reply, Exception):
        raise reply
    return int(reply)


async def turn_of(redis: Redis, keys: Keys, stage: Stage) -> str:
    turn = await redis.hget(keys.conversation("c"), stage.value)  # type: ignore[misc]
    return str(turn.decode())


async def test_an_answer_of_any_number_of_parts_is_handed_over_whole(redis: Redis, keys: Keys) -> None:
    source, target = keys.lane(Stage.FORMAT, "c"), keys.lane(Stage.OUTBOUND, "c")
    await run(redis, append(lane=source, stage=Stage.FORMAT, records=(b"reply",)))
    committed = await run(
        redis,
        hand_over(
            source=source,
            source_stage=Stage.FORMAT,
            turn=await turn_of(redis, keys, Stage.FORMAT),
            taken=1,
            target=target,
            target_stage=Stage.OUTBOUND,
            records=MANY,
        ),
    )
    assert committed == 1
    assert tuple(await load_list(redis, target.list, 0, -1)) == MANY
    assert await redis.zrange(target.queue, 0, -1) == [
        f"{target.list}:{await turn_of(redis, keys, Stage.OUTBOUND)}".encode()
    ]


async def test_a_dead_letter_of_any_size_goes_back_whole(redis: Redis, keys: Keys) -> None:
    lane = keys.lane(Stage.AGENT, "c")
    assert await run(redis, append(lane=lane, stage=Stage.AGENT, records=MANY, once=keys.once("r"))) == len(MANY)
    letter = DeadLetter(
        letter_id="agent-c-1",
        stage=Stage.AGENT.value,
        account_id="default",
        conversation="c",
        turn=await turn_of(redis, keys, Stage.AGENT),
        code="bug",
        message="",
        hint="",
        attempts=1,
        buried_ms=1,
        records=MANY,
    )
    assert await run(redis, bury(keys=keys, stage=Stage.AGENT, letter=letter)) == 1
    assert await load_list(redis, lane.list, 0, -1) == []
    (kept,) = [kept async for kept in load_letters(redis, keys)]
    assert await run(redis, retry(keys=keys, kept=kept)) == 1
    assert await count_letters(redis, keys) == 0
    assert tuple(await load_list(redis, lane.list, 0, -1)) == MANY
