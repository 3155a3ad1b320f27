"""A worker that is frozen, not killed (a suspended machine, a stopped container), and wakes after another did its work.

Nothing can fence a request that is already with Twilio, so whoever wakes must look at the clock before
it sends. Lease and times of doubt are short here, and the worker sleeps until its part has arrived without it.
"""

import os
import signal
from pathlib import Path

import pytest

from shared.fault_points import MARKS, POINT, SIGNAL, FaultPoint
from tests.journeys.house import House

ANN = "+12025550111"
TEXT = "The first part says this.\n\nThe second part says that."
PARTS = ["The first part says this.", "The second part says that."]


def state_of(pid: int) -> str:
    """`T`: stopped by a signal. Source: proc(5), /proc/pid/stat."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.timeout(180)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="whether a process is frozen is read from /proc")
@pytest.mark.parametrize("point", FaultPoint, ids=lambda point: point.value)
async def test_a_worker_that_wakes_after_another_has_sent_its_part_sends_nothing(
    house: House, point: FaultPoint
) -> None:
    house.open_door()
    house.config["channels"]["sms"]["textChunkLimit"] = 30
    house.config["workers"] = {
        "leaseSeconds": 1,
        "outbound": {"requestTimeoutSeconds": 2, "inDoubtSeconds": 8},
    }
    marks = house.folder / "marks"
    marks.mkdir()
    await house.start("ingress", "agent", "format")
    house.extra_environ = {POINT: point.value, MARKS: str(marks), SIGNAL: "SIGSTOP"}
    await house.start("outbound")
    sleeper = house.processes["outbound"].pid
    house.extra_environ = {}

    async def is_frozen() -> bool:
        return state_of(sleeper) == "T"

    async def has_ended_its_attempt() -> bool:
        return '"event":"attempt"' in house.log("outbound").replace(" ", "")

    await house.text(ANN, TEXT)
    try:
        await house.until(is_frozen)
        assert not await has_ended_its_attempt(), house.log("outbound")
        await house.start("outbound-2")
        await house.receives(ANN, 2)
        await house.idle()
    finally:
        os.kill(sleeper, signal.SIGCONT)
    await house.until(has_ended_its_attempt)

    await house.text(ANN, "Are you awake?")
    await house.receives(ANN, 3)
    await house.idle()
    assert [body.strip() for body in house.bodies(ANN)] == [*PARTS, "Are you awake?"]
