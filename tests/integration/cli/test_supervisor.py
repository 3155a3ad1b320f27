"""The supervisor, with tiny real processes: what crashes comes back, and everybody leaves in order."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.child import ChildSpec
from cli.state_dir import try_lock
from cli.supervisor import Outcome, Supervisor

from .conftest import LIMIT_S, Tape

POLITE = """
    import os, signal
    signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"bye\\n"), os._exit(0)))
    print("hello", flush=True)
    while True: signal.pause()
"""
STUBBORN = """
    import os, signal
    signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"no\\n"))
    print("hello", flush=True)
    while True: signal.pause()
"""


def program(role: str, code: str, *, rank: int = 0) -> ChildSpec:
    command = (sys.executable, "-I", "-S", "-c", textwrap.dedent(code))
    return ChildSpec(role=role, command=command, environ={}, rank=rank)


class Running:
    """A supervisor at work, and the two buttons to end it."""

    def __init__(self, specs: list[ChildSpec], tape: Tape, *, grace_s: float, wait_s: float) -> None:
        self.stop, self.hurry = asyncio.Event(), asyncio.Event()
        self.supervisor = Supervisor(
            specs, say=tape.say, stop=self.stop, hurry=self.hurry, grace_s=grace_s, restart_waits_s=(wait_s,)
        )
        self.outcome: asyncio.Task[Outcome] = asyncio.create_task(self.supervisor.run())


Supervise = Callable[..., "Running"]


@pytest.fixture
async def supervise(tape: Tape) -> AsyncIterator[Supervise]:
    """Start a supervisor; whatever the test leaves running is killed at the end."""
    started: list[Running] = []

    def start(*specs: ChildSpec, grace_s: float = LIMIT_S, wait_s: float = 0.0) -> Running:
        started.append(Running(list(specs), tape, grace_s=grace_s, wait_s=wait_s))
        return started[-1]

    yield start
    for running in started:
        running.stop.set()
        running.hurry.set()
        await asyncio.wait([running.outcome])


async def test_a_crashed_child_is_reported_and_started_again(supervise: Supervise, tape: Tape, tmp_path: Path) -> None:
    running = supervise(
        program(
            "web",
            f"""
            import os, signal, sys
            print("hello", flush=True)
            if not os.path.exists({str(tmp_path / "crashed")!r}):
                open({str(tmp_path / "crashed")!r}, "w").close()
                sys.exit(3)
            signal.pause()
            """,
        )
    )
    await tape.wait_for("web", "hello", times=2)
    running.stop.set()
    assert (await running.outcome).status == 0
    assert tape.of("up") == ["web ended with status 3: starting it again in 0 s"]


async def test_a_child_killed_from_outside_is_started_again(supervise: Supervise, tape: Tape) -> None:
    running = supervise(program("web", POLITE))
    await tape.wait_for("web", "hello")
    pid = running.supervisor.pid_of("web")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await tape.wait_for("web", "hello", times=2)
    assert running.supervisor.pid_of("web") != pid
    assert tape.of("up") == ["web was killed by SIGKILL: starting it again in 0 s"]


async def test_a_child_that_cannot_be_started_again_just_now_ends_nobody_else(
    supervise: Supervise, tape: Tape, tmp_path: Path
) -> None:
    """The system may be out of processes or memory for a moment; here the program is gone for a while."""
    script = tmp_path / "web"

    def write(code: str) -> None:
        fresh = tmp_path / "fresh"
        fresh.write_text(f"#!/bin/sh\n{code}\n")
        fresh.chmod(0o700)
        fresh.rename(script)

    write('echo hello; rm "$0"; exit 3')
    web = ChildSpec(role="web", command=(str(script),), environ={"PATH": os.environ["PATH"]}, rank=0)
    running = supervise(web, program("agent", POLITE), wait_s=0.05)
    await tape.wait_for("up", "web cannot be started (No such file or directory): starting it again")
    write("echo back; exec sleep 1000")
    await tape.wait_for("web", "back")
    running.stop.set()
    assert (await running.outcome).status == 0
    assert tape.of("agent") == ["hello", "bye"]


async def test_nobody_of_a_rank_is_asked_to_stop_before_the_lower_ranks_are_gone(
    supervise: Supervise, tape: Tape
) -> None:
    ranks = {"ingress": 0, "agent": 1, "outbound": 1, "sandbox": 2}
    running = supervise(*(program(role, POLITE, rank=rank) for role, rank in reversed(ranks.items())))
    for role in ranks:
        await tape.wait_for(role, "hello")
    running.stop.set()
    assert await running.outcome == Outcome(status=0)
    goodbyes = [role for role, line in tape.lines if line == "bye"]
    assert goodbyes[0] == "ingress"
    assert set(goodbyes[1:3]) == {"agent", "outbound"}
    assert goodbyes[3:] == ["sandbox"]


async def test_a_child_that_does_not_leave_is_killed_named_and_spoils_the_status(
    supervise: Supervise, tape: Tape
) -> None:
    running = supervise(program("mule", STUBBORN), program("web", POLITE, rank=1), grace_s=0.3)
    await tape.wait_for("mule", "hello")
    await tape.wait_for("web", "hello")
    running.stop.set()
    assert await running.outcome == Outcome(status=1, killed=("mule",))
    assert "mule did not stop in time: killed" in tape.of("up")
    assert tape.of("web")[-1] == "bye"


async def test_a_second_request_to_stop_does_not_wait(supervise: Supervise, tape: Tape) -> None:
    running = supervise(program("mule", STUBBORN))
    await tape.wait_for("mule", "hello")
    running.stop.set()
    await tape.wait_for("mule", "no")
    running.hurry.set()
    assert await running.outcome == Outcome(status=1, killed=("mule",))


@pytest.mark.parametrize("status", [78, 2])
async def test_a_child_that_refuses_its_configuration_stops_everything_with_its_status(
    supervise: Supervise, tape: Tape, status: int
) -> None:
    running = supervise(program("web", POLITE, rank=1), program("agent", f"raise SystemExit({status})"))
    assert (await running.outcome).status == status
    assert f"agent refused to start (exit status {status}): stopping everything" in tape.of("up")


async def test_why_a_child_refused_is_told_with_the_outcome(supervise: Supervise) -> None:
    code = 'import sys; print("starting"); sys.exit(print("textgate: the number is wrong") or 78)'
    running = supervise(program("web", POLITE, rank=1), program("agent", code))
    assert (await running.outcome).reason == "the number is wrong"


async def test_a_program_that_does_not_exist_stops_everything_and_is_raised(supervise: Supervise, tape: Tape) -> None:
    missing = ChildSpec(role="ghost", command=("/nonexistent/program",), environ={}, rank=0)
    running = supervise(program("web", POLITE), missing)
    with pytest.raises(FileNotFoundError):
        await running.outcome


async def test_output_without_a_line_end_and_lines_without_end_are_passed_on(supervise: Supervise, tape: Tape) -> None:
    code = 'print("x" * 200_000); print("caf\\u00e9".encode("latin-1")); print("last", end=""); raise SystemExit(2)'
    running = supervise(program("web", code))
    await running.outcome
    lines = tape.of("web")
    assert "".join(line for line in lines if set(line) == {"x"}) == "x" * 200_000
    assert lines[-1] == "last"


@contextmanager
def supervisor_process(lock: Path) -> "Iterator[subprocess.Popen[str]]":
    """A process that supervises one child, which holds `lock` as long as it lives."""
    child = f"""
    import os, signal
    from pathlib import Path
    from cli.lifeline import follow_parent
    from cli.state_dir import try_lock
    follow_parent(os.environ)
    try_lock(Path({str(lock)!r}))
    print("holding", flush=True)
    while True: signal.pause()
    """
    parent = f"""
    import asyncio, sys
    from cli.child import ChildSpec
    from cli.supervisor import Supervisor
    command = (sys.executable, "-c", {textwrap.dedent(child)!r})
    spec = ChildSpec(role="web", command=command, environ={{}}, rank=0)
    async def main():
        say = lambda role, line: print(line, flush=True)
        await Supervisor([spec], say=say, stop=asyncio.Event(), hurry=asyncio.Event()).run()
    asyncio.run(main())
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(parent)], stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_children_do_not_outlive_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with supervisor_process(lock) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        assert try_lock(lock) is None
        process.kill()
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # returns when the child is gone, which is the claim
