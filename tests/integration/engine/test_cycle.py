"""The scripts alone, with workers that are mere tokens: fencing, leases, the bell, repeated and lost answers."""

from collections.abc import Awaitable
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from shared import outbox
from shared.claims import Again, Claimant, Cycle, Done, Release, decode_cycle, decode_lost
from shared.keys import Keys, Stage
from shared.lanes import append, fail
from shared.queue import split_job_id
from shared.round_trip import execute
from shared.setbacks import setback_of
from tests.integration.engine.rig import Queue

LEASE_MS = 60_000


class Hand:
    """A worker's token and what it sends."""

    def __init__(self, redis: Redis, keys: Keys, token: str) -> None:
        self._redis = redis
        queue, bell = keys.queue("agent"), keys.bell("agent")
        self._claimant = Claimant(queue=queue, bell=bell, token=token, lease_ms=LEASE_MS, abort=True)

    async def cycle(self, *released: Release, slots: int = 0) -> Cycle:
        (reply,) = await execute(self._redis, [self._claimant.cycle(slots=slots, released=released)])
        return decode_cycle(reply)

    async def claim(self, slots: int = 10) -> list[str]:
        return [claimed.job_id for claimed in (await self.cycle(slots=slots)).claims]

    async def renew(self, *job_ids: str) -> set[str]:
        (reply,) = await execute(self._redis, [self._claimant.renew(job_ids)])
        return decode_lost(reply)


@pytest.fixture
def ann(redis: Redis, keys: Keys) -> Hand:
    return Hand(redis, keys, "ann")


@pytest.fixture
def bob(redis: Redis, keys: Keys) -> Hand:
    return Hand(redis, keys, "bob")


async def end_lease(queue: Queue, job_id: str) -> None:
    """As if its time had passed."""
    await queue.redis.delete(f"arq:in-progress:test:{job_id}")
    await queue.redis.zadd(queue.name, {f"test:{job_id}": 1.5}, xx=True)


async def rung(queue: Queue) -> bool:
    return bool(await queue.redis.delete(queue.bell))


async def test_two_workers_never_claim_one_job(queue: Queue, ann: Hand, bob: Hand) -> None:
    for number in range(6):
        await queue.put("f", job_id=f"{number}")
    assert await ann.claim(4) == [f"test:{number}" for number in range(4)]
    assert await bob.claim(4) == ["test:4", "test:5"]
    assert await ann.claim(4) == []


async def test_a_claimed_job_does_not_hide_younger_ones(queue: Queue, ann: Hand, bob: Hand) -> None:
    """Stock arq looks at the first hundred only: as many long jobs in progress starve the rest."""
    await queue.put("f", job_id="old")
    await ann.claim()
    assert await queue.score("old") is not None
    await queue.put("f", job_id="young")
    first: list[Any] = await queue.redis.zrange(queue.name, 0, 0)
    assert first == [b"test:young"]
    assert await bob.claim(1) == ["test:young"]


async def test_jobs_of_stock_workers_are_looked_past(queue: Queue, ann: Hand) -> None:
    for number in range(300):
        await queue.put("f", job_id=f"{number:03}")
        await queue.redis.set(f"arq:in-progress:test:{number:03}", b"1", ex=300)
    await queue.put("f", job_id="free")
    assert await ann.claim(1) == ["test:free"]


async def test_what_is_due_but_left_wakes_one_more_worker(queue: Queue, ann: Hand, bob: Hand) -> None:
    await queue.put("f", job_id="1")
    await queue.put("f", job_id="2")
    await queue.redis.delete(queue.bell)
    await ann.claim(1)
    assert await rung(queue)
    await bob.claim(1)
    assert not await rung(queue), "nothing is left"


async def test_a_worker_without_a_free_slot_passes_the_token_on(queue: Queue, ann: Hand) -> None:
    await queue.put("f", job_id="1")
    await queue.redis.delete(queue.bell)
    found = await ann.cycle(slots=0)
    assert found.claims == []
    assert found.next_due_ms is not None
    assert await rung(queue)


