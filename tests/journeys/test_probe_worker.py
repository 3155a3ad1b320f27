"""The probe worker beside a gateway: texts that came while the ingress was down, kills, and several replicas."""

import asyncio
import json
import sys

from sandbox.config import DEFAULT_ACCOUNT_SID
from sandbox.inbound import post_webhook, receive
from sandbox.message import Message
from shared.keys import PROBE, Stage, conversation_id
from shared.phone import Address
from shared.records import decode_inbound_text
from shared.redis_client import load_list
from tests.journeys.house import LIMIT_S, OURS, House
from workers.probing.stored import load_history, load_result

ANN = Address("+12025550111")


LOST = 300


async def lose(house: House, body: str) -> Message:
    """A phone texts; Twilio has the text, and nobody answers its webhook."""
    number = house.sandbox.state.directory.number(DEFAULT_ACCOUNT_SID, OURS)
    assert number is not None
    message = receive(house.sandbox.state, number, from_=ANN, body=body, media=())
    assert not any(result.good for result in await post_webhook(house.sandbox.state, message))
    return message


async def waiting(house: House) -> list[str]:
    """What waits for the agent, oldest first."""
    lane = house.keys.lane(Stage.AGENT, conversation_id("default", ANN))
    return [decode_inbound_text(raw).body for raw in await load_list(house.redis, lane.list, 0, -1)]


async def test_texts_that_came_while_the_ingress_was_down_arrive_once_and_in_order(house: House) -> None:
    house.open_door()
    house.config["workers"] = {"leaseSeconds": 1, "probe": {"intervalSeconds": 1, "catchUpAfterSeconds": 0}}
    await house.start("ingress", "probe")

    async def first_seen() -> bool:
        return bool(await house.redis.exists(house.keys.caught_up("default")))

    await house.until(first_seen)
    house.kill("ingress")
    house.kill("probe")
    messages = [await lose(house, f"{n}") for n in range(LOST)]
    await house.start("probe")
    async with asyncio.timeout(LIMIT_S):
        while len(await waiting(house)) < 5:  # noqa: ASYNC110 - without a pause: it is done with all of them in a moment
            await asyncio.sleep(0)
    house.kill("probe")
    assert len(await waiting(house)) < LOST
    await house.start("probe")

    async def all_there() -> bool:
        return len(await waiting(house)) >= LOST

    await house.until(all_there)
    await house.start("ingress")
    for message in messages[::10]:  # Twilio tries again at last
        assert (await post_webhook(house.sandbox.state, message))[-1].status == 200
    assert await waiting(house) == [f"{n}" for n in range(LOST)]


async def test_three_replicas_probe_an_account_once(house: House) -> None:
    await house.start("probe", "probe-2", "probe-3")

    async def put_off() -> bool:
        due = await house.redis.zscore(house.keys.queue(PROBE), house.keys.probe_job("default"))
        seconds, _ = await house.redis.time()
        return await load_result(house.redis, house.keys, "default") is not None and (due or 0) / 1000 > seconds + 60

    await house.until(put_off)
    await asyncio.gather(*(house.cli("channels", "status") for _ in range(2)))
    assert len(await load_history(house.redis, house.keys, "default")) == 1


async def test_a_stock_arq_worker_probes_and_puts_the_next_run_off(house: House) -> None:
    (house.folder / "textgate.json5").write_text(json.dumps(house.config))
    command = (sys.executable, "-m", "arq", "workers.probe.WorkerSettings")
    with (house.folder / "stock.log").open("wb") as log:
        stock = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, env=house.environ, cwd=house.folder
        )

    async def put_off() -> bool:
        assert stock.returncode is None, house.log("stock")
        due = await house.redis.zscore(house.keys.queue(PROBE), house.keys.probe_job("default"))
        seconds, _ = await house.redis.time()
        return await load_result(house.redis, house.keys, "default") is not None and (due or 0) / 1000 > seconds + 60

    try:
        await house.until(put_off)
    finally:
        stock.terminate()
        await asyncio.wait_for(stock.wait(), 30)
    assert "Traceback" not in house.log("stock")
