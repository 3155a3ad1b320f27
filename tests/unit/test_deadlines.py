"""Many waits, one timer: each ends in time, none disturbs another, and a cancellation stays one."""

import asyncio

import pytest

from shared.deadlines import Deadlines, Limits


async def wait_for_ever(deadlines: Deadlines) -> None:
    with deadlines.limit():
        await asyncio.Event().wait()


async def within(deadlines: Deadlines, future: asyncio.Future[int]) -> int:
    deadlines.began(future)
    try:
        return await future
    finally:
        deadlines.ended(future)


async def test_every_wait_past_the_limit_raises() -> None:
    deadlines = Deadlines(0.01)
    results = await asyncio.gather(*(wait_for_ever(deadlines) for _ in range(50)), return_exceptions=True)
    assert [type(result) for result in results] == [TimeoutError] * 50


async def test_a_wait_that_ends_in_time_is_left_alone() -> None:
    deadlines = Deadlines(30)
    with deadlines.limit():
        await asyncio.sleep(0)


async def test_a_later_wait_gets_its_own_time() -> None:
    deadlines = Deadlines(0.05)
    with deadlines.limit():  # sets the timer, and is over long before it rings
        pass
    started = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        await wait_for_ever(deadlines)
    assert asyncio.get_running_loop().time() - started >= 0.05
    with pytest.raises(TimeoutError):
        await wait_for_ever(deadlines)


async def test_a_cancelled_wait_is_cancelled_and_not_timed_out() -> None:
    task = asyncio.create_task(wait_for_ever(Deadlines(30)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_that_comes_with_the_limit_is_not_hidden() -> None:
    limit = Deadlines(30).limit()

    async def wait() -> None:
        with limit:
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    limit.expire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_future_fails_at_its_limit_and_not_before() -> None:
    loop, deadlines = asyncio.get_running_loop(), Deadlines(0.02)
    done: asyncio.Future[int] = loop.create_future()
    loop.call_soon(done.set_result, 7)
    assert await within(deadlines, done) == 7
    never: asyncio.Future[int] = loop.create_future()
    with pytest.raises(TimeoutError):
        await within(deadlines, never)
    assert never.done()


async def test_whoever_gives_up_a_future_cancels_it() -> None:
    deadlines, never = Deadlines(30), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(within(deadlines, never))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert never.cancelled()


async def test_waits_of_different_lengths_each_end_at_their_own() -> None:
    limits, ended = Limits(), []

    async def wait(limit_s: float) -> None:
        with pytest.raises(TimeoutError), limits.limit(limit_s):
            await asyncio.Event().wait()
        ended.append(limit_s)

    await asyncio.gather(wait(0.03), wait(0.01), wait(0.02))
    assert ended == [0.01, 0.02, 0.03]


async def test_a_limit_tells_its_own_end_from_a_timeout_of_the_code_within() -> None:
    within = Limits().limit(30)
    with pytest.raises(TimeoutError), within:
        raise TimeoutError
    assert not within.expired

    within = Limits().limit(0.01)
    with pytest.raises(TimeoutError), within:
        await asyncio.Event().wait()
    assert within.expired
