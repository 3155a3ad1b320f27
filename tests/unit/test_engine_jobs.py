"""What becomes of a job, as a value: no Redis is needed to decide it."""

import asyncio
from datetime import UTC
from typing import Any, cast

import pytest
from arq.cron import cron
from arq.jobs import serialize_job
from arq.utils import ms_to_datetime
from arq.worker import Retry, RetryJob, func
from hypothesis import given, strategies as st

from shared.claims import Again, Claimed, Done
from shared.keys import Keys
from shared.queue import deserialize, serialize
from workers.engine import EventWorker
from workers.engine_jobs import JobRunner, PutOff

Outcome = Done | Again


def claimed(function: str = "f", *, attempt: int = 1, payload: bytes | None = b"", **options: Any) -> Claimed:
    if payload == b"":
        payload = serialize_job(function, (), {}, None, 0, serializer=serialize)
    fields: dict[str, Any] = {"aborted": False, "records": []}
    return Claimed("j", 0, attempt, payload, **(fields | options))


def worker_of(raised: BaseException | None = None, **options: Any) -> EventWorker:
    """A worker, never connected, whose function `f` raises this, or returns its attempt."""

    async def f(ctx: dict[str, Any]) -> int:
        if raised is not None:
            raise raised
        return int(ctx["job_try"])

    return EventWorker(
        [func(f, name="f")],
        redis_url="unix:///nowhere",
        keys=Keys("test:"),
        stage="agent",
        handle_signals=False,
        **options,
    )


async def outcome(worker: EventWorker, claim: Claimed, *, handing_back: bool = False) -> Outcome:
    return await JobRunner(worker, handing_back=lambda: handing_back).run(claim, {})


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (PutOff(1.5, counted=False), Again("j", 1500, False)),
        (PutOff(0.0004, counted=True), Again("j", 0, True)),
        (PutOff(-3, counted=True), Again("j", 0, True)),  # the past is now
        (Retry(defer=2), Again("j", 2000, True)),
        (Retry(), Again("j", 0, True)),
        (RetryJob(), Again("j", 0, True)),
        (asyncio.CancelledError(), Again("j", 0, True)),  # by the function itself: an attempt, as in arq
        (ValueError("x"), Done("j")),
        (None, Done("j")),
    ],
)
async def test_what_a_function_raises_decides(raised: BaseException | None, expected: Outcome) -> None:
    assert await outcome(worker_of(raised), claimed()) == expected


async def test_a_job_that_is_handed_back_costs_no_attempt() -> None:
    assert await outcome(worker_of(asyncio.CancelledError()), claimed(), handing_back=True) == Again("j", 0, False)


async def test_an_aborted_job_is_finished_with_its_cancellation() -> None:
    worker = worker_of(asyncio.CancelledError(), keep_result=60)
    worker.aborting_tasks.add("j")
    done = await outcome(worker, claimed())
    assert isinstance(done, Done)
    assert deserialize(done.result)["r"] == "CancelledError()"
    assert worker.aborting_tasks == set()


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (claimed(payload=None), "JobExecutionFailed('job expired')"),
        (claimed(payload=b"\xc1"), "DeserializationError('unable to deserialize job')"),
        (claimed("g"), "JobExecutionFailed(\"function 'g' not found\")"),
        (claimed(attempt=6), "JobExecutionFailed('max 5 retries exceeded')"),
        (claimed(aborted=True), "CancelledError()"),
    ],
)
async def test_a_job_that_must_not_run_is_finished_with_the_reason(claim: Claimed, said: str) -> None:
    worker = worker_of(keep_result=60)
    done = await outcome(worker, claim)
    assert isinstance(done, Done)
    result = deserialize(done.result)
    assert (result["r"], result["s"], done.result_ttl_ms) == (said, False, 60_000)
    assert (worker.jobs_failed, worker.jobs_complete) == (1, 0)


@given(st.integers(0, 7_000_000_000_000))
async def test_a_job_is_told_when_it_was_enqueued_as_by_arq(enqueued_ms: int) -> None:
    told: dict[str, Any] = {}

    async def on_job_start(ctx: dict[str, Any]) -> None:
        told.update(ctx)

    payload = serialize({"t": None, "f": "f", "a": (), "k": {}, "et": enqueued_ms})
    await outcome(worker_of(on_job_start=on_job_start), claimed(payload=payload))
    assert told["enqueue_time"] == ms_to_datetime(enqueued_ms)
    assert told["enqueue_time"].tzinfo is UTC


async def test_a_result_is_kept_only_if_asked_for() -> None:
    assert await outcome(worker_of(), claimed()) == Done("j")
    kept = await outcome(worker_of(keep_result=5), claimed(attempt=2))
    assert isinstance(kept, Done)
    assert (kept.result_ttl_ms, deserialize(kept.result)["r"]) == (5000, 2)


@pytest.mark.parametrize(
    ("options", "kept_ms"), [({}, 60_000), ({"job_id": "always the same"}, 0), ({"unique": False}, 0)]
)
async def test_a_cron_run_is_remembered_long_enough_to_run_once(options: dict[str, Any], kept_ms: int) -> None:
    """arq keeps only the in-progress key: a late worker's second job waits for that, and then runs."""

    async def tick(_: dict[str, Any]) -> None: ...

    worker = worker_of(cron_jobs=[cron(cast("Any", tick), name="tick", **options)])
    done = await outcome(worker, claimed("tick"))
    assert isinstance(done, Done)
    assert done.keep_ms == 60_000
    assert bool(done.result) == bool(kept_ms)
    assert done.result_ttl_ms == kept_ms
