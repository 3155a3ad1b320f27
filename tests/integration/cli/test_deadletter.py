"""`textgate deadletter` as an operator meets it: the real command, a real Redis, exit statuses and lines."""

import asyncio
import json
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from cli.deadletter_change import choose, retry_all
from cli.deadletter_select import Filter
from shared.dead_letters import bury, count_letters
from shared.delivery import record_status
from shared.keys import Keys, Stage
from shared.outbox import Status
from shared.records import DeadLetter, Part, Pause, decode_part, encode
from shared.redis_client import load_list

from .conftest import LIMIT_S, Command
from .trace_line import CONVERSATION, OUT_SID, PEER, SID, Line

CONFIG = """{
  redis: { prefix: "test:" },
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000", authToken: "not-to-be-shown", fromNumber: "+12025550100",
    publicWebhookUrl: "https://example.com/webhooks/sms",
  } },
}"""
DOC = (Path(__file__).parents[3] / "docs/cli.md").read_text()


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, environ: dict[str, str], redis_url: str) -> None:
    (tmp_path / "textgate.json5").write_text(CONFIG)
    environ["TEXTGATE_REDIS_URL"] = redis_url


@pytest.fixture
def line(redis: Redis, keys: Keys, redis_url: str) -> Line:
    return Line(redis, keys, redis_url)


async def give_up(line: Line, stage: Stage, records: list[bytes], *, code: str = "twilio-21211") -> str:
    """What `workers/boundary.py` does; the id of the letter."""
    turn = await line.turn(stage)
    letter = DeadLetter(
        letter_id=f"{stage.value}-{CONVERSATION}-{turn}",
        stage=stage.value,
        account_id="default",
        conversation=CONVERSATION,
        turn=turn,
        code=code,
        message=f"{PEER} is no valid number",
        hint="check the number",
        attempts=1,
        buried_ms=1,
        records=tuple(records),
    )
    part_ids = tuple(decode_part(record).part_id for record in records) if stage is Stage.OUTBOUND else ()
    assert await line.do(bury(keys=line.keys, stage=stage, letter=letter, part_ids=part_ids)) == 1
    return letter.letter_id


async def half_a_reply(line: Line) -> tuple[str, list[Part]]:
    """The first of three parts was delivered, the second was announced and nobody knows, the third never tried."""
    await line.text()
    parts = await line.cut(await line.answer(), 3)
    await line.send(parts[0], OUT_SID)
    await line.do(record_status(keys=line.keys, part_id=parts[0].part_id, sid=OUT_SID, status=Status.DELIVERED))
    await line.announce(parts[1])
    return await give_up(line, Stage.OUTBOUND, [encode(part) for part in parts[1:]]), parts


async def a_failed_turn(line: Line, *, code: str = "agent-timeout") -> str:
    return await give_up(line, Stage.AGENT, [encode(await line.text())], code=code)


def told(textgate: Command, *words: str) -> dict[str, Any]:
    done = textgate("deadletter", *words, "--json")
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


async def test_the_list_counts_all_and_shows_those_that_are_asked_for(textgate: Command, line: Line) -> None:
    assert told(textgate, "list") == {"total": 0, "expired": 0, "deadLetters": []}
    assert "nothing was given up" in textgate("deadletter", "list").stdout
    turn = await a_failed_turn(line)
    reply, _ = await half_a_reply(line)
    shown = told(textgate, "list")
    assert [letter["id"] for letter in shown["deadLetters"]] == [turn, reply], "the first buried first"
    assert shown["deadLetters"][1]["peer"] == "+1202•••0123"
    found = told(textgate, "list", "--code", "21211", "--stage", "outbound", "--account", "default")
    assert (found["total"], [letter["id"] for letter in found["deadLetters"]]) == (2, [reply])
    assert "2 in all: 1 agent-timeout, 1 twilio-21211" in textgate("deadletter", "list").stdout
    assert "None of the 2 dead letters" in textgate("deadletter", "list", "--code", "bug").stdout


