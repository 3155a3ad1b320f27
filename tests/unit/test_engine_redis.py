"""What makes the engine wait, and how it says so."""

import asyncio
import random
from typing import Any

import pytest
import structlog
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError as RedisConnectionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

from shared.cancellation import pass_cancellation
from shared.redis_client import is_away
from workers.engine_redis import LONGEST_WAIT_S, Outage


@pytest.mark.parametrize(
    ("reply", "later"),
    [
        (RedisConnectionError("closed"), True),
        (BusyLoadingError("loading"), True),
        (ReadOnlyError("replica"), True),
        (OutOfMemoryError("OOM"), True),
        (
            ResponseError("Error running script: @user_script:3: -OOM command not allowed when used memory > 'max'"),
            True,
        ),
        (ResponseError("Error running script (call to f_1): @user_script:3: -READONLY You can't write"), True),
        (ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), True),
        (ResponseError("NOREPLICAS Not enough good replicas to write."), True),
        (ResponseError("BUSY Redis is busy running a script."), True),
        (ResponseError("WRONGTYPE Operation against a key"), False),
        (ResponseError("BUSYKEY Target key name already exists."), False),
        (NoScriptError("no script"), False),
        (b"OOM command not allowed", False),
        (None, False),
    ],
)
def test_a_reply_that_means_later_is_known(reply: object, later: bool) -> None:
    assert is_away(reply) is later


async def test_an_outage_is_told_once_and_waits_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("workers.engine_redis.asyncio.sleep", sleep)
    outage = Outage(random.Random(1))
    with structlog.testing.capture_logs() as logs:
        for _ in range(12):
            await outage.wait(RedisConnectionError("closed"))
        outage.over()
        outage.over()
    assert [log["event"] for log in logs] == ["redis_away", "redis_back"]
    assert waits[0] <= 0.05
    assert max(waits) <= LONGEST_WAIT_S
    assert min(waits[-4:]) >= LONGEST_WAIT_S / 2


async def test_a_swallowed_cancellation_is_found() -> None:
    async def work() -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass_cancellation()
            return "not reached"

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pass_cancellation()  # this task was not asked to end
