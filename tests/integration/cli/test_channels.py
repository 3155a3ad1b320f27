"""`textgate channels` and shell completion: true with a gateway, without one, and while Redis is away."""

import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cli.channels_live import count_workers, load_live
from shared.keys import Keys, Stage
from shared.lanes import append
from shared.records import Pause, encode
from shared.round_trip import execute

from .conftest import Command

CONFIG = """{
  redis: { prefix: "test:" },
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000", allowFrom: ["+12025550123"],
    authToken: { source: "env", id: "CANARY_TOKEN" },
    accounts: {
      main: { fromNumber: "+12025550100", publicWebhookUrl: "https://example.com/webhooks/sms" },
      mail: { fromNumber: "+12025550101", webhookPath: "/webhooks/mail" },
      spare: { enabled: false, webhookPath: "/webhooks/spare" },
    },
    defaultAccount: "main",
  } },
}"""
SECRET = "canary-not-to-be-shown"


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "textgate.json5").write_text(CONFIG)
    environ["CANARY_TOKEN"] = SECRET


async def test_the_live_facts_are_counted(redis: Redis, keys: Keys) -> None:
    lanes = [append(lane=keys.lane(Stage.AGENT, name), stage=Stage.AGENT, records=(b"x",)) for name in "abc"]
    await execute(redis, lanes)
    for name in ("host-1-a", "host-2-b", "killed-3-c"):
        await redis.zadd(keys.workers("agent"), {name: 1})
        await redis.set(keys.health("agent", name), "x", ex=60)
    await redis.delete(keys.health("agent", "killed-3-c"))
    await redis.set(keys.paused("main"), encode(Pause(code="20003", message="m", hint="h", since_ms=1)))
    await redis.hset(keys.opted_out("main"), "+12025550123", "x")  # type: ignore[misc]
    await redis.zadd(keys.dead, {"letter": 1})

    live = await load_live(redis, keys, ["main", "mail"])

    agent = live.stages[Stage.AGENT]
    assert (agent.workers, agent.jobs, agent.due) == (2, 3, 3)
    assert 0 <= agent.oldest_ms < 60_000
    assert live.stages[Stage.OUTBOUND].jobs == 0
    assert (live.lanes, live.dead_letters) == (3, 1)
    paused = live.accounts["main"].pause
    assert paused is not None
    assert (paused.code, live.accounts["main"].opted_out) == ("20003", 1)
    assert live.accounts["mail"].pause is None


async def test_stock_workers_count_as_one_and_a_key_that_ours_left_as_none(redis: Redis, keys: Keys) -> None:
    await redis.set(f"{keys.queue('agent')}:health-check", "Nov-21 08:00:00 j_complete=1", ex=60)
    await redis.set(f"{keys.queue('format')}:health-check", keys.health("format", "host-1-a"), ex=60)
    assert await count_workers(redis, keys) == {Stage.AGENT: 1, Stage.FORMAT: 0, Stage.OUTBOUND: 0}


async def test_status_shows_accounts_and_what_runs(textgate: Command, redis: Redis, redis_url: str) -> None:
    done = textgate("channels", "status", "--channel", "sms", "--json", TEXTGATE_REDIS_URL=redis_url)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    accounts = {account["id"]: account for account in shown["accounts"]}
    assert {name: account["direction"] for name, account in accounts.items()} == {
        "main": "inbound and outbound",
        "mail": "outbound only",
        "spare": "off",
    }
    assert accounts["main"]["credentials"]["authToken"] == "*** (env CANARY_TOKEN)"
    assert accounts["main"]["sender"] == "+1202•••0100"
    assert shown["live"]["stages"]["agent"]["workers"] == 0
    assert shown["trouble"] is None
    for text in (done.stdout, done.stderr, textgate("channels", "status", TEXTGATE_REDIS_URL=redis_url).stdout):
        assert SECRET not in text
        assert "2025550100" not in text