async def test_the_next_due_time_is_told(queue: Queue, ann: Hand) -> None:
    assert (await ann.cycle(slots=1)).next_due_ms is None
    await queue.put("f", job_id="later", _defer_by=1000)
    found = await ann.cycle(slots=1)
    assert found.next_due_ms == await queue.score("later")
    assert not found.claims


async def test_a_lost_lease_is_told_and_releases_nothing(queue: Queue, ann: Hand, bob: Hand) -> None:
    for release in (Done("test:j", b"result"), Again("test:j", 0, counted=True)):
        await queue.put("f", job_id="j")
        await ann.claim()
        await end_lease(queue, "j")
        await bob.claim()
        before = await queue.score("j")
        assert (await ann.cycle(release)).lost == {"test:j"}
        assert await queue.score("j") == before
        assert await queue.holder("j") == b"bob"
        assert (await bob.cycle(Done("test:j"))).lost == set()


async def test_a_batch_that_is_sent_twice_changes_nothing_the_second_time(queue: Queue, ann: Hand) -> None:
    """As after a connection that broke between the script and its answer."""
    await queue.put("f", job_id="done")
    await queue.put("f", job_id="again")
    await ann.claim()
    batch = (Done("test:done"), Again("test:again", 3_600_000, counted=False))
    assert (await ann.cycle(*batch)).lost == set()
    score = await queue.score("again")
    assert (await ann.cycle(*batch)).lost == {"test:done", "test:again"}
    assert await queue.score("again") == score
    assert await queue.attempts("again") == 0


async def test_a_claim_whose_answer_was_lost_comes_back_with_the_lease(queue: Queue, ann: Hand, bob: Hand) -> None:
    await queue.put("f", job_id="j")
    await ann.claim()  # nobody reads this
    assert await bob.claim() == []
    await end_lease(queue, "j")
    (claimed,) = (await bob.cycle(slots=1)).claims
    assert (claimed.job_id, claimed.attempt) == ("test:j", 2)


async def test_a_claim_and_its_lease_end_together(queue: Queue, ann: Hand) -> None:
    """The key must not outlive the score, or the worker that wakes at the score would look past the job."""
    await queue.put("f", job_id="j")
    await ann.claim()
    key = "arq:in-progress:test:j"
    assert await cast("Awaitable[int]", queue.redis.pexpiretime(key)) == int(await queue.score("j") or 0) - 1


async def test_renewal_moves_lease_and_score(queue: Queue, ann: Hand, bob: Hand) -> None:
    await queue.put("f", job_id="j")
    await ann.claim()
    await queue.redis.pexpire("arq:in-progress:test:j", 1000)
    await queue.redis.zadd(queue.name, {"test:j": 5})
    assert await ann.renew("test:j") == set()
    assert (await queue.score("j") or 0) > 1_000_000_000_000
    assert await queue.redis.pttl("arq:in-progress:test:j") > 1000
    assert await bob.renew("test:j") == {"test:j"}


async def test_a_renewal_never_moves_a_put_off(queue: Queue, ann: Hand) -> None:
    await queue.put("f", job_id="j")
    await ann.claim()
    await ann.cycle(Again("test:j", 3_600_000, counted=True))
    score = await queue.score("j")
    assert await ann.renew("test:j") == {"test:j"}
    assert await queue.score("j") == score
    assert await queue.holder("j") is None


async def test_a_renewal_revives_no_finished_job(queue: Queue, ann: Hand) -> None:
    await queue.put("f", job_id="j")
    await ann.claim()
    await ann.cycle(Done("test:j", keep_ms=60_000))
    assert await ann.renew("test:j") == {"test:j"}
    assert await queue.score("j") is None
    assert 12_000 < await queue.redis.pttl("arq:in-progress:test:j") <= 60_000


async def test_a_lease_that_ran_out_is_renewed_if_nobody_was_quicker(queue: Queue, ann: Hand, bob: Hand) -> None:
    await queue.put("f", job_id="j")
    await ann.claim()
    await end_lease(queue, "j")
    assert await ann.renew("test:j") == set()
    assert await bob.claim() == []
    await end_lease(queue, "j")
    assert await bob.claim() == ["test:j"]
    assert await ann.renew("test:j") == {"test:j"}


