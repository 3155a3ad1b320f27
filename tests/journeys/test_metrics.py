"""What a scrape of all processes says after a real conversation: every documented metric, with plausible numbers."""

import asyncio
import json
import urllib.request
from typing import Any

import msgspec

from cli.ports import free_ports
from cli.readiness import answers_200
from sandbox.config import DEFAULT_ACCOUNT_SID
from sandbox.faults import twilio_error
from sandbox.message import Direction
from shared.admission import Verdict
from shared.metrics import ALL
from tests.journeys.house import STAGES, House
from tests.scrape import Page, parse

ANN, BOB, CARL, DORA = "+12025550111", "+12025550122", "+12025550133", "+12025550144"
LONG = "\n\n".join(f"Paragraph {i} of a text that is echoed in several parts." for i in range(6))


def events(house: House, name: str, event: str) -> list[dict[str, Any]]:
    return [line for raw in house.log(name).splitlines() if (line := json.loads(raw))["event"] == event]


async def scrape(house: House) -> Page:
    """The pages of all processes, each at the address that it has logged."""
    urls = [line["url"] for name in house.processes for line in events(house, name, "metrics_listening")]
    assert len(set(urls)) == len(house.processes)

    def fetch(url: str) -> str:
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own server
            return str(answer.read().decode())

    return parse(*[await asyncio.to_thread(fetch, url) for url in urls])


async def test_after_one_conversation_every_documented_metric_has_a_plausible_value(house: House) -> None:
    house.open_door()
    house.config["channels"]["sms"]["textChunkLimit"] = 160
    house.config["metrics"] = {"port": free_ports(1)[0]}
    await house.start()
    faults = house.sandbox.state.faults
    faults.add(msgspec.structs.replace(twilio_error(21211), to=CARL))
    faults.add(msgspec.structs.replace(twilio_error(20429, status=429), to=BOB))
    await house.redis.set(house.keys.probe_result("default"), '{"verdict": "good", "probed_ms": 1}', ex=600)

    await house.text(ANN, LONG)
    await house.text(BOB, "Hello?")
    await house.text(CARL, "Can you reach me?")
    await house.text(DORA, "STOP")
    await house.receives(ANN, 2)
    await house.receives(BOB, 1)
    await house.idle()
    texts = 4
    sent = [m for m in house.sandbox.state.messages() if m.direction is not Direction.INBOUND and m.to != CARL]

    async def all_delivered() -> bool:
        page = await scrape(house)
        return "textgate_deliveries_total" in page.names and (
            page.value("textgate_deliveries_total", state="delivered") == len(sent)
        )

    await house.until(all_delivered)
    page = await scrape(house)

    assert {kind.name.removesuffix("_total") for kind in ALL} - {n.removesuffix("_total") for n in page.names} == set()
    ours = {name for name in page.names if name.startswith("textgate_")}
    assert ours == {kind.name for kind in ALL}, "nothing is served that the documentation does not name"

    assert page.value("textgate_texts_total") == texts
    assert page.value("textgate_texts_total", verdict=Verdict.ACCEPTED.value) == texts - 1
    assert page.value("textgate_texts_total", verdict=Verdict.OPT_OUT.value) == 1
    callbacks = len(events(house, "ingress", "delivery_status"))
    assert page.value("textgate_webhooks_total", account="default", status="200") == texts + callbacks
    assert page.value("textgate_webhooks_total", status="503") == 0
    assert page.value("textgate_webhook_duration_seconds_count") == texts + callbacks

    assert len(sent) > 2
    assert page.value("textgate_parts_sent_total", account="default") == len(sent)
    assert page.value("textgate_segments_sent_total") == sum(message.num_segments for message in sent)
    assert page.value("textgate_webhook_to_accepted_seconds_count") == 2, "the first part of each answer"
    assert page.value("textgate_webhook_to_delivered_seconds_count") == 2
    assert page.value("textgate_webhook_to_delivered_seconds_sum") >= page.value(
        "textgate_webhook_to_accepted_seconds_sum"
    )

    assert page.value("textgate_attempts_total", stage="agent", outcome="answered") == 3
    assert page.value("textgate_attempts_total", stage="format", outcome="formatted") == 3
    assert page.value("textgate_attempt_duration_seconds_count", stage="agent") == 3
    assert page.value("textgate_retries_total", stage="outbound") == 1
    assert page.value("textgate_twilio_errors_total", source="answer", code="21211") == 1
    assert page.value("textgate_twilio_errors_total", source="answer", code="20429") == 1
    assert page.value("textgate_dead_letters_buried_total", stage="outbound", code="twilio-21211") == 1
    assert page.value("textgate_leases_lost_total") == 0

    each = len(house.processes)
    assert page.value("textgate_dead_letters_waiting") == each * 1, "what Redis says, every process says"
    assert page.value("textgate_opted_out_people", account="default") == each
    assert page.value("textgate_probe_verdict", account="default", verdict="good") == each
    assert page.value("textgate_account_paused", account="default") == 0
    assert page.value("textgate_busy_lanes") == page.value("textgate_queue_oldest_age_seconds") == 0
    assert [page.value("textgate_workers", stage=stage) for stage in STAGES] == [each] * 3
    assert page.value("textgate_redis_up") == page.value("textgate_build_info") == each
    assert page.labels("textgate_build_info", "role") == {"ingress", *(f"worker {stage}" for stage in STAGES)}
    assert 0 < page.value("textgate_redis_round_trip_seconds_sum") < 60 * each
    assert page.value("textgate_group_commit_calls_sum") >= page.value("textgate_group_commit_calls_count") > texts

    assert "2025550" not in page.text
    assert DEFAULT_ACCOUNT_SID not in page.text
    assert not await answers_200(f"{house.url}/metrics"), "never on the public port"
