"""A text whose callbacks were lost is asked for at Twilio: through the real SDK, a real Redis and the stand-in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from sandbox.config import DEFAULT_ACCOUNT_SID, DEFAULT_AUTH_TOKEN, DEFAULT_NUMBER, default_config
from sandbox.faults import Answer, Callbacks, Fault, Operation
from sandbox.message import Status as SandboxStatus
from sandbox.server import RunningSandbox, serve
from shared.accounts import load_pause, pause
from shared.awaiting import GIVE_UP_AFTER_MS, next_look_ms
from shared.delivery import record_status
from shared.keys import Keys, Stage
from shared.lanes import append
from shared.outbox import PartState, Status, dispatch, load_part_state, settle
from shared.records import Origin, Part, encode
from shared.round_trip import execute
from shared.scripts import Call
from shared.settings import load_settings
from workers import final_states
from workers.final_states import MOST_AT_ONCE, REST_S, FinalStates
from workers.twilio_client import TwilioApi
from workers.work import Environment

CONFIG = f"""{{
  channels: {{ sms: {{
    accountSid: "{DEFAULT_ACCOUNT_SID}", authToken: "{DEFAULT_AUTH_TOKEN}", fromNumber: "{DEFAULT_NUMBER}",
  }} }},
  workers: {{ outbound: {{ finalStateAfterSeconds: 300 }} }},
}}"""
ANN = "+12025550111"
COUNT_ALL = Fault(operation=Operation.FETCH, times=1_000_000)
"""Changes nothing, but is used up by each request, so it counts them."""


class Desk:
    """One outbound worker's environment, and the parts that it has sent."""

    def __init__(self, redis: Redis, keys: Keys, env: Environment, sandbox: RunningSandbox) -> None:
        self.redis = redis
        self.keys = keys
        self.env = env
        self.sandbox = sandbox
        self.states = FinalStates(env)
        self.sent = 0

    async def do(self, call: Call) -> object:
        (reply,) = await execute(self.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def send(self, fault: Fault | None = None, *, ask_after_s: float = 300) -> tuple[str, str]:
        """One part, accepted by Twilio, without a single callback: its id and SID."""
        self.sent += 1
        part = Part(
            part_id=f"r{self.sent}.0",
            reply_id=f"r{self.sent}",
            index=0,
            count=1,
            account_id="default",
            conversation=f"c{self.sent}",
            to=ANN,
            body="hello",
            encoding="GSM-7",
            segments=1,
            origin=Origin.OPERATOR,
            created_ms=1,
        )
        lane = self.keys.lane(Stage.OUTBOUND, part.conversation)
        await self.do(append(lane=lane, stage=Stage.OUTBOUND, records=(encode(part),)))
        turn = await self.redis.hget(lane.state, "outbound")  # type: ignore[misc]
        call = dispatch(keys=self.keys, part=part, turn=turn.decode(), attempt="a", sender="+1", segments_per_second=0)
        await self.do(call)
        self.sandbox.state.faults.add(msgspec.structs.replace(fault or Fault(), callbacks=Callbacks.NONE))
        assert self.env.twilio is not None
        sent = await self.env.twilio.send(self.env.account("default"), part)
        call = settle(
            keys=self.keys, part=part, turn=turn.decode(), sid=sent.sid, status=sent.status, ask_after_s=ask_after_s
        )
        assert await self.do(call) == 1
        await self.sandbox.state.settle()
        return part.part_id, sent.sid

    async def all_due(self) -> None:
        """Time passes."""
        for part_id in await self.awaiting():
            await self.redis.zadd(self.keys.awaiting, {part_id: 0})

    async def awaiting(self) -> list[str]:
        return [raw.decode() for raw in await self.redis.zrange(self.keys.awaiting, 0, -1)]

    async def due_in_s(self, part_id: str) -> float:
        seconds, micros = await self.redis.time()
        due_ms: float | None = await self.redis.zscore(self.keys.awaiting, part_id)
        assert due_ms is not None
        now_s: float = seconds + micros / 1_000_000
        return due_ms / 1000 - now_s

    async def state(self, part_id: str) -> PartState:
        state = await load_part_state(self.redis, self.keys, part_id)
        assert state is not None
        return state

    def count_requests(self) -> None:
        self.sandbox.state.faults.add(COUNT_ALL)

    @property
    def requests(self) -> int:
        left = [left for fault, left in self.sandbox.state.faults.waiting() if fault == COUNT_ALL]
        return COUNT_ALL.times - left[0]


@pytest.fixture
async def desk(redis: Redis, keys: Keys, tmp_path: Path) -> AsyncIterator[Desk]:
    file = tmp_path / "textgate.json5"
    file.write_text(CONFIG)
    file.chmod(0o600)
    async with serve(default_config()) as sandbox:
        settings = load_settings(file, {"TEXTGATE_TWILIO_API_BASE": sandbox.base_url})
        env = Environment(
            settings=settings, keys=keys, redis=redis, twilio=TwilioApi(settings.twilio_api_base, timeout_s=5)
        )
        yield Desk(redis, keys, env, sandbox)
        assert env.twilio is not None
        await env.twilio.close()


async def test_a_text_whose_callbacks_were_lost_gets_its_end_from_twilio(desk: Desk) -> None:
    part_id, sid = await desk.send()
    assert (await desk.state(part_id)).status is Status.QUEUED
    await desk.all_due()
    await desk.states.run_once()
    state = await desk.state(part_id)
    assert (state.status, state.sid) == (Status.DELIVERED, sid)
    assert await desk.awaiting() == []


async def test_nothing_is_asked_before_its_time_nor_after_a_callback_told_the_end(desk: Desk) -> None:
    desk.count_requests()
    part_id, sid = await desk.send()
    assert 290 < await desk.due_in_s(part_id) <= 300
    rest_s = await desk.states.run_once()
    assert rest_s > REST_S, "it rests until something is due"
    await desk.do(record_status(keys=desk.keys, part_id=part_id, sid=sid, status=Status.SENT))
    assert await desk.awaiting() == [part_id], "sent is no end"
    await desk.do(record_status(keys=desk.keys, part_id=part_id, sid=sid, status=Status.DELIVERED))
    assert await desk.awaiting() == []
    await desk.states.run_once()
    assert desk.requests == 0


async def test_a_text_without_an_end_yet_is_asked_for_at_growing_distances(desk: Desk) -> None:
    part_id, _ = await desk.send(Fault(final_status=SandboxStatus.SENT))
    await desk.all_due()
    await desk.states.run_once()
    assert (await desk.state(part_id)).status is Status.SENT
    assert 290 < await desk.due_in_s(part_id) <= 300
    hours_ago = str(int((await desk.redis.time())[0] - 3 * 3600) * 1000)
    await desk.redis.hset(desk.keys.part(part_id), "accepted_ms", hours_ago)  # type: ignore[misc]
    await desk.all_due()
    await desk.states.run_once()
    assert await desk.due_in_s(part_id) > 3 * 3600 - 60


async def test_after_a_day_it_is_left(desk: Desk) -> None:
    part_id, _ = await desk.send(Fault(final_status=SandboxStatus.SENT))
    await desk.redis.hset(desk.keys.part(part_id), "accepted_ms", "1")  # type: ignore[misc]
    await desk.all_due()
    await desk.states.run_once()
    assert await desk.awaiting() == []
    assert (await desk.state(part_id)).status is Status.SENT, "what was known stays"


async def test_a_failure_is_kept_with_its_code_and_one_of_the_account_pauses_it(desk: Desk) -> None:
    part_id, _ = await desk.send(Fault(final_status=SandboxStatus.UNDELIVERED, error_code=30034))
    await desk.all_due()
    await desk.states.run_once()
    state = await desk.state(part_id)
    assert (state.status, state.error_code) == (Status.UNDELIVERED, 30034)
    paused = await load_pause(desk.redis, desk.keys, "default")
    assert paused is not None
    assert paused.code == "twilio-30034"


async def test_a_paused_account_is_not_asked_for(desk: Desk) -> None:
    part_id, _ = await desk.send()
    await desk.do(pause(keys=desk.keys, account_id="default", code="x", message="m", hint="h"))
    desk.count_requests()
    await desk.all_due()
    await desk.states.run_once()
    assert desk.requests == 0
    assert await desk.due_in_s(part_id) > 200


async def test_one_refused_request_ends_the_run_for_that_account_and_costs_no_part(desk: Desk) -> None:
    parts = [(await desk.send())[0] for _ in range(3)]
    down = Fault(operation=Operation.FETCH, answer=Answer.ERROR, status=503, times=100)
    desk.sandbox.state.faults.add(down)
    await desk.all_due()
    await desk.states.run_once()
    ((_, left),) = desk.sandbox.state.faults.waiting()
    assert down.times - left == 1
    assert sorted(await desk.awaiting()) == sorted(parts)
    desk.sandbox.state.faults.clear()
    await desk.all_due()
    await desk.states.run_once()
    assert await desk.awaiting() == []


@asynccontextmanager
async def a_proxy() -> AsyncIterator[TwilioApi]:
    """A client of something that gives every request its own page."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>please log in</html>")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        api = TwilioApi(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        yield api
        await api.close()


async def test_an_answer_that_cannot_be_read_costs_no_part(desk: Desk) -> None:
    part_id, _ = await desk.send()
    await desk.all_due()
    async with a_proxy() as api:
        usual, desk.env.twilio = desk.env.twilio, api
        await desk.states.run_once()
        desk.env.twilio = usual
    assert await desk.due_in_s(part_id) > 30
    await desk.all_due()
    await desk.states.run_once()
    assert (await desk.state(part_id)).status is Status.DELIVERED


async def test_a_part_that_we_cannot_cope_with_does_not_keep_the_others_from_their_end(desk: Desk) -> None:
    (bad, _), (good, _) = await desk.send(), await desk.send()
    await desk.redis.hset(desk.keys.part(bad), "accepted_ms", "long ago")  # type: ignore[misc]
    await desk.all_due()
    with capture_logs() as logs:
        await desk.states.run_once()
    assert [each["part"] for each in logs if each["event"] == "final_state_failed"] == [bad]
    assert (await desk.state(good)).status is Status.DELIVERED
    assert await desk.awaiting() == [bad]
    assert await desk.due_in_s(bad) > 3000


async def test_whatever_goes_wrong_asking_goes_on_until_it_is_cancelled(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would start it again for the life of the process."""
    monkeypatch.setattr(final_states, "LONGEST_REST_S", 0.01)
    part_id, _ = await desk.send()
    await desk.all_due()
    await desk.redis.zadd(desk.keys.awaiting, {b"\xff": 0})
    with capture_logs() as logs:
        asking = asyncio.create_task(desk.states.run())
        await until(lambda: any(each["event"] == "final_states_failed" for each in logs))
        await desk.redis.zrem(desk.keys.awaiting, b"\xff")
        await desk.all_due()
        await until(lambda: any(each["event"] == "delivery_status" for each in logs))
    assert (await desk.state(part_id)).status is Status.DELIVERED
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not fact():  # noqa: ASYNC110 - nothing tells when a line is logged
            await asyncio.sleep(0.005)


async def test_one_run_asks_for_a_few_parts_only(desk: Desk) -> None:
    for _ in range(MOST_AT_ONCE + 2):
        await desk.send()
    desk.count_requests()
    await desk.all_due()
    assert await desk.states.run_once() == REST_S
    assert desk.requests == MOST_AT_ONCE
    assert len(await desk.awaiting()) == 2


async def test_what_another_worker_took_is_not_asked_for_twice(desk: Desk) -> None:
    part_id, _ = await desk.send()
    await desk.all_due()
    desk.count_requests()
    other = FinalStates(desk.env)
    await desk.states.run_once()
    await other.run_once()
    assert desk.requests == 1
    assert (await desk.state(part_id)).status is Status.DELIVERED


async def test_a_message_that_twilio_does_not_know_is_left(desk: Desk) -> None:
    part_id, _ = await desk.send()
    await desk.redis.hset(desk.keys.part(part_id), "sid", "SM" + "0" * 32)  # type: ignore[misc]
    await desk.all_due()
    await desk.states.run_once()
    assert await desk.awaiting() == []


async def test_switched_off_it_costs_nothing(desk: Desk) -> None:
    await desk.send(ask_after_s=0)
    assert await desk.awaiting() == []


@pytest.mark.parametrize(
    ("age_s", "next_age_s"),
    [
        (0, 300),
        (300, 600),
        (600, 1200),
        (10_000, 20_000),
        (80_000, 86_400),  # the last look comes after a day, whatever the distance
        (86_400, None),
        (90_000, None),
    ],
)
def test_the_next_look_comes_when_the_text_is_twice_as_old(age_s: int, next_age_s: int | None) -> None:
    due_ms = next_look_ms(accepted_ms=5_000, now_ms=5_000 + age_s * 1000, first_ms=300_000)
    assert due_ms == (None if next_age_s is None else 5_000 + next_age_s * 1000)
    assert GIVE_UP_AFTER_MS == 86_400_000