async def test_attempts_are_those_that_counted_and_those_that_died(queue: Queue, ann: Hand) -> None:
    """Nothing is written for a first attempt, nor for one that does not count: nearly all jobs have no other."""
    await queue.put("f", job_id="j")
    told = []
    for counted in (False, True, False, None, False, True):  # None: its worker dies
        (claimed,) = (await ann.cycle(slots=1)).claims
        told.append((claimed.attempt, await queue.attempts("j")))
        if counted is None:
            await end_lease(queue, "j")
        else:
            await ann.cycle(Again("test:j", 0, counted=counted))
    assert told == [(1, 0), (1, 0), (2, 1), (2, 1), (3, 2), (3, 2)]
    assert await queue.attempts("j") == 3
    assert 0 < await queue.redis.ttl("arq:retry:test:j") <= 88_400
    await ann.claim()
    await ann.cycle(Done("test:j"))
    assert await queue.redis.exists("arq:retry:test:j") == 0


async def test_a_renewed_claim_is_still_known_for_one(queue: Queue, ann: Hand, bob: Hand) -> None:
    await queue.put("f", job_id="j")
    await ann.claim()
    await ann.renew("test:j")
    await queue.redis.delete("arq:in-progress:test:j")
    await queue.redis.zincrby(queue.name, -3_600_000, "test:j")  # it died, and an hour has passed
    (claimed,) = (await bob.cycle(slots=1)).claims
    assert claimed.attempt == 2


async def test_what_ends_a_turn_passes_in_a_full_redis(own_redis: Redis, own_queue: Queue, keys: Keys) -> None:
    """Redis, when full, refuses a script whose first write takes memory; but only finished work makes room."""
    lane, part = keys.lane(Stage.AGENT, "c"), keys.part("p")
    (length,) = await execute(own_redis, [append(lane=lane, stage=Stage.AGENT, records=(b"r",))])
    assert length == 1
    (job,) = await own_redis.zrange(own_queue.name, 0, -1)
    _, turn = split_job_id(job.decode())
    await own_redis.hset(part, mapping={"state": "dispatching", "attempt": "a"})  # type: ignore[misc]
    await own_redis.delete(own_queue.bell)
    await own_redis.config_set("maxmemory", 1)
    ann = Hand(own_redis, keys, "ann")
    assert (await ann.cycle(slots=0)).claims == [], "it rings for somebody else"
    assert await ann.claim() == [job.decode()]
    assert await ann.renew(job.decode()) == set()
    counted, released = await execute(
        own_redis,
        [
            fail(lane=lane, stage=Stage.AGENT, turn=turn, setback=setback_of("full")),
            outbox.release(keys=keys, part_id="p", attempt="a"),
        ],
    )
    assert (counted, released) == ([1, 0], 1)
    assert (await ann.cycle(Again(job.decode(), 0, counted=True))).lost == set()


async def test_a_job_that_comes_twice_in_one_batch_is_released_once(queue: Queue, ann: Hand, bob: Hand) -> None:
    for job_id in ("a", "b"):
        await queue.put("f", job_id=job_id)
    await ann.claim()
    again = Again("test:a", 3_600_000, counted=True)
    cycle = await ann.cycle(again, Done("test:a"))
    assert cycle.lost == {"test:a"}
    assert await queue.score("a") is not None, "put off, and not finished as well"
    assert await bob.claim() == []
    assert (await ann.cycle(Done("test:b"))).lost == set()


async def test_claims_of_one_batch_bring_each_its_own_payload(queue: Queue, ann: Hand) -> None:
    for number in range(3):
        await queue.put("f", job_id=f"{number}")
    await queue.redis.delete("arq:job:test:1")
    claims = (await ann.cycle(slots=10)).claims
    payloads = [await queue.redis.get(f"arq:job:test:{number}") for number in range(3)]
    assert [claimed.payload for claimed in claims] == payloads
    assert payloads[1] is None
    assert len({await queue.score(f"{number}") for number in range(3)}) == 1, "one lease for all"
