"""`textgate config get`, `schema` and `validate`: what is in force, and never a secret."""

import json
from pathlib import Path

import pytest

from .conftest import Command

CANARY = "canary0d9f8a7b6c5e4f3a2b1c"
SEVERAL = """{
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000", authToken: "${TOKEN}", dmPolicy: "pairing",
    accounts: {
      support: { fromNumber: "+12025550100", webhookPath: "/a", publicWebhookUrl: "https://example.com/a" },
      alerts: {
        fromNumber: 12025550101, webhookPath: "/b", publicWebhookUrl: "https://example.com/b",
        dmPolicy: "allowlist", allowFrom: ["sms:+1 202 555 0102"],
        authToken: { source: "exec", id: "/bin/echo %s" },
      },
    },
  } },
  secrets: { providers: { vault: { source: "exec", command: "/bin/echo", args: ["%s"] } } },
}""".replace("%s", CANARY)
ENVIRONMENT = {
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000000",
    "TWILIO_AUTH_TOKEN": CANARY,
    "TWILIO_PHONE_NUMBER": "+1 202 555 0100",
    "SMS_PUBLIC_WEBHOOK_URL": "https://example.com/webhooks/sms#rc=3",
    "TEXTGATE_REDIS_URL": f"redis://:{CANARY}@localhost:6379",
}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("channels.sms.authToken", "*** (env TWILIO_AUTH_TOKEN)"),
        ("channels.sms.fromNumber", "+12025550100"),
        ("channels.sms.publicWebhookUrl", "https://example.com/webhooks/sms#rc=3"),
        ("channels.sms.textChunkLimit", "1500"),
        ("channels.sms.enabled", "true"),
        ("channels.sms.defaultTo", "not set"),
        ("channels.sms.defaultAccount", "default"),
        ("redis.url", "*** (env TEXTGATE_REDIS_URL)"),
        ("redis.prefix", "tg:"),
        ("agent.kind", "echo"),
    ],
)
def test_get_takes_file_environment_and_defaults_together(textgate: Command, path: str, shown: str) -> None:
    done = textgate("config", "get", path, **ENVIRONMENT)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{shown}\n", "")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("channels.sms.accounts.support.authToken", "*** (env TOKEN)"),
        ("channels.sms.accounts.support.dmPolicy", "pairing"),
        ("channels.sms.accounts.alerts.authToken", "*** (exec /bin/echo)"),
        ("channels.sms.accounts.alerts.fromNumber", "+12025550101"),
        ("channels.sms.accounts.alerts.allowFrom", ["+12025550102"]),
        ("channels.sms.dmPolicy", "pairing"),
        ("channels.sms.fromNumber", None),
        ("channels.sms.defaultAccount", "support"),
        ("secrets.providers.vault.args", ["***"]),
    ],
)
def test_get_shows_each_account_with_what_it_inherits(
    textgate: Command, tmp_path: Path, path: str, value: object
) -> None:
    (tmp_path / "textgate.json5").write_text(SEVERAL)
    done = textgate("config", "get", path, "--json", TOKEN=CANARY)
    assert json.loads(done.stdout) == {"path": path, "value": value}


