"""One record per person and account, and a trail that tells exactly how it came about."""

import asyncio

import pytest
from redis.asyncio import Redis

from shared.keys import Keys
from shared.optout import Cause, Change, change_opt_out, is_opted_out, list_opt_outs, load_trail, new_change
from shared.redis_client import connect
from shared.round_trip import execute

ANN = "+15557650001"


async def change(redis: Redis, keys: Keys, *, out: bool, person: str = ANN, cause: Cause = Cause.OPERATOR) -> object:
    call = change_opt_out(keys=keys, account_id="default", change=new_change(person, out=out, cause=cause, said="why"))
    (reply,) = await execute(redis, [call])
    return reply


async def test_only_what_changes_something_is_a_change(redis: Redis, keys: Keys) -> None:
    assert await change(redis, keys, out=False) == 0
    assert await change(redis, keys, out=True, cause=Cause.TWILIO) == 1
    assert await change(redis, keys, out=True) == 0, "the first is the one that counts"
    (state,) = await list_opt_outs(redis, keys, "default")
    assert (state.person, state.cause, state.said) == (ANN, Cause.TWILIO, "why")
    assert await change(redis, keys, out=False) == 1
    assert await list_opt_outs(redis, keys, "default") == []
    trail = await load_trail(redis, keys, "default", ANN)
    assert [(entry.out, entry.cause) for entry in trail] == [(True, Cause.TWILIO), (False, Cause.OPERATOR)]


async def test_of_twenty_at_once_one_changes_it(redis: Redis, keys: Keys, redis_url: str) -> None:
    clients = [connect(redis_url) for _ in range(4)]
    replies = await asyncio.gather(*(change(client, keys, out=True) for client in clients for _ in range(5)))
    for client in clients:
        await client.aclose()
    assert sorted(map(int, map(str, replies))) == [0] * 19 + [1]
    assert len(await load_trail(redis, keys, "default", ANN)) == 1


async def test_the_trail_is_bounded_and_outlives_the_state(redis: Redis, keys: Keys) -> None:
    for _ in range(40):
        await change(redis, keys, out=True)
        await change(redis, keys, out=False)
    trail = await load_trail(redis, keys, "default", ANN)
    assert [entry.out for entry in trail] == [True, False] * 25
    lifetime_ms = await redis.pttl(keys.opt_out_trail("default", ANN))
    assert 4 * 365 * 24 * 3600 * 1000 < lifetime_ms <= 5 * 365 * 24 * 3600 * 1000


@pytest.mark.parametrize(("written", "asked"), [(f"rcs:{ANN}", ANN), (ANN, f"rcs:{ANN}"), (f"RCS:{ANN}", ANN)])
async def test_sms_and_rcs_are_one_person(redis: Redis, keys: Keys, written: str, asked: str) -> None:
    await change(redis, keys, out=True, person=written)
    assert await is_opted_out(redis, keys, "default", asked)
    assert not await is_opted_out(redis, keys, "default", f"whatsapp:{ANN}")
    assert not await is_opted_out(redis, keys, "other", asked)
    assert [entry.person for entry in await load_trail(redis, keys, "default", asked)] == [ANN]


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (
            b"1700000000000 SM1",
            Change(person=ANN, out=True, at_ms=1_700_000_000_000, cause=Cause.KEYWORD, message_sid="SM1"),
        ),
        (b"twilio 21610", Change(person=ANN, out=True, at_ms=0, cause=Cause.UNKNOWN)),
        (b"", Change(person=ANN, out=True, at_ms=0, cause=Cause.UNKNOWN)),
    ],
)
async def test_notes_of_older_versions_still_count(redis: Redis, keys: Keys, note: bytes, expected: Change) -> None:
    await redis.execute_command("HSET", keys.opted_out("default"), ANN, note)  # type: ignore[no-untyped-call]
    assert await list_opt_outs(redis, keys, "default") == [expected]
    assert await change(redis, keys, out=True) == 0
    assert await change(redis, keys, out=False) == 1
