"""A line to Redis: replies belong to their commands, whatever breaks in between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError, ResponseError, TimeoutError as RedisTimeoutError

from cli.embedded_redis import EmbeddedRedis
from shared.redis_batch import Line
from shared.redis_client import connect


@pytest.fixture
async def line(redis: Redis, redis_url: str) -> AsyncIterator[Line]:
    client = connect(redis_url)
    line = Line(client)
    yield line
    await line.close()
    await client.aclose()


async def test_each_command_gets_its_own_reply_and_one_error_harms_no_neighbour(line: Line, redis: Redis) -> None:
    replies = await line.send([("SET", "a", b"\xff\x00", "PX", 60_000), ("INCR", "a"), ("GET", "a"), ("ECHO", 1.5)])
    assert (replies[0], replies[2], replies[3]) == (b"OK", b"\xff\x00", b"1.5")
    assert isinstance(replies[1], ResponseError)


async def test_a_connection_that_the_server_closed_is_made_anew(line: Line, redis: Redis) -> None:
    (before,) = await line.send([("CLIENT", "ID")])
    await redis.client_kill_filter(_id=before)
    (after,) = await line.send([("CLIENT", "ID")])
    assert after != before


async def test_a_reply_that_does_not_come_in_time_is_an_outage_and_never_the_next_ones(
    redis: Redis, redis_url: str
) -> None:
    client = connect(redis_url)
    line = Line(client, limit_s=0.5)
    with pytest.raises(RedisTimeoutError):
        await line.send([("BLPOP", "nothing", 0)])
    assert await line.send([("ECHO", "mine")]) == [b"mine"]
    await line.close()
    await client.aclose()


async def test_a_cancelled_batch_leaves_no_reply_behind(line: Line, redis: Redis) -> None:
    (number,) = await line.send([("CLIENT", "ID")])
    task = asyncio.create_task(line.send([("BLPOP", "nothing", 0), ("ECHO", "theirs")]))
    await _until_blocked(redis, number)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await redis.lpush("nothing", "x")  # type: ignore[misc]
    assert await line.send([("ECHO", "mine")]) == [b"mine"]
    await redis.delete("nothing")


async def test_the_time_limits_of_the_connection_are_given_back_with_it(redis_url: str) -> None:
    client = connect(redis_url)
    line = Line(client)
    await line.send([("PING",)])
    await line.close()
    connection = await client.connection_pool.get_connection()
    assert connection.socket_timeout == client.connection_pool.connection_kwargs["socket_timeout"]
    await client.connection_pool.release(connection)
    await client.aclose()


async def test_a_primary_that_was_demoted_is_a_broken_connection(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, appendfsync="no") as server:
        client = connect(server.url)
        line = Line(client)
        (before,) = await line.send([("CLIENT", "ID")])
        ask: Callable[..., Awaitable[object]] = client.execute_command
        await ask("REPLICAOF", "127.0.0.1", "1")
        for write in (("SET", "a", "1"), ("EVAL", "return redis.call('SET', KEYS[1], '1')", 1, "a")):
            with pytest.raises(RedisConnectionError, match="primary"):
                await line.send([write])
        await ask("REPLICAOF", "NO", "ONE")
        written, after = await line.send([("SET", "a", "1"), ("CLIENT", "ID")])
        assert (written, after != before) == (b"OK", True)
        await line.close()
        await client.aclose()


async def test_a_connection_that_breaks_is_made_anew_for_all_that_were_under_way(line: Line, redis: Redis) -> None:
    """The first waits, the others stand behind it: each is sent again, and gets its own reply."""
    (number,) = await line.send([("CLIENT", "ID")])
    first = asyncio.create_task(line.send([("BLPOP", "nothing", 0)]))
    behind = [asyncio.create_task(line.send([("ECHO", f"{n}")])) for n in range(5)]
    await _until_blocked(redis, number)
    await redis.client_kill_filter(_id=number)
    await redis.lpush("nothing", "x")  # type: ignore[misc]
    assert await first == [[b"nothing", b"x"]]
    assert await asyncio.gather(*behind) == [[b"%d" % n] for n in range(5)]


async def test_batches_that_come_together_go_one_behind_the_other(line: Line) -> None:
    replies = await asyncio.gather(*(line.send([("ECHO", f"{n}"), ("ECHO", f"{n}.")]) for n in range(20)))
    assert replies == [[b"%d" % n, b"%d." % n] for n in range(20)]


async def _until_blocked(redis: Redis, number: int) -> None:
    """Until this client waits at a list."""
    async with asyncio.timeout(10):
        while not any(  # noqa: ASYNC110 - the server has no event to wait for
            each["id"] == str(number) and each["cmd"] == "blpop" for each in await redis.client_list()
        ):
            await asyncio.sleep(0)