def test_get_without_a_path_shows_everything_but_the_secrets(textgate: Command, tmp_path: Path) -> None:
    (tmp_path / "textgate.json5").write_text(SEVERAL)
    done = textgate("config", "get", TOKEN=CANARY, **ENVIRONMENT)
    assert set(json.loads(done.stdout)["channels"]["sms"]["accounts"]) == {"support", "alerts"}
    assert CANARY not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("channels.sms.accounts.support.dmPolicy", "pairing"),
        ("channels.sms.accounts.support.authToken", "*** (env TOKEN)"),
        ("channels.sms.accounts.alerts.authToken", "*** (exec /bin/echo)"),
    ],
)
def test_get_needs_no_secret(textgate: Command, tmp_path: Path, path: str, value: str) -> None:
    (tmp_path / "textgate.json5").write_text(SEVERAL)
    done = textgate("config", "get", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{value}\n", "")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("channels.sms.dmpolicy", "unknown key; did you mean dmPolicy? Write channels.sms.dmPolicy\n"),
        ("channel", "channel: unknown key; did you mean channels?"),
        ("zzz", "zzz: unknown key; one of $schema, channels"),
        ("channels.sms.accounts.nobody.name", "there is no account nobody: choose one of default"),
        ("channels.sms.accounts.default", "the account default is channels.sms itself"),
        ("channels.sms.dmPolicy.x", "channels.sms.dmPolicy holds no keys"),
        ("channels.sms.allowFrom[0]", "a list is shown and set as a whole"),
        ("", "this is no path of a key"),
    ],
)
def test_get_of_an_unknown_key_suggests_one(textgate: Command, path: str, said: str) -> None:
    done = textgate("config", "get", path, **ENVIRONMENT)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_schema_is_one_json_document(textgate: Command) -> None:
    schema = json.loads(textgate("config", "schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "dmPolicy" in schema["$defs"]["AccountSection"]["properties"]


def test_validate_for_programs(textgate: Command, tmp_path: Path) -> None:
    (tmp_path / "textgate.json5").write_text(SEVERAL)
    done = textgate("config", "validate", "--json", TOKEN=CANARY)
    answer = json.loads(done.stdout)
    assert (answer["valid"], answer["source"]) == (True, str(tmp_path / "textgate.json5"))
    assert [account["id"] for account in answer["accounts"]] == ["support", "alerts"]
    assert set(answer) == {"valid", "source", "accounts", "agent", "redis", "warnings"}
    assert CANARY not in done.stdout + done.stderr


def test_validate_of_a_wrong_file_for_programs(textgate: Command, tmp_path: Path) -> None:
    (tmp_path / "textgate.json5").write_text("{channels: {sms: {dmpolicy: 'open'}}}")
    done = textgate("config", "validate", "--json")
    assert done.returncode == 78
    error = {"path": "channels.sms.dmpolicy", "found": "unknown key", "expected": "did you mean dmPolicy?"}
    assert json.loads(done.stdout) == {"valid": False, "error": error}
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("{}", "channels.sms", "no account is configured"),
        ("{channels: {sms: {enabled: false}}}", "channels.sms", "every account is switched off"),
        (
            """{channels: {sms: {accountSid: "AC0", authToken: "x", fromNumber: "+12025550100", publicWebhookUrl:
            "https://example.com/"}}, agent: {kind: "python", callable: "no_such_module:reply"}}""",
            "agent.callable",
            "no_such_module",
        ),
    ],
    ids=["nobody", "switched off", "agent"],
)
def test_what_up_refuses_is_not_valid(textgate: Command, tmp_path: Path, text: str, path: str, said: str) -> None:
    (tmp_path / "textgate.json5").write_text(text)
    done = textgate("config", "validate", "--json")
    assert done.returncode == 78
    answer = json.loads(done.stdout)
    assert (answer["valid"], answer["error"]["path"]) == (False, path)
    assert said in done.stderr
    assert done.stderr.count("\n") <= 1 or path == "agent.callable"
    assert textgate("config", "validate").returncode == 78


def test_validate_shows_source_accounts_and_warnings(textgate: Command) -> None:
    variables = {**ENVIRONMENT, "TWILIO_ACCOUNT_SID": "ACxxxx"}
    done = textgate("config", "validate", **variables)
    assert "valid: environment only" in done.stdout
    assert "account default: +12025550100, policy pairing, default" in done.stdout
    assert "webhook /webhooks/sms, public https://example.com/webhooks/sms#rc=3\n" in done.stdout
    assert "warning: channels.sms.accountSid: this is no Twilio SID" in done.stderr


@pytest.mark.parametrize(
    "words", [["config"], ["config", "get"], ["config", "patch"], ["config", "set"], ["config", "schema"], ["init"]]
)
def test_help_loads_nothing_heavy(textgate: Command, words: list[str]) -> None:
    done = textgate(*words, "--help", PYTHONPROFILEIMPORTTIME="1", COLUMNS="80", TERMINAL_WIDTH="80")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert loaded.isdisjoint({"pyjson5", "phonenumbers", "twilio", "redis", "rich", "shared.settings"})
    assert max(map(len, done.stdout.splitlines())) <= 80
