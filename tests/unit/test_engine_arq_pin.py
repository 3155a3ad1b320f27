"""arq's inner workings that the engine replaces or leans on, nailed to the version that was read."""

import hashlib
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import arq
import pytest
from arq.connections import ArqRedis
from arq.cron import CronJob
from arq.jobs import Job, deserialize_job_raw, serialize_job, serialize_result
from arq.worker import Worker, async_check_health

READ: dict[str, tuple[Any, str, str]] = {
    # replaced: what they do must be done by ours
    "Worker.main": (Worker.main, "0ecb21ce3368eccd", "workers/engine.py, EventWorker.main and workers/engine_loop.py"),
    "Worker._poll_iteration": (Worker._poll_iteration, "489ccd5a28868742", "workers/engine_loop.py"),
    "Worker.start_jobs": (Worker.start_jobs, "a38f54558b8cd0e0", "shared/lua/cycle.lua, claim"),
    "Worker.run_job": (Worker.run_job, "3ba41d10a68f7bcc", "workers/engine_jobs.py"),
    "Worker.finish_job": (Worker.finish_job, "93bb5bdcf65892e5", "shared/lua/cycle.lua, release"),
    "Worker.finish_failed_job": (Worker.finish_failed_job, "103418320f3ae56c", "shared/lua/cycle.lua, release"),
    "Worker.heart_beat": (Worker.heart_beat, "f2efb4160140423a", "workers/engine_house.py"),
    "Worker.handle_sig": (Worker.handle_sig, "c2b96e67b9157b33", "workers/engine.py, EventWorker.handle_sig"),
    "Worker.close": (Worker.close, "d14f94e939753f5e", "workers/engine.py, EventWorker.close"),
    # leaned on: called, or read by others beside us
    "Worker.__init__": (Worker.__init__, "d6a9394abdb57cc4", "workers/engine.py, EventWorker.__init__"),
    "Worker.async_run": (Worker.async_run, "46cb47b608d32802", "workers/engine.py, run"),
    "Worker._cancel_aborted_jobs": (Worker._cancel_aborted_jobs, "5bd03e72e1ad5c85", "workers/engine_house.py"),
    "Worker.run_cron": (Worker.run_cron, "51813539106e3366", "workers/engine_house.py"),
    "Worker.record_health": (Worker.record_health, "f9fd382757f5f327", "workers/engine_house.py"),
    "CronJob.calculate_next": (CronJob.calculate_next, "f339f479d37b409f", "workers/engine_house.py"),
    "ArqRedis.enqueue_job": (ArqRedis.enqueue_job, "35e69611a21e0391", "shared/lua/lib/jobs.lua"),
    "serialize_job": (serialize_job, "1fc854cc50e16e5c", "shared/queue.py"),
    "serialize_result": (serialize_result, "709b9d4709d5aa08", "workers/engine_jobs.py"),
    "deserialize_job_raw": (deserialize_job_raw, "f330dfaff8e2160f", "workers/engine_jobs.py"),
    "Job.status": (Job.status, "d45f8bec44d99788", "shared/lua/cycle.lua (the keys it reads)"),
    "Job.abort": (Job.abort, "293ebc0e94efdbfa", "shared/lua/cycle.lua, claim; workers/engine_house.py"),
    "async_check_health": (async_check_health, "69284d758667daec", "workers/engine_house.py"),
}


def digest(function: Callable[..., Any]) -> str:
    """Of the source, whatever its indentation."""
    source = textwrap.dedent(inspect.getsource(function))
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def test_arq_is_the_version_that_was_read() -> None:
    assert arq.VERSION.startswith("0.28"), "read arq/worker.py again, then update READ and the pin in pyproject.toml"


@pytest.mark.parametrize("name", READ)
def test_arqs_source_is_the_one_that_was_read(name: str) -> None:
    function, read, ours = READ[name]
    found = digest(function)
    assert found == read, f"arq's {name} has changed: read it, carry over to {ours} what matters, then note {found!r}"
