"""What real processes write about themselves: lines for programs, one event per outcome, no number, no word."""

import asyncio
import json
import sys
from importlib.metadata import version
from typing import Any

from tests.journeys.house import LIMIT_S, STAGES, House

ANN = "+12025550111"
WORDS = "a secret about the harbour"


def lines(house: House, name: str) -> list[dict[str, Any]]:
    """Every line of a process; each must be one JSON object with the fields that all have."""
    found = [json.loads(line) for line in house.log(name).splitlines()]
    for line in found:
        assert {"event", "level", "timestamp", "role"} <= line.keys(), line
    return found


def only(events: list[dict[str, Any]], event: str, **fields: str) -> dict[str, Any]:
    (found,) = [each for each in events if each["event"] == event and fields.items() <= each.items()]
    return found


async def test_each_outcome_is_one_event_that_can_be_followed_through_all_stages(house: House) -> None:
    house.open_door()
    await house.start()
    message = await house.text(ANN, WORDS)
    await house.receives(ANN, 1)
    await house.idle()

    async def callbacks_are_logged() -> bool:
        return '"status":"delivered"' in house.log("ingress")

    await house.until(callbacks_are_logged)
    admitted = only(lines(house, "ingress"), "text_admitted")
    assert (admitted["stage"], admitted["outcome"], admitted["message_sid"]) == ("ingress", "accepted", message.sid)
    (reply,) = house.got(ANN)
    for stage, outcome, sid in (
        ("agent", "answered", message.sid),
        ("format", "formatted", message.sid),
        ("outbound", "sent", reply.sid),
    ):
        event = only(lines(house, stage), "attempt")
        assert (event["stage"], event["outcome"], event["message_sid"]) == (stage, outcome, sid)
        assert (event["conversation"], event["account"]) == (admitted["conversation"], "default")
        assert event["attempt"] == 1
        assert event["duration_ms"] >= 0
    delivered = only(lines(house, "ingress"), "delivery_status", status="delivered")
    assert (delivered["conversation"], delivered["message_sid"]) == (admitted["conversation"], reply.sid)
    for name in house.processes:
        assert ANN not in house.log(name)
        assert WORDS not in house.log(name)


async def test_at_its_start_each_process_says_what_it_is_and_what_it_was_told(house: House) -> None:
    house.open_door()
    (house.folder / "textgate.json5").touch(0o644)  # with a token in plain text: worth a warning
    await house.start()
    for name in ("ingress", *STAGES):
        said = lines(house, name)
        start = only(said, "starting")
        assert said[0] == start
        assert start["version"] == version("textgate")
        assert start["configuration"] == str(house.folder / "textgate.json5")
        assert "durability" not in start, "what is asked of Redis is not what it does"
        account = only(said, "account")
        assert (account["route"], account["policy"], account["allowed"]) == ("/webhooks/sms", "open", "everybody")
        assert [each["level"] for each in said if "chmod 600" in each["event"]] == ["warning"]


async def test_lines_for_people_and_the_level_are_a_matter_of_configuration(house: House) -> None:
    house.config["logs"] = {"format": "console", "level": "warning"}
    house.open_door()
    await house.start("ingress")
    assert "starting" not in house.log("ingress")
    assert not house.log("ingress").startswith("{")
    house.kill("ingress")
    (house.folder / "ingress.log").write_text("")
    house.config["logs"] = {"format": "console"}
    (house.folder / "textgate.json5").write_text(json.dumps(house.config))
    house.spawn("ingress", ("ingress", "--log-format", "json"))
    await house.until(house.is_up)
    assert only(lines(house, "ingress"), "starting"), "the command line wins"


async def test_a_stock_arq_worker_writes_through_the_same_pipe(house: House) -> None:
    """Once it runs; the first line, before arq lets anybody in, has arq's own form too."""
    house.open_door()
    await house.start("ingress")
    command = (sys.executable, "-m", "arq", "workers.agent.WorkerSettings")
    with (house.folder / "stock.log").open("wb") as log:
        stock = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, env=house.environ, cwd=house.folder
        )

    async def has_worked() -> bool:
        assert stock.returncode is None, house.log("stock")
        return '"outcome":"answered"' in house.log("stock")

    try:
        await house.text(ANN, WORDS)
        await house.until(has_worked)
    finally:
        stock.terminate()
        await asyncio.wait_for(stock.wait(), LIMIT_S)
    said = [line for line in house.log("stock").splitlines() if not line.startswith("{")]
    assert [line for line in said if "Starting worker" not in line and "redis_version" not in line] == []
    assert '"event":"shutdown on SIGTERM' in house.log("stock"), "arq's own words are among ours"
    assert ANN not in house.log("stock")
