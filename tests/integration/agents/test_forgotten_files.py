"""Forgetting a person deletes their files, wherever the process that does it dies."""

import time
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.dead_letters import bury
from shared.hosted_files import HostedFile, host_file, new_token, url_of
from shared.keys import Keys, Stage
from shared.lanes import append
from shared.person import erase_person, load_person
from shared.records import DeadLetter, Origin, Reply, encode
from shared.redis_client import connect
from tests.integration.agents.conftest import ANN, CONVERSATION, Desk

PUBLIC = "https://gate.example.com/webhooks/sms"


def mortal(redis_url: str, commands: int) -> Redis:
    """A client of a process that gets no further than this: nothing is sent after so many writes."""
    left = [commands]

    class Mortal(UnixDomainSocketConnection):
        async def send_packed_command(self, *sent: Any, **how: Any) -> None:
            if not left[0]:
                raise RedisConnectionError
            left[0] -= 1
            await super().send_packed_command(*sent, **how)

    client = connect(redis_url)
    client.connection_pool.connection_class = Mortal
    return client


async def put_reply_with_a_file(desk: Desk, keys: Keys) -> Reply:
    """A reply that waits to be formatted, and names a hosted file."""
    token = new_token()
    file = HostedFile(account_id="default", content_type="image/png", content=b"pixels")
    assert await desk.call(host_file(keys=keys, token=token, file=file)) == 1
    reply = Reply(
        reply_id=token,
        account_id="default",
        conversation=CONVERSATION,
        to=ANN,
        texts=("A cat",),
        origin=Origin.AGENT,
        created_ms=time.time_ns() // 1_000_000,
        media=(url_of(PUBLIC, token),),
    )
    await desk.call(append(lane=keys.lane(Stage.FORMAT, CONVERSATION), stage=Stage.FORMAT, records=(encode(reply),)))
    return reply


async def bury_it(desk: Desk, redis: Redis, keys: Keys, reply: Reply) -> None:
    turn = await redis.hget(keys.lane(Stage.FORMAT, CONVERSATION).state, Stage.FORMAT.value)  # type: ignore[misc]
    letter = DeadLetter(
        letter_id=f"format-{reply.reply_id}",
        stage=Stage.FORMAT.value,
        account_id="default",
        conversation=CONVERSATION,
        turn=turn.decode(),
        code="bug",
        message="a bug",
        hint="",
        attempts=1,
        buried_ms=reply.created_ms,
        records=(encode(reply),),
    )
    assert await desk.call(bury(keys=keys, stage=Stage.FORMAT, letter=letter)) == 1


async def hosted(redis: Redis, keys: Keys) -> list[bytes]:
    return [key async for key in redis.scan_iter(match=f"{keys.hosted('')}*", count=1000)]


async def test_a_second_run_deletes_the_files_that_a_first_one_left_wherever_it_died(
    desk: Desk, redis: Redis, redis_url: str, keys: Keys
) -> None:
    deaths = 0
    while True:
        await bury_it(desk, redis, keys, await put_reply_with_a_file(desk, keys))
        await put_reply_with_a_file(desk, keys)
        assert len(await hosted(redis, keys)) == 2
        async with mortal(redis_url, deaths) as client:
            try:
                await erase_person(client, keys, "default", ANN)
            except RedisConnectionError:
                deaths += 1
                finished = False
            else:
                finished = True
        if finished:
            assert await hosted(redis, keys) == [], "one run is enough for all of them"
            break
        await erase_person(redis, keys, "default", ANN)
        assert await hosted(redis, keys) == [], f"died after {deaths - 1} commands"
        assert (await load_person(redis, keys, "default", ANN)).is_empty
    assert deaths > 10


async def test_nothing_that_names_a_file_goes_before_the_file(
    desk: Desk, redis: Redis, redis_url: str, keys: Keys
) -> None:
    await bury_it(desk, redis, keys, await put_reply_with_a_file(desk, keys))
    await put_reply_with_a_file(desk, keys)
    known = await load_person(redis, keys, "default", ANN)
    for commands in range(100):
        async with mortal(redis_url, commands) as client:
            try:
                await erase_person(client, keys, "default", ANN)
            except RedisConnectionError:
                now = await load_person(redis, keys, "default", ANN)
                if await hosted(redis, keys):
                    assert (now.replies, now.letters) == (known.replies, known.letters)
                continue
        break
    assert (await load_person(redis, keys, "default", ANN)).is_empty
