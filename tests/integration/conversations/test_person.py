"""One person's data can be written out, and forgotten: not a word or a digit is left, and nobody else is touched."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from cli.person_words import lines_of, names_of
from shared.errors import PermanentError
from shared.gate import Keyword
from shared.holds import hold_parts, load_all_held
from shared.keys import Keys, Stage
from shared.outbox import Status, dispatch, enqueue_text, settle
from shared.pairing import approve, list_approved, list_requests
from shared.person import Erased, erase_person, load_person
from shared.records import Part, decode_part
from shared.redis_client import load_list
from tests.integration.cli.conftest import Command, environ, textgate  # noqa: F401 - fixtures
from tests.integration.conversations.talk import ANN, OURS, Talk
from workers.agents.contract import Answer, Turn
from workers.format import SPEC as FORMAT, format_reply
from workers.work import Work

BOB = "+15557650002"
SECRET = "a very private matter"


async def live(talk: Talk) -> None:
    """Everything that may happen to a person: paired, answered, sent, failed, waiting at each stage."""
    talk.gate = msgspec.structs.replace(talk.gate, policy="pairing", sender_per_day=100)
    await talk.text(SECRET)
    (code,) = [
        each.code for each in await list_requests(talk.redis, talk.keys, "default") if each.sender == talk.sender
    ]
    await approve(talk.redis, talk.keys, code, notice=lambda _: f"welcome to {SECRET}")
    await talk.text(f"{SECRET} 1")
    await talk.turn()
    for _ in range(3):  # code, welcome, answer
        await format_one(talk)
    await send_one(talk)

    async def fails(_: Turn) -> Answer:
        raise PermanentError(SECRET, code="gone")

    await talk.text(f"{SECRET} 2")
    await talk.turn(fails)
    await enqueue_text(talk.redis, talk.keys, account_id="default", to=talk.sender, text=SECRET)
    await talk.text(f"{SECRET} 3")


async def format_one(talk: Talk) -> None:
    lane = talk.keys.lane(Stage.FORMAT, talk.conversation)
    number = await talk.redis.hget(lane.state, Stage.FORMAT.value)  # type: ignore[misc]
    work = Work(
        stage=FORMAT.stage,
        conversation=talk.conversation,
        turn=number.decode(),
        lane=lane,
        records=await load_list(talk.redis, lane.list, 0, 0),
        attempt=1,
        call=talk.send,
        commit=talk.send,
        facts={},
    )
    await format_reply(work, talk.environment())


async def send_one(talk: Talk) -> Part:
    lane = talk.keys.lane(Stage.OUTBOUND, talk.conversation)
    number = await talk.redis.hget(lane.state, Stage.OUTBOUND.value)  # type: ignore[misc]
    part = decode_part((await load_list(talk.redis, lane.list, 0, 0))[0])
    how: dict[str, Any] = {"keys": talk.keys, "part": part, "turn": number.decode()}
    await talk.send(dispatch(**how, attempt="a", sender=OURS, segments_per_second=0))
    await talk.send(settle(**how, sid=f"SM9{talk.sender[1:]}", status=Status.SENT))
    return part


async def everything(redis: Redis) -> dict[str, str]:
    """Every key with all that it holds, as text."""
    found = {}
    async for key in redis.scan_iter(count=1000):
        dumped: Any = await redis.dump(key)
        kind = (await redis.type(key)).decode()
        held: Any = dumped
        match kind:
            case "hash":
                held = await redis.hgetall(key)  # type: ignore[misc]
            case "list":
                held = await redis.lrange(key, 0, -1)  # type: ignore[misc]
            case "zset":
                held = await redis.zrange(key, 0, -1)
            case "string":
                held = await redis.get(key)
        found[key.decode()] = str(held)
    return found


async def test_all_that_is_known_is_written_out(talk: Talk, redis: Redis, keys: Keys) -> None:
    await live(talk)
    lines = list(lines_of(await load_person(redis, keys, "default", ANN)))
    kinds = [line["kind"] for line in lines]
    assert kinds == [
        "history",
        "history",
        "inbound",
        "reply",
        "reply",
        "part",
        "part",
        "sent",
        "deadLetter",
        "approval",
    ]
    assert json.dumps(lines).count(SECRET) >= 7
    assert {line["person"] for line in lines} == {ANN}


async def test_not_a_word_or_a_digit_is_left_of_who_was_erased(talk: Talk, redis: Redis, keys: Keys) -> None:
    await live(talk)
    before = await everything(redis)
    assert any(SECRET in held for held in before.values())

    done = await erase_person(redis, keys, "default", ANN)

    assert done == Erased(waiting=5, history=2, letters=1, keys=done.keys, approved=True)
    after = await everything(redis)
    held = {key: words for key, words in after.items() if SECRET in words or ANN in words or talk.conversation in key}
    assert held == {}
    assert (await load_person(redis, keys, "default", ANN)).is_empty
    assert await erase_person(redis, keys, "default", ANN) == Erased(
        waiting=0, history=0, letters=0, keys=0, approved=False
    ), "once more changes nothing"


async def test_what_waits_for_its_time_is_written_out_and_forgotten_too(talk: Talk, redis: Redis, keys: Keys) -> None:
    later = 4_000_000_000_000
    await enqueue_text(redis, keys, account_id="default", to=ANN, text=SECRET, due_ms=later)
    await enqueue_text(redis, keys, account_id="default", to=ANN, text=SECRET)
    await format_one(talk)
    lane = keys.lane(Stage.OUTBOUND, talk.conversation)
    turn = await redis.hget(lane.state, Stage.OUTBOUND.value)  # type: ignore[misc]
    part = decode_part((await load_list(redis, lane.list, 0, 0))[0])
    assert await talk.send(hold_parts(keys=keys, part=part, turn=turn.decode(), count=1, due_ms=later)) == 1
    await enqueue_text(redis, keys, account_id="default", to=BOB, text="another matter", due_ms=later)

    known = await load_person(redis, keys, "default", ANN)
    assert [line["kind"] for line in lines_of(known) if line["kind"] != "history"] == ["reply", "part"]
    assert (await erase_person(redis, keys, "default", ANN)).waiting == 2
    held = {
        key: words for key, words in (await everything(redis)).items() if SECRET in words or talk.conversation in key
    }
    assert held == {}
    assert not any(talk.conversation in words for words in (await everything(redis)).values()), (
        "nor a job, nor an index"
    )
    assert [each.to for each in await load_all_held(redis, keys)] == [BOB]


async def test_somebody_else_is_not_touched(talk: Talk, redis: Redis, keys: Keys) -> None:
    other = Talk(redis, keys, sender=BOB)
    await live(other)
    before = await load_person(redis, keys, "default", BOB)
    await live(talk)
    await erase_person(redis, keys, "default", ANN)

    assert await load_person(redis, keys, "default", BOB) == before
    assert [approval.sender for approval in await list_approved(redis, keys, "default")] == [BOB]
    await other.turn()
    assert len(await other.remembered()) == 4, "and their conversation goes on"


async def test_a_worker_in_the_middle_of_a_turn_brings_nothing_back(talk: Talk, redis: Redis, keys: Keys) -> None:
    await talk.text(SECRET)
    zombie = await talk.claim()
    await erase_person(redis, keys, "default", ANN)
    assert (await talk.run(zombie)).outcome == "fenced"
    assert (await load_person(redis, keys, "default", ANN)).is_empty

    await talk.text("a new beginning")
    assert (await talk.claim()).turn > zombie.turn, "no turn number comes twice"
    await talk.turn()
    assert not talk.seen[-1].history


async def test_that_they_opted_out_stays(talk: Talk, redis: Redis, keys: Keys) -> None:
    await talk.text("hello")
    await talk.admitted(talk.inbound("STOP"), keyword=Keyword.STOP)
    await erase_person(redis, keys, "default", ANN)
    known = await load_person(redis, keys, "default", ANN)
    assert known.opted_out
    assert known.is_empty
    (line,) = lines_of(known)
    assert (line["kind"], line["out"], line["said"]) == ("optOut", True, "STOP")
    over_rcs = await load_person(redis, keys, "default", f"rcs:{ANN}")
    assert over_rcs.is_empty
    assert not over_rcs.opt_outs, "it is one and the same, and told once"


async def test_a_waiting_request_is_forgotten_with_its_code(talk: Talk, redis: Redis, keys: Keys) -> None:
    talk.gate = msgspec.structs.replace(talk.gate, policy="pairing")
    await talk.text("let me in")
    known = await load_person(redis, keys, "default", ANN)
    assert known.request is not None
    await erase_person(redis, keys, "default", ANN)
    assert await list_requests(redis, keys, "default") == []
    assert not await redis.exists(keys.pairing_code(known.request.code))


def test_a_number_means_the_phone_over_each_channel() -> None:
    assert names_of("+1 555 765 0001") == (ANN, "+1 555 765 0001", f"rcs:{ANN}")
    assert names_of("12345") == ("12345",)


CONFIG = """{
  redis: { prefix: "test:" },
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000", authToken: "not-to-be-shown", fromNumber: "+15550001111",
    publicWebhookUrl: "https://example.com/webhooks/sms",
  } },
}"""


async def test_the_command_exports_then_erases_when_it_is_sure(
    talk: Talk,
    redis: Redis,
    keys: Keys,
    textgate: Command,  # noqa: F811
    tmp_path: Path,
    redis_url: str,
) -> None:
    (tmp_path / "textgate.json5").write_text(CONFIG)
    await live(talk)
    said = textgate("person", "export", ANN, TEXTGATE_REDIS_URL=redis_url)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout.splitlines()[0])["kind"] == "history"

    unsure = textgate("person", "erase", ANN, TEXTGATE_REDIS_URL=redis_url)
    assert unsure.returncode == 1
    assert "add --yes" in unsure.stderr
    assert not (await load_person(redis, keys, "default", ANN)).is_empty

    done = textgate("person", "erase", ANN, "--yes", "--json", TEXTGATE_REDIS_URL=redis_url)
    assert done.returncode == 0, done.stderr
    (account,) = json.loads(done.stdout)["accounts"]
    assert (account["account"], account["deadLetters"], account["approved"]) == ("default", 1, True)
    again = textgate("person", "erase", ANN, "--yes", TEXTGATE_REDIS_URL=redis_url)
    assert "Nothing was known" in again.stdout

    nothing = textgate("person", "export", ANN, TEXTGATE_REDIS_URL=redis_url)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == f"textgate: nothing is known of {ANN}\n"


@pytest.mark.parametrize("number", ["", "   "])
def test_nobody_is_nobody(textgate: Command, number: str) -> None:  # noqa: F811
    said = textgate("person", "export", number, TEXTGATE_REDIS_URL="redis://127.0.0.1:1")
    assert said.returncode == 2
    assert "which number? write `textgate person export" in said.stderr