@pytest.mark.parametrize(
    ("variables", "said"),
    [({"TEXTGATE_REDIS_URL": "unix:///nowhere/nobody.sock"}, "Redis does not answer"), ({}, "no gateway found")],
)
def test_without_redis_the_configured_part_is_shown_with_status_1(
    textgate: Command, variables: dict[str, str], said: str
) -> None:
    done = textgate("channels", "status", "sms", "--account", "main", "--json", **variables)
    assert done.returncode == 1
    shown = json.loads(done.stdout)
    assert [account["id"] for account in shown["accounts"]] == ["main"]
    assert (shown["live"], shown["accounts"][0]["live"]) == (None, None)
    assert said in shown["trouble"]
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_token_the_rest_is_shown_and_what_is_missing_named(
    textgate: Command, environ: dict[str, str]
) -> None:
    del environ["CANARY_TOKEN"]
    done = textgate("channels", "status")
    assert done.returncode == 1
    assert "  not at hand here: channels.sms.authToken: the variable CANARY_TOKEN is not set" in done.stdout
    assert "account main" in done.stdout
    assert "no gateway found" in done.stderr
    assert "CANARY_TOKEN" in json.loads(textgate("channels", "status", "--json").stdout)["notAtHand"]
    assert textgate("channels", "status", "--probe").returncode == 78


def test_capabilities_need_no_configuration(textgate: Command, tmp_path: Path) -> None:
    (tmp_path / "textgate.json5").write_text("{ broken")
    done = textgate("channels", "capabilities", "--channel", "sms", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["channel"] == "sms"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["status", "fax"], 1, "there is no channel fax"),
        (["capabilities", "--channel", "fax"], 1, "there is no channel fax"),
        (["status", "--account", "nobody"], 1, "there is no account nobody: choose one of"),
        (["status", "--config", "missing.json5"], 78, "does not exist"),
        (["status", "--state-dir", "elsewhere"], 1, "no `textgate up` runs on"),
        (["stats"], 2, "No such command"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(textgate: Command, words: list[str], status: int, said: str) -> None:
    done = textgate("channels", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def completions(textgate: Command, line: str, **variables: str) -> set[str]:
    """What bash is told when Tab is pressed at the end of `line`."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1), "_TEXTGATE_COMPLETE": "complete_bash"}
    done = textgate(**words, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("line", "proposed"),
    [
        ("textgate pai", {"pairing"}),
        ("textgate pairing de", {"deny"}),
        ("textgate pairing allowed --account ma", {"main", "mail"}),
        ("textgate channels status --account spa", {"spare"}),
        ("textgate message trace SM1 --account x", set()),
    ],
)
def test_the_shell_completes_commands_and_accounts(textgate: Command, line: str, proposed: set[str]) -> None:
    assert completions(textgate, line) == proposed


def test_completing_follows_the_configuration_that_was_named(textgate: Command, tmp_path: Path) -> None:
    (tmp_path / "other.json5").write_text(CONFIG.replace("mail", "milk"))
    assert completions(textgate, "textgate pairing list --config other.json5 --account m") == {"main", "milk"}
    assert completions(textgate, "textgate --config other.json5 pairing list --account mi") == {"milk"}


def test_completing_runs_no_command_for_a_secret_and_survives_a_broken_file(textgate: Command, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o700)
    config = CONFIG.replace('source: "env", id: "CANARY_TOKEN"', f'source: "exec", id: "{trap}"')
    (tmp_path / "textgate.json5").write_text(config)
    assert completions(textgate, "textgate pairing list --account mai") == {"main", "mail"}
    assert not (tmp_path / "sprung").exists()
    (tmp_path / "textgate.json5").write_text("{ broken")
    assert completions(textgate, "textgate pairing list --account mai") == set()


def test_completion_can_be_shown(textgate: Command) -> None:
    done = textgate("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "_TEXTGATE_COMPLETE=complete_bash" in done.stdout
