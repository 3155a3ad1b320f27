"""Which core what runs on: the server that is measured has one for itself, everything else shares the other."""

import os
from collections.abc import Sequence
from pathlib import Path


def server_core() -> set[int]:
    """The core of the server under test; any core on a machine that has only one."""
    return {min(os.sched_getaffinity(0))}


def other_core() -> set[int]:
    """The core of the load generator and of Redis."""
    return {max(os.sched_getaffinity(0))}


def pin(pid: int, cores: set[int]) -> None:
    """Keep every thread of a process on these cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def cpu_s(pids: Sequence[int]) -> float:
    """Processor time that these processes have used, user and system. Source: proc(5), /proc/pid/stat."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pids: Sequence[int]) -> tuple[float, float]:
    """Resident and proportional memory (RSS, PSS) of these processes together. Source: proc(5), smaps_rollup."""
    totals = {"Rss": 0, "Pss": 0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in totals:
                totals[name] += int(rest.split()[0])
    return round(totals["Rss"] / 1024, 1), round(totals["Pss"] / 1024, 1)


def family(pid: int) -> list[int]:
    """A process and all that it has started."""
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found += family(int(child))
    return found
