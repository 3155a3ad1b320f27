"""Catching up on inbound texts: the real SDK, Twilio's stand-in, a real Redis."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from sandbox.faults import Answer, Fault, Operation
from sandbox.inbound import receive
from sandbox.message import Media, Message, new_sid
from shared.admission import Verdict, commit_text
from shared.errors import TransientError
from shared.gate import gate_of
from shared.group_commit import GroupCommit
from shared.heard import decide_keyword
from shared.keys import Keys, Stage, conversation_id
from shared.records import InboundText, decode_inbound_text
from shared.redis_client import connect, load_list
from shared.round_trip import Confirm
from tests.integration.probe.bench import NUMBER, SECOND, SERVICE, SID, STRANGER, Bench, opened
from workers.catching_up import log
from workers.catching_up.run import CatchUp, Caught, catch_up
from workers.probe.run import opened_twilio

HOUR_S = 3600


class Gap:
    """A gateway whose ingress is away: texts come to Twilio only."""

    def __init__(self, bench: Bench, redis: Redis, redis_url: str) -> None:
        self.bench, self.redis, self._url = bench, redis, redis_url
        self.keys = Keys("test:")
        self.confirm: Confirm | None = None
        bench.block |= {"dmPolicy": "open", "allowFrom": "*", "rateLimits": {"perSenderPerMinute": 2}}

    def text(self, body: str, *, age_s: float = HOUR_S, media: tuple[Media, ...] = (), to: str = NUMBER) -> Message:
        """Somebody texted that long ago."""
        number = self.bench.state.directory.number(SID, to)
        assert number is not None
        message = receive(self.bench.state, number, from_=STRANGER, body=body, media=media)
        message.created_at -= age_s
        message.sent_at = message.created_at
        return message

    async def begin(self, *, ago_s: float = 5 * HOUR_S) -> None:
        """The account was first seen that long ago."""
        await self.run()
        await self.age(ago_s)

    async def age(self, ago_s: float) -> None:
        """Let the cursor be older."""
        from workers.catching_up.cursor import first_cursor, save_cursor

        cursor = first_cursor(self.bench.account(), time.time() - ago_s)
        await save_cursor(self.redis, self.keys, "default", cursor)

    async def run(self) -> Caught:
        """Catch up once, as the worker does."""
        settings = self.bench.settings()
        group = GroupCommit(connect(self._url), confirm=self.confirm)
        try:
            async with opened_twilio(settings) as twilio:
                desk = CatchUp(twilio=twilio, settings=settings, redis=self.redis, send=group.call)
                return await catch_up(desk, settings.accounts["default"])
        finally:
            await group.close()

    async def webhook(self, message: Message) -> Verdict:
        """What the ingress decides about this text."""
        settings = self.bench.settings()
        account = settings.accounts["default"]
        text = InboundText(
            message_sid=message.sid,
            account_id="default",
            conversation=conversation_id("default", STRANGER),
            sender=STRANGER,
            recipient=NUMBER,
            body=message.body,
            received_ms=1,
        )
        group = GroupCommit(connect(self._url))
        try:
            return await commit_text(
                group.call,
                keys=self.keys,
                gate=gate_of(account),
                text=text,
                listed=True,
                keyword=decide_keyword({"Body": message.body, "To": NUMBER}, account).keyword,
                now_ms=1,
            )
        finally:
            await group.close()

    async def stored(self) -> list[InboundText]:
        """What waits for the agent."""
        lane = self.keys.lane(Stage.AGENT, conversation_id("default", STRANGER))
        return [decode_inbound_text(raw) for raw in await load_list(self.redis, lane.list, 0, -1)]

    async def bodies(self) -> list[str]:
        return [text.body for text in await self.stored()]


@pytest.fixture
async def gap(tmp_path: Path, redis: Redis, redis_url: str) -> AsyncIterator[Gap]:
    async with opened(tmp_path, redis) as bench:
        yield Gap(bench, redis, redis_url)


async def test_texts_that_never_arrived_are_admitted_once_and_in_order_and_a_late_webhook_is_a_duplicate(
    gap: Gap,
) -> None:
    await gap.begin()
    messages = [gap.text(f"{n}", age_s=HOUR_S - n // 2) for n in range(6)]  # two share each second
    assert await gap.webhook(messages[2]) is Verdict.ACCEPTED
    assert (await gap.run()).admitted == 5
    assert await gap.bodies() == ["2", "0", "1", "3", "4", "5"]  # the order of arrival, here
    assert (await gap.run()).admitted == 0
    assert {await gap.webhook(message) for message in messages} == {Verdict.DUPLICATE}
    assert len(await gap.stored()) == 6


async def test_no_history_is_imported_when_an_account_is_first_seen(gap: Gap) -> None:
    gap.text("from before")
    assert (await gap.run()).admitted == 0
    assert (await gap.run()).admitted == 0
    assert await gap.stored() == []


async def test_another_number_begins_anew(gap: Gap) -> None:
    await gap.begin()
    gap.text("to the other number, before it was ours", to=SECOND)
    gap.bench.block["fromNumber"] = SECOND
    for _ in range(2):
        assert (await gap.run()).admitted == 0


async def test_what_is_older_than_the_limit_stays_in_twilios_log(gap: Gap) -> None:
    await gap.begin(ago_s=50 * HOUR_S)
    gap.text("the day before yesterday", age_s=40 * HOUR_S)
    gap.text("today")
    await gap.run()
    assert await gap.bodies() == ["today"]


async def test_a_text_that_may_still_come_by_its_webhook_is_left_to_it(gap: Gap) -> None:
    await gap.begin()
    young = gap.text("just now", age_s=5)
    await gap.run()
    assert await gap.stored() == []
    young.created_at -= 100
    young.sent_at = young.created_at
    await gap.run()
    assert await gap.bodies() == ["just now"]


async def test_no_limit_per_minute_applies(gap: Gap) -> None:
    await gap.begin()
    for n in range(5):  # two a minute are allowed
        gap.text(f"{n}")
    await gap.run()
    assert len(await gap.stored()) == 5


async def test_attachments_come_along(gap: Gap) -> None:
    await gap.begin()
    picture = Media(sid=new_sid("ME"), content_type="image/png", content=b"x")
    message = gap.text("look", media=(picture,))
    await gap.run()
    (text,) = await gap.stored()
    assert [(each.url, each.content_type) for each in text.media] == [
        (f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages/{message.sid}/Media/{picture.sid}", "image/png")
    ]
    assert text.received_ms == int(message.created_at) * 1000


async def test_a_missed_stop_counts_and_a_start_from_before_a_stop_does_not(gap: Gap) -> None:
    await gap.begin()
    gap.text("STOP", age_s=300)
    await gap.run()
    assert await gap.redis.hexists(gap.keys.opted_out("default"), STRANGER)  # type: ignore[misc]
    gap.text("START", age_s=200)
    stop = gap.text("stop", age_s=100)
    await gap.webhook(stop)
    await gap.run()
    assert await gap.redis.hexists(gap.keys.opted_out("default"), STRANGER)  # type: ignore[misc]


async def test_the_pool_of_a_messaging_service_is_caught_up_on(gap: Gap) -> None:
    gap.bench.put_service(NUMBER, inbound_request_url=gap.bench.url, use_inbound_webhook_on_number=False)
    gap.bench.use_service()
    await gap.begin()
    gap.text("to the pool")
    gap.text("to a number outside of it", to=SECOND)
    await gap.run()
    assert await gap.bodies() == ["to the pool"]
    assert gap.bench.account().messaging_service_sid == SERVICE


async def test_more_than_one_list_holds_is_read_from_its_oldest_end(gap: Gap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log.fetch_stretch, "__kwdefaults__", {"most": 4})
    await gap.begin()
    for n in range(20):
        gap.text(f"{n}", age_s=4 * HOUR_S - 600 * n)
    assert (await gap.run()).admitted == 20
    assert await gap.bodies() == [f"{n}" for n in range(20)]


async def test_a_run_that_ends_in_the_middle_is_taken_up_by_the_next(gap: Gap) -> None:
    await gap.begin()
    for n in range(40):
        gap.text(f"{n}")
    running = asyncio.create_task(gap.run())
    async with asyncio.timeout(30):
        while len(await gap.stored()) < 3:
            pass
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert len(await gap.stored()) < 40
    await gap.run()
    assert await gap.bodies() == [f"{n}" for n in range(40)]


async def test_a_text_that_redis_does_not_confirm_is_admitted_again_and_none_after_it(gap: Gap) -> None:
    await gap.begin()
    gap.text("1")
    gap.text("2")
    gap.confirm = Confirm(("WAIT", 1, 10), (1,))  # there is no replica
    with pytest.raises(TransientError):
        await gap.run()
    assert await gap.bodies() == ["1"]
    gap.confirm = None
    await gap.run()
    assert await gap.bodies() == ["1", "2"]


async def test_a_list_that_fails_costs_nothing_but_time(gap: Gap) -> None:
    await gap.begin()
    gap.text("hello")
    gap.bench.state.faults.add(Fault(operation=Operation.LIST, answer=Answer.ERROR, accepted=False, status=503))
    assert (await gap.run()).trouble
    assert (await gap.run()).admitted == 1
    assert await gap.bodies() == ["hello"]
