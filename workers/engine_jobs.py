"""Running one claimed arq job: from its payload to what becomes of it.

The same rules as arq 0.28 (`Worker.run_job`), without its round trips: the outcome is a value, which the engine sends
with the next cycle. Touches Redis only for a job that was enqueued with `_job_try`.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from arq.constants import keep_cronjob_progress, retry_key_prefix
from arq.cron import CronJob
from arq.jobs import SerializationError, deserialize_job_raw, serialize_result
from arq.utils import timestamp_ms
from arq.worker import Function, JobExecutionFailed, Retry, RetryJob, Worker

from shared.claims import Again, Claimed, Done
from shared.deadlines import Limits
from shared.logs import logger

RETRY_TTL_S = 88400
"""How long arq remembers a job's attempts."""

log = logger(__name__)


class PutOff(Exception):  # noqa: N818 - an order to the engine, not an error
    """Claim this job again in `delay_s`, by Redis' clock. `counted` says whether this was an attempt."""

    def __init__(self, delay_s: float, *, counted: bool) -> None:
        super().__init__(f"again in {delay_s:.1f} s")
        self.delay_s = delay_s
        self.counted = counted


class _Order(msgspec.Struct):
    """What the payload asks for; the defaults stand in results of jobs whose payload cannot be read."""

    job_id: str
    attempt: int
    started_ms: int
    name: str = "<unknown>"
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    enqueued_ms: int = 0


class JobRunner:
    """Runs the jobs of one arq worker: its functions, hooks, limits and counters."""

    def __init__(self, worker: Worker, *, handing_back: Callable[[], bool]) -> None:
        self._worker = worker
        self._handing_back = handing_back
        self._limits = Limits()

    async def run(self, claimed: Claimed, extra: dict[str, Any]) -> Done | Again:
        """Run the job to its end. `extra` joins the job's `ctx`. Whatever the function raises becomes a value."""
        order = _Order(claimed.job_id, claimed.attempt, timestamp_ms())
        try:
            function = await self._read(order, claimed)
        except (JobExecutionFailed, SerializationError, asyncio.CancelledError) as refusal:
            if isinstance(refusal, asyncio.CancelledError) and not claimed.aborted:
                raise
            log.warning("job_refused", job=claimed.job_id, reason=str(refusal) or "aborted")
            return self._failed(order, refusal)
        ctx = {
            **self._worker.ctx,
            **extra,
            "job_id": order.job_id,
            "job_try": order.attempt,
            "enqueue_time": datetime.fromtimestamp(order.enqueued_ms / 1000, UTC),
            "score": claimed.due_ms,
        }
        if self._worker.on_job_start:
            await self._worker.on_job_start(ctx)
        outcome = await self._call(order, function, ctx)
        if self._worker.on_job_end:
            await self._worker.on_job_end(ctx)
        return outcome

    async def _read(self, order: _Order, claimed: Claimed) -> Function | CronJob:
        """The function to call. Raises what becomes the job's result if it must not run."""
        worker = self._worker
        if claimed.payload is None:
            raise JobExecutionFailed("job expired")
        order.name, order.args, order.kwargs, enqueued_try, order.enqueued_ms = deserialize_job_raw(
            claimed.payload, deserializer=worker.job_deserializer
        )
        if claimed.aborted:
            raise asyncio.CancelledError
        function = worker.functions.get(order.name)
        if function is None:
            raise JobExecutionFailed(f"function {order.name!r} not found")
        if enqueued_try and enqueued_try > order.attempt:
            order.attempt = enqueued_try
            # The key counts the attempts before this one: see `lua/cycle.lua`.
            await worker.pool.setex(retry_key_prefix + order.job_id, RETRY_TTL_S, str(enqueued_try - 1))
        max_tries = worker.max_tries if function.max_tries is None else function.max_tries
        if order.attempt > max_tries:
            raise JobExecutionFailed(f"max {max_tries} retries exceeded")
        return function

    async def _call(self, order: _Order, function: Function | CronJob, ctx: dict[str, Any]) -> Done | Again:
        worker = self._worker
        timeout_s = worker.job_timeout_s if function.timeout_s is None else function.timeout_s
        try:
            with self._limits.limit(timeout_s):
                result = await function.coroutine(ctx, *order.args, **order.kwargs)
        except PutOff as put_off:
            return self._again(order, round(put_off.delay_s * 1000), counted=put_off.counted)
        except Retry as retry:
            return self._again(order, retry.defer_score or 0)
        except RetryJob:
            return self._again(order, 0)
        except asyncio.CancelledError as cancelled:
            if order.job_id in worker.aborting_tasks:
                worker.aborting_tasks.discard(order.job_id)
                return self._failed(order, cancelled, function)
            return self._again(order, 0, counted=not self._handing_back())
        except Exception as error:  # as in arq: whatever a function raises is its result, and ends the job
            log.exception("job_failed", job=order.job_id, function=order.name)
            return self._failed(order, error, function)
        worker.jobs_complete += 1
        return self._done(order, function, result, success=True)

    def _again(self, order: _Order, delay_ms: int, *, counted: bool = True) -> Again:
        self._worker.jobs_retried += 1
        return Again(order.job_id, max(delay_ms, 0), counted)

    def _failed(self, order: _Order, error: BaseException, function: Function | CronJob | None = None) -> Done:
        self._worker.jobs_failed += 1
        return self._done(order, function, error, success=False)

    def _done(self, order: _Order, function: Function | CronJob | None, result: Any, *, success: bool) -> Done:
        keep_s, keep_ms = self._keep_result_s(function), 0
        if isinstance(function, CronJob):
            keep_ms = keep_cronjob_progress * 1000
            if function.unique and function.job_id is None and keep_s is not None:
                # Without a result a worker that is late could enqueue this very run again.
                keep_s = max(keep_s, keep_cronjob_progress)
        if keep_s == 0:
            return Done(order.job_id, keep_ms=keep_ms)
        data = serialize_result(
            order.name,
            order.args,
            order.kwargs,
            order.attempt,
            order.enqueued_ms,
            success,
            result,
            order.started_ms,
            timestamp_ms(),
            f"{order.job_id}:{order.name}",
            self._worker.queue_name,
            job_id=order.job_id,
            serializer=self._worker.job_serializer,
        )
        return Done(order.job_id, data or b"", round((keep_s or 0) * 1000), keep_ms)

    def _keep_result_s(self, function: Function | CronJob | None) -> float | None:
        """How long the result is kept; 0: not at all, None: for ever."""
        worker = self._worker
        forever, keep_s = worker.keep_result_forever, worker.keep_result_s
        if function is not None and function.keep_result_forever is not None:
            forever = function.keep_result_forever
        if function is not None and function.keep_result_s is not None:
            keep_s = function.keep_result_s
        return None if forever else keep_s or 0
