"""The command as people meet it: exit statuses, one line per mistake, and how little is loaded to show help."""

import json
import sys
from pathlib import Path

import pytest

from .conftest import Command

HEAVY = ("twilio", "redis", "starlette", "uvicorn", "aiohttp", "rich", "openai", "phonenumbers", "arq", "mistune")

CONFIG = """{
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000", authToken: "not-to-be-shown", fromNumber: "+12025550100",
    publicWebhookUrl: "https://example.com/webhooks/sms", dmPolicy: %s,
  } },
}"""


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["up", "--help"],
        ["demo", "--help"],
        ["worker", "--help"],
        ["pairing", "approve", "--help"],
        ["message", "send", "--help"],
        ["explain", "30007"],
    ],
)
def test_help_loads_nothing_heavy(textgate: Command, words: list[str]) -> None:
    done = textgate(*words, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["up"],
        ["demo"],
        ["ingress"],
        ["worker"],
        ["sandbox"],
        ["pairing", "list"],
        ["pairing", "approve"],
        ["message", "send"],
        ["explain"],
        ["config", "validate"],
    ],
)
def test_every_help_fits_80_columns_and_says_what_to_do_next(textgate: Command, words: list[str]) -> None:
    shown = textgate(*words, "--help", COLUMNS="80").stdout
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert not words or any(word in shown for word in ("Example:", "Try it:"))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["upp"], 2, "No such command 'upp'"),
        (["worker", "cook"], 2, "cook"),
        (["message", "send", "--message", "hi"], 2, "Missing option '--target'"),
        (["up", "--port", "8080"], 2, "without it set ingress.port, and agent.callable with"),
        (["up", "--sandbox-port", "99999"], 2, "found '99999'; expected a whole number from 1 to 65535"),
        (["up", "--port", "x"], 2, "found 'x'; expected a whole number from 1 to 65535"),
        (["channels", "status", "--timeout", "0"], 2, "found '0'; expected a number from 0.1 to 300"),
        (["format", "--price", "-1"], 2, "found '-1'; expected a number from 0"),
        (["worker", "fromat"], 2, "expected one of agent, format, outbound, probe; did you mean format?"),
        (["config", "schema", "--of", "x"], 2, "found 'x'; expected one of config, turn, answer"),
        (["explain", "lots"], 2, "such as 30007"),
        (["pairing", "approve", "sms"], 2, "textgate pairing list"),
        (["pairing", "approve", "a", "b", "c"], 2, "write `textgate pairing approve CODE`"),
        (["pairing", "deny", "a", "b", "c"], 2, "write `textgate pairing deny CODE`"),
        (["pairing", "deny", "sms"], 2, "write `textgate pairing deny CODE`"),
        (["pairing", "revoke", "sms"], 2, "textgate pairing revoke +15551234567"),
        (["message", "send", "--target", "+1", "--message", "x", "--timeout", "3"], 2, "needs --wait"),
        (["up", "--sandbox", "--config", "my.json5"], 2, "leave out --config"),
    ],
)
def test_what_is_not_understood_ends_with_2(textgate: Command, words: list[str], status: int, said: str) -> None:
    done = textgate(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pairing", "list"], "start `textgate up` (or `textgate up --sandbox`) in another terminal"),
        (["pairing", "approve", "ABCD2345"], "no gateway found"),
        (["pairing", "approve", "fax", "ABCD2345"], "there is no channel fax: the only one is sms"),
        (["pairing", "list", "--state-dir", "elsewhere"], "no `textgate up` runs on"),
        (["explain", "12345"], "https://www.twilio.com/docs/api/errors/12345"),
        (["message", "send", "--target", "sms:+15", "--message", "hi"], "--target: expected a phone number"),
        (["message", "send", "--target", "fax:+12025550123", "--message", "hi"], "there is no channel 'fax'"),
        (["message", "send", "--target", "+12025550123", "--message", " "], "--message is empty"),
        (["message", "send", "--target", "+12025550123", "--message", "hi", "--channel", "fax"], "no channel fax"),
        (["sandbox", "--webhook-url", "https://example.com/"], "is not an http(s) URL on this machine"),
        (["sandbox", "--auth-token-file", "missing"], "No such file"),
    ],
)
def test_a_mistake_ends_with_1_and_one_line_that_names_the_next_step(
    textgate: Command, words: list[str], said: str
) -> None:
    done = textgate(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.startswith("textgate: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["up"], "`textgate init` sets one up; `textgate up --sandbox` needs none. Or set TWILIO_ACCOUNT_SID,"),
        (["ingress"], "redis.url: not set"),
        (["worker", "format"], "redis.url: not set"),
        (["config", "validate", "--config", "missing.json5"], "does not exist"),
        (["--config", "missing.json5", "pairing", "list"], "does not exist"),
    ],
)
def test_a_wrong_configuration_ends_with_78_and_one_line(textgate: Command, words: list[str], said: str) -> None:
    done = textgate(*words)
    assert (done.returncode, done.stdout) == (78, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_valid_configuration_is_described_without_its_secret(textgate: Command, tmp_path: Path) -> None:
    (tmp_path / "textgate.json5").write_text(CONFIG % '"pairing"')
    done = textgate("config", "validate")
    assert done.returncode == 0
    assert "account default: +12025550100, policy pairing, default" in done.stdout
    assert "not-to-be-shown" not in done.stdout + done.stderr


def test_an_invalid_configuration_names_key_and_suggestion(textgate: Command, tmp_path: Path) -> None:
    (tmp_path / "other.json5").write_text(CONFIG % '"pairings"')
    done = textgate("config", "validate", "--config", "other.json5")
    assert done.returncode == 78
    assert "channels.sms.dmPolicy" in done.stderr
    assert "not-to-be-shown" not in done.stderr


def test_a_redis_that_is_away_is_one_line(textgate: Command, tmp_path: Path) -> None:
    done = textgate("pairing", "approve", "ABCD2345", TEXTGATE_REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    assert done.returncode == 1
    assert f"Redis does not answer at {tmp_path}/nobody.sock (there is no such socket): start it" in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_in_the_current_folder_replaces_a_part_of_the_product(textgate: Command, tmp_path: Path) -> None:
    for name in ("shared", "cli", "workers", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken over')")
    assert textgate("config", "schema").returncode == 0


def test_a_second_terminal_works_on_a_configured_redis(textgate: Command, redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "textgate.json5").write_text(CONFIG % '"pairing"')
    listed = textgate("pairing", "list", "sms", "--json", TEXTGATE_REDIS_URL=redis_url)
    assert json.loads(listed.stdout) == {"requests": []}
    unknown = textgate("pairing", "list", "--account", "nobody", TEXTGATE_REDIS_URL=redis_url)
    assert "there is no account nobody: choose one of default" in unknown.stderr
    expired = textgate("pairing", "approve", "sms", "ABCD2345", TEXTGATE_REDIS_URL=redis_url)
    assert expired.returncode == 1
    assert "no pairing request has the code ABCD2345" in expired.stderr


def test_the_interpreter_is_new_enough() -> None:
    assert sys.version_info >= (3, 11)