async def test_an_account_that_is_not_configured_may_be_a_slip(textgate: Command, line: Line) -> None:
    await a_failed_turn(line)
    note = "Account nosuch is not configured; these are: "
    for words in (["list"], ["retry"], ["drop"]):
        assert note in textgate("deadletter", *words, "--account", "nosuch").stdout
    assert "not configured" not in textgate("deadletter", "list", "--account", "default", "--code", "bug").stdout


async def test_the_story_tells_what_was_sent_before_and_what_is_in_doubt(textgate: Command, line: Line) -> None:
    letter_id, parts = await half_a_reply(line)
    story = told(textgate, "show", letter_id)
    assert [(part["id"], part["status"]) for part in story["sentBefore"]] == [(parts[0].part_id, "delivered")]
    assert [record["outcome"] for record in story["records"]] == ["unknown", "not_sent"]
    assert (story["meaning"], story["failures"]) == ("the recipient is no valid number", 0)
    plain = textgate("deadletter", "show", letter_id).stdout
    for shown in (plain, json.dumps(story)):
        assert "secret" not in shown
        assert PEER not in shown
    revealed = textgate("deadletter", "show", letter_id, "--reveal").stdout
    assert PEER in revealed
    assert "another secret" in revealed


async def test_the_documented_shape_is_the_one_that_is_printed(textgate: Command, line: Line) -> None:
    letter_id, _ = await half_a_reply(line)
    section = DOC.partition("### textgate deadletter show")[2].partition("###")[0]
    shape = section.partition("JSON: `{")[2].partition("}`")[0]
    story = told(textgate, "show", letter_id)
    assert re.findall(r'"(\w+)"', shape) == list(story)
    for name in ("records", "sentBefore"):
        fields = section.partition(f"- `{name}`: `[{{")[2].partition("}]`")[0]
        assert re.findall(r'"(\w+)"', fields) == list(story[name][0])
    section = DOC.partition("### textgate deadletter list")[2].partition("###")[0]
    fields = section.partition('"deadLetters": [{')[2].partition("}]")[0]
    assert re.findall(r'"(\w+)"', fields) == list(told(textgate, "list")["deadLetters"][0])


async def test_a_retried_letter_is_in_its_lane_and_retrying_it_again_is_an_error(textgate: Command, line: Line) -> None:
    letter_id, parts = await half_a_reply(line)
    assert told(textgate, "retry", letter_id) == {"retried": [letter_id], "gone": [], "paused": []}
    assert await load_list(line.redis, line.keys.lane(Stage.OUTBOUND, CONVERSATION).list, 0, -1) == [
        encode(part) for part in parts[1:]
    ]
    again = textgate("deadletter", "retry", letter_id)
    assert (again.returncode, again.stdout) == (1, "")
    assert "it was retried or dropped" in again.stderr
    assert again.stderr.count("\n") == 1


async def test_texts_that_the_agent_failed_go_to_the_agent_again(textgate: Command, line: Line) -> None:
    letter_id = await a_failed_turn(line)
    assert told(textgate, "show", letter_id)["records"][0]["id"] == SID
    told(textgate, "retry", "--code", "agent-timeout")
    assert await line.redis.llen(line.keys.lane(Stage.AGENT, CONVERSATION).list) == 1  # type: ignore[misc]


async def test_two_operators_at_once_retry_each_letter_once(line: Line) -> None:
    letter_id, _ = await half_a_reply(line)
    both = [await choose(line.target, [], Filter()) for _ in range(2)]
    done = await asyncio.gather(*(retry_all(line.target, chosen) for chosen in both))
    assert sorted((len(each.changed), len(each.gone)) for each in done) == [(0, 1), (1, 0)]
    assert await line.redis.llen(line.keys.lane(Stage.OUTBOUND, CONVERSATION).list) == 2  # type: ignore[misc]
    assert letter_id in {*done[0].changed, *done[1].changed}


async def test_letters_go_back_in_the_order_of_their_burial_however_they_are_named(line: Line) -> None:
    first = await a_failed_turn(line)
    second, _ = await half_a_reply(line)
    chosen = await choose(line.target, [second, first, second], Filter())
    assert [kept.letter.letter_id for kept in chosen] == [first, second]


