"""A stage as an arq job function, for our engine and for a stock arq worker alike.

Our engine hands a claimed lane job its records and two ways to send scripts (`ctx["records"]`, `ctx["call"]`,
`ctx["commit"]`; see `workers/engine.py`). A stock worker knows none of this, so the function reads the lane and sends
its scripts itself: the same work, with more round trips, half a second of waiting at each hop and no renewed lease.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Any

from arq.worker import Function, Retry, func

from shared.group_commit import GroupCommit
from shared.metrics import RETRIES
from shared.queue import split_job_id
from shared.redis_client import load_list
from workers.boundary import run_guarded
from workers.engine_jobs import PutOff
from workers.work import Environment, Send, StageSpec, Work

MAX_TRIES = 1_000_000
"""Attempts are counted by the boundary; arq would drop a job at its own limit without a word."""

JobFunction = Callable[[dict[str, Any]], Awaitable[None]]


def stage_job(spec: StageSpec) -> Function:
    """The arq function of a stage, named like the stage."""
    return func(make_job(spec), name=spec.stage.value, max_tries=MAX_TRIES, keep_result=0)  # type: ignore[arg-type]


def make_job(spec: StageSpec) -> JobFunction:
    """The coroutine behind `stage_job`."""
    RETRIES.start(spec.stage.value)
    rng = random.Random()  # noqa: S311 - jitter, not a secret

    async def run(ctx: dict[str, Any]) -> None:
        env: Environment = ctx["env"]
        engine = "engine" in ctx
        work = _claimed(ctx) if engine else await _stock(ctx, spec)
        if not work.records:  # a job that outlived its turn
            return
        try:
            await run_guarded(spec, work, env, rng)
        except PutOff as order:
            if engine:
                raise
            raise Retry(defer=order.delay_s) from None

    return run


def _claimed(ctx: dict[str, Any]) -> Work:
    return _work(ctx, ctx["job_try"], ctx["records"], ctx["call"], ctx["commit"])


async def _stock(ctx: dict[str, Any], spec: StageSpec) -> Work:
    env: Environment = ctx["env"]
    list_key, _ = split_job_id(ctx["job_id"])
    group: GroupCommit = ctx["group"]
    records = await load_list(env.redis, list_key, 0, spec.take - 1)
    # A stock worker counts each put-off as an attempt, so its count says nothing about crashes.
    return _work(ctx, 1, records, group.call, group.call)


def _work(ctx: dict[str, Any], attempt: int, records: list[bytes], call: Send, commit: Send) -> Work:
    env: Environment = ctx["env"]
    list_key, turn = split_job_id(ctx["job_id"])
    stage, conversation = env.keys.lane_of_list(list_key)
    return Work(
        stage=stage,
        conversation=conversation,
        turn=turn,
        lane=env.keys.lane(stage, conversation),
        records=records,
        attempt=attempt,
        call=call,
        commit=commit,
        facts={},
    )
