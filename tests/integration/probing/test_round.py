"""One round of the probe worker: what it stores, tells, repairs and fetches."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared.accounts import load_pause, pause, resume_after
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.records import Pause
from shared.redis_client import connect
from shared.round_trip import execute
from tests.integration.probe.bench import NUMBER, Bench, opened
from workers.catching_up.cursor import load_cursor
from workers.probe.finding import Verdict
from workers.probe.result import ProbeResult
from workers.probe.run import opened_twilio
from workers.probing.round import Desk, run_round
from workers.probing.stored import load_history, load_result

KEYS = Keys("test:")


@contextlib.asynccontextmanager
async def siren() -> AsyncIterator[tuple[str, list[dict[str, Any]], list[int]]]:
    """Somebody's alarm URL, what it was told, and the statuses that it answers (the last one stays)."""
    told: list[dict[str, Any]] = []
    statuses = [204]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        told.append(json.loads(await request.read()))
        return web.Response(status=statuses.pop(0) if len(statuses) > 1 else statuses[0])

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/token-in-the-path", told, statuses
    finally:
        await runner.cleanup()


class Rounds:
    """The worker's work, round by round."""

    def __init__(self, bench: Bench, redis: Redis, redis_url: str) -> None:
        self.bench, self.redis, self._url = bench, redis, redis_url
        self.alarm_url: str | None = None

    async def run(self) -> ProbeResult:
        import msgspec

        from shared.secrets import Secret

        settings = self.bench.settings()
        if self.alarm_url:
            settings = msgspec.structs.replace(settings, alarm_url=Secret(self.alarm_url))
        group = GroupCommit(connect(self._url))
        try:
            async with opened_twilio(settings) as twilio:
                desk = Desk(twilio=twilio, settings=settings, redis=self.redis, send=group.call)
                return await run_round(desk, settings.accounts["default"])
        finally:
            await group.close()


@pytest.fixture
async def rounds(tmp_path: Path, redis: Redis, redis_url: str) -> AsyncIterator[Rounds]:
    async with opened(tmp_path, redis) as bench:
        yield Rounds(bench, redis, redis_url)


async def test_the_last_result_and_the_history_are_kept(rounds: Rounds) -> None:
    first = await rounds.run()
    rounds.bench.set_number(sms_method="GET")
    second = await rounds.run()
    assert await load_result(rounds.redis, KEYS, "default") == second
    notes = await load_history(rounds.redis, KEYS, "default")
    assert [(note.verdict, note.probed_ms) for note in notes] == [
        (Verdict.BAD, second.probed_ms),
        (Verdict.GOOD, first.probed_ms),
    ]


async def test_only_a_change_is_logged(rounds: Rounds) -> None:
    with capture_logs() as logs:
        await rounds.run()
        await rounds.run()
        rounds.bench.set_number(sms_method="GET")
        await rounds.run()
        await rounds.run()
    changes = [entry for entry in logs if entry["event"] == "probe_changed"]
    assert [(entry["verdict"], entry["log_level"]) for entry in changes] == [("good", "info"), ("bad", "error")]
    assert changes[1]["new"] == ["method-not-post"]
    assert NUMBER not in str(logs)


async def test_the_alarm_url_is_told_once_and_when_all_is_good_again(rounds: Rounds) -> None:
    async with siren() as (rounds.alarm_url, told, _):
        await rounds.run()
        rounds.bench.set_number(sms_method="GET")
        await rounds.run()
        await rounds.run()
        rounds.bench.set_number(sms_method="POST")
        await rounds.run()
    assert [(each["event"], [found["code"] for found in each["findings"]]) for each in told] == [
        ("probe.bad", ["method-not-post"]),
        ("probe.good", []),
    ]


async def test_an_alarm_that_was_not_taken_is_sent_again_and_its_url_is_not_logged(rounds: Rounds) -> None:
    rounds.bench.set_number(sms_method="GET")
    async with siren() as (rounds.alarm_url, told, statuses):
        statuses[:] = [500, 204]
        with capture_logs() as logs:
            for _ in range(3):
                await rounds.run()
    assert len(told) == 2
    assert "alarm_not_delivered" in {entry["event"] for entry in logs}
    assert "token-in-the-path" not in str(logs)


async def test_a_paused_account_goes_on_when_its_credentials_work_again(rounds: Rounds) -> None:
    call = pause(keys=KEYS, account_id="default", code="twilio-20003", message="refused", hint="")
    await execute(rounds.redis, [call])
    token, rounds.bench.block["authToken"] = rounds.bench.block["authToken"], "a-wrong-token"
    await rounds.run()
    assert await load_pause(rounds.redis, KEYS, "default") is not None
    rounds.bench.block["authToken"] = token
    await rounds.run()
    assert await load_pause(rounds.redis, KEYS, "default") is None


async def test_a_pause_for_another_cause_is_not_taken_for_the_known_one(redis: Redis) -> None:
    await execute(redis, [pause(keys=KEYS, account_id="default", code="twilio-30034", message="", hint="")])
    known = Pause(code="twilio-20003", message="", hint="", since_ms=1)
    assert not await resume_after(redis, KEYS, "default", known)
    stands = await load_pause(redis, KEYS, "default")
    assert stands is not None
    assert await resume_after(redis, KEYS, "default", stands)


async def test_nobody_elses_texts_are_fetched_while_the_webhook_leads_elsewhere(rounds: Rounds) -> None:
    rounds.bench.set_number(sms_url="https://production.example.com/webhooks/sms")
    await rounds.run()
    assert await load_cursor(rounds.redis, KEYS, rounds.bench.account()) is None
    rounds.bench.set_number(sms_url=rounds.bench.url)
    await rounds.run()
    assert await load_cursor(rounds.redis, KEYS, rounds.bench.account()) is not None


async def test_channels_status_shows_the_last_result(rounds: Rounds) -> None:
    rounds.bench.set_number(sms_method="GET")
    await rounds.run()
    said = await rounds.bench.cli(TEXTGATE_REDIS_URL=rounds._url)
    assert "at Twilio: bad" in said.out
    assert "method-not-post" in said.out
