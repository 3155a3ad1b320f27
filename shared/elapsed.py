"""A clock for deadlines that must hold over a suspended machine: it goes on while the machine sleeps.

`time.monotonic` stands still meanwhile (Linux), so a worker would wake and believe that no time has passed. Source:
clock_gettime(2), CLOCK_BOOTTIME.
"""

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed_s() -> float:
    """Seconds since some fixed moment; never goes back. Where the system has no such clock: `time.monotonic`."""
    return time.clock_gettime(_CLOCK)