async def test_a_retry_into_a_paused_account_says_that_it_waits(textgate: Command, line: Line) -> None:
    letter_id, _ = await half_a_reply(line)
    pause = Pause(code="twilio-20003", message="wrong credentials", hint="check authToken", since_ms=1)
    await line.redis.set(line.keys.paused("default"), encode(pause))
    done = textgate("deadletter", "retry", letter_id)
    assert "`textgate account resume default`" in done.stderr
    assert "Retried 1 dead letter." in done.stdout


def answering(answer: str, tmp_path: Path, environ: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command with something on its stdin."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli.main", "deadletter", *words],
        env=environ,
        cwd=tmp_path,
        input=answer,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("answer", "status", "left"), [("y\n", 0, 0), ("n\n", 1, 2), ("\n", 1, 2), ("", 1, 2)], ids=repr
)
@pytest.mark.parametrize("command", ["retry", "drop"])
async def test_more_than_one_is_asked_for(
    line: Line, tmp_path: Path, environ: dict[str, str], command: str, answer: str, status: int, left: int
) -> None:
    await a_failed_turn(line)
    await half_a_reply(line)
    done = answering(answer, tmp_path, environ, command, "--all")
    assert done.returncode == status, done.stderr
    assert "2 dead letters (1 agent-timeout, 1 twilio-21211)" in done.stderr
    assert await count_letters(line.redis, line.keys) == left
    if not answer:
        assert "add --yes" in done.stderr


async def test_dropping_even_one_is_asked_for_and_yes_is_an_answer(textgate: Command, line: Line) -> None:
    letter_id, parts = await half_a_reply(line)
    assert textgate("deadletter", "drop", letter_id).returncode == 1
    assert told(textgate, "drop", letter_id, "--yes") == {"dropped": [letter_id], "gone": []}
    assert await count_letters(line.redis, line.keys) == 0
    assert "its dead letter was dropped since" in (await line.trace(parts[2].reply_id))["summary"]


async def test_old_ones_are_dropped_by_age_and_young_ones_stay(textgate: Command, line: Line) -> None:
    old = await a_failed_turn(line)  # buried in 1970
    assert told(textgate, "drop", "--older-than", "10000w", "--yes") == {"dropped": [], "gone": []}
    assert told(textgate, "drop", "--older-than", "30d", "--yes")["dropped"] == [old]


async def test_the_export_is_one_story_for_each_line_in_a_file_of_ones_own(
    textgate: Command, line: Line, tmp_path: Path
) -> None:
    ids = [await a_failed_turn(line), (await half_a_reply(line))[0]]
    lines = textgate("deadletter", "export").stdout.splitlines()
    assert [json.loads(each) for each in lines] == [told(textgate, "show", each) for each in ids]
    done = textgate("deadletter", "export", "--out", "dead.jsonl", "--reveal", "--stage", "agent")
    assert done.stdout == "Wrote 1 dead letter to dead.jsonl.\n"
    file = tmp_path / "dead.jsonl"
    assert json.loads(file.read_text())["records"][0]["texts"] == ["a secret word"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = textgate("deadletter", "export", "--out", "dead.jsonl")
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "name another file" in again.stderr
    assert len(file.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "nothing"], "there is no dead letter nothing"),
        (["retry", "nothing"], "there is no dead letter nothing"),
        (["drop", "nothing", "--yes"], "there is no dead letter nothing"),
        (["retry"], "textgate deadletter retry ID"),
        (["drop"], "textgate deadletter drop ID"),
        (["retry", "x", "--all"], "choose one way"),
        (["drop", "--older-than", "soon"], "--older-than 30d"),
        (["list", "--stage", "probe"], "agent, format, outbound"),
        (["export", "--out", "no/such/folder"], "name another file"),
    ],
)
async def test_a_mistake_is_one_line_and_status_1(textgate: Command, redis: Redis, words: list[str], said: str) -> None:
    done = textgate("deadletter", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
