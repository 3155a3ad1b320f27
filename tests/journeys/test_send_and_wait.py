"""`textgate message send --wait` blocks until Twilio has said how it ended, and says nothing that Twilio did not."""

import asyncio
import json
import os
import pty
import signal
import sys
from typing import Any

import pytest

from sandbox.faults import Fault, twilio_error
from sandbox.message import Status
from tests.journeys.house import LIMIT_S, House

ANN = "+12025550111"
LONG = " ".join(f"word{i}" for i in range(40))


async def send(house: House, *words: str, text: str = "hello") -> asyncio.subprocess.Process:
    command = ("message", "send", "--target", f"sms:{ANN}", "--message", text, "--wait", *words)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cli.main",
        *command,
        env=house.environ,
        cwd=house.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
    )


def heed_ctrl_c() -> None:
    """Tests that a shell runs in the background were told to ignore it, and their children with them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    try:
        out, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out.decode(), err.decode()


async def outcome(house: House, *words: str, text: str = "hello") -> tuple[int | None, dict[str, Any], str]:
    """Exit status, the JSON document, stderr."""
    status, out, err = await ended(await send(house, "--json", *words, text=text))
    return status, json.loads(out), err


async def test_every_part_is_waited_for_until_twilio_says_delivered(house: House) -> None:
    house.config["channels"]["sms"]["textChunkLimit"] = 100
    await house.start()
    status, said, err = await outcome(house, text=LONG)
    assert (status, said["state"], err) == (0, "delivered", "")
    assert len(said["parts"]) == 3
    assert {part["status"] for part in said["parts"]} == {"delivered"}
    assert [part["sid"] for part in said["parts"]] == [message.sid for message in house.got(ANN)]


@pytest.mark.parametrize("end", [Status.UNDELIVERED, Status.FAILED])
async def test_what_the_carrier_did_not_deliver_ends_with_1_the_code_and_the_hint(house: House, end: Status) -> None:
    await house.start()
    house.sandbox.state.faults.add(Fault(final_status=end, error_code=30007))
    status, said, err = await outcome(house)
    assert (status, said["state"]) == (1, "failed")
    assert (said["parts"][0]["status"], said["parts"][0]["errorCode"]) == (end.value, 30007)
    assert "30007" in err
    assert said["parts"][0]["errorHint"] in err


async def test_a_dead_letter_ends_with_1_and_says_why(house: House) -> None:
    await house.start()
    house.sandbox.state.faults.add(twilio_error(21211))
    status, said, err = await outcome(house)
    assert (status, said["state"]) == (1, "failed")
    assert "twilio-21211" in said["summary"]
    assert "check the number" in err


async def test_a_paused_account_ends_with_1_and_the_way_out(house: House) -> None:
    await house.start()
    house.sandbox.state.faults.add(twilio_error(20003, status=401))
    status, said, err = await outcome(house)
    assert (status, said["state"]) == (1, "paused")
    assert "check accountSid and authToken" in err


async def test_silence_is_not_success(house: House) -> None:
    await house.start()
    house.sandbox.state.faults.add(Fault(final_status=Status.SENT))
    status, said, err = await outcome(house, "--timeout", "3")
    assert (status, said["state"]) == (2, "unknown")
    assert said["parts"][0]["status"] == "sent"
    assert "not known after 3 s" in err


async def test_without_a_worker_it_says_which_one_is_missing(house: House) -> None:
    await house.start("ingress")
    status, said, err = await outcome(house, "--timeout", "0.5")
    assert (status, said["state"], said["parts"]) == (2, "unknown", [])
    assert "no format worker is alive" in err


async def test_ctrl_c_ends_the_wait_and_not_the_text(house: House) -> None:
    await house.start("ingress", "agent", "format")
    process = await send(house)
    assert process.stdout is not None
    await process.stdout.readline()  # "Queued …": from now on it waits
    process.send_signal(signal.SIGINT)
    status, _, err = await ended(process)
    assert (status, "Traceback" in err) == (2, False)
    assert "`textgate message trace " in err
    await house.start("outbound")
    assert await house.receives(ANN, 1) == ["hello"]


async def test_on_a_terminal_each_step_is_shown_with_its_ticks(house: House) -> None:
    await house.start()
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "message", "send", "--target", f"sms:{ANN}", "--message", "hello"),
        "--wait",
        env=house.environ,
        cwd=house.folder,
        stdout=theirs,
    )
    os.close(theirs)
    assert await asyncio.wait_for(process.wait(), LIMIT_S) == 0
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "Queued for" in shown
    assert "delivered ✓✓" in shown
    assert "Delivered to" in shown
