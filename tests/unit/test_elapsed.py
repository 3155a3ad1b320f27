"""The clock of deadlines goes on while the machine sleeps."""

import time

import pytest

from shared.elapsed import elapsed_s


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no clock that counts sleep")
def test_time_asleep_counts() -> None:
    before, now, after = time.clock_gettime(time.CLOCK_BOOTTIME), elapsed_s(), time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= now <= after
