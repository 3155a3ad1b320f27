"""`textgate config set` and `patch` as people type them: what is written, what is shown, what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import LIMIT_S, Command

CANARY = "canary0d9f8a7b6c5e4f3a2b1c"
TEXT = f"""{{
  // the number on the door
  channels: {{ sms: {{
    accountSid: "AC00000000000000000000000000000000", // console
    authToken: "{CANARY}",
    fromNumber: "+12025550100",
    publicWebhookUrl: "https://example.com/webhooks/sms",
  }} }},
}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "textgate.json5"
    path.write_text(TEXT)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["channels.sms.fromNumber", "+12025550123"], 'fromNumber: "+12025550123",'),
        (["channels.sms.textChunkLimit", "800"], "textChunkLimit: 800,"),
        (["channels.sms.name", "42"], 'name: "42",'),
        (["channels.sms.smartEncoding", "false"], "smartEncoding: false,"),
        (["channels.sms.allowFrom", "['+12025550123', 12025550124]"], 'allowFrom: ["+12025550123", 12025550124],'),
        (["agent.apology", "null"], "agent: { apology: null },"),
        (["redis.prefix", "x:"], 'redis: { prefix: "x:" },'),
        (["channels.sms.apiKeySid", "null"], "apiKeySid: null,"),
    ],
)
def test_set_changes_one_key_and_keeps_every_comment(
    textgate: Command, file: Path, words: list[str], line: str
) -> None:
    done = textgate("config", "set", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"Written: {file}\n")
    text = file.read_text()
    assert line in text
    assert "// the number on the door" in text
    assert "// console" in text
    assert CANARY in text
    assert CANARY not in done.stdout


def test_a_dry_run_shows_the_change_and_writes_nothing(textgate: Command, file: Path) -> None:
    (file.parent / "p").write_text("{channels: {sms: {authToken: 'another', fromNumber: 12025550123}}}")
    before = sorted(file.parent.iterdir())
    done = textgate("config", "patch", "--file", "p", "--dry-run")
    assert done.returncode == 0
    assert '+    authToken: "*** (changed)",' in done.stdout
    assert "A dry run writes nothing" in done.stdout
    assert file.read_text() == TEXT
    assert sorted(file.parent.iterdir()) == before


def test_patch_reads_stdin_and_null_deletes(file: Path, environ: dict[str, str]) -> None:
    file.write_text(TEXT.replace("fromNumber", "dmPolicy: 'pairing', fromNumber"))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli.main", "config", "patch", "--file", "-", "--json"],
        input='{channels: {sms: {dmPolicy: null, rateLimits: {perSenderPerMinute: 5}}}} // "ok"',
        env=environ,
        cwd=file.parent,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    answer = json.loads(done.stdout)
    assert (answer["file"], answer["changed"], answer["written"]) == (str(file), True, True)
    assert set(answer) == {"file", "changed", "written", "diff", "warnings"}
    assert "dmPolicy" not in file.read_text()
    assert "rateLimits: { perSenderPerMinute: 5 }," in file.read_text()


@pytest.mark.parametrize("patch", ["{}", '{channels: {sms: {fromNumber: "+12025550100", name: null}}}'])
def test_a_patch_that_says_nothing_new_touches_nothing(textgate: Command, file: Path, patch: str) -> None:
    (file.parent / "p").write_text(patch)
    before = file.stat()
    done = textgate("config", "patch", "--file", "p")
    assert (done.returncode, done.stdout) == (0, f"Nothing to change: {file} says so already.\n")
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["set", "channels.sms.dmPolicy", "opne"], 78, "channels.sms.dmPolicy: found"),
        (["set", "channels.sms.dmPolicy", "open"], 78, "(nothing was written)"),
        (["set", "channels.sms.dmpolicy", "open"], 78, "did you mean dmPolicy?"),
        (["set", "channels.sms.allowFrom[0]", "x"], 1, "set as a whole"),
        (["set", "channels.sms.authToken", "{source: 'env'"], 1, "starts like JSON5 but is none"),
        (["set", "channels.sms.authToken", "null"], 78, "channels.sms.authToken: missing"),
        (["set", "channels.sms.authToken", "{source: 'env', id: 'NO_SUCH'}"], 78, "NO_SUCH is not set"),
        (["set", "channels..sms", "1"], 1, "no path of a key"),
        (["set", "channels.sms.name"], 2, "Missing argument 'VALUE'"),
        (["patch", "--file", "missing"], 1, "--file: missing cannot be read"),
        (["patch", "--file", "."], 1, "--file: . cannot be read"),
        (["patch", "--file", "broken"], 78, "broken: no JSON5"),
        (["patch"], 2, "Missing option '--file'"),
        (["set", "agent.kind", "echo", "--config", "link"], 1, "is a symbolic link and is not written through"),
    ],
)
def test_a_mistake_changes_nothing(textgate: Command, file: Path, words: list[str], status: int, said: str) -> None:
    (file.parent / "broken").write_text("{a: }")
    (file.parent / "link").symlink_to(file)
    done = textgate("config", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert CANARY not in done.stderr
    assert file.read_text() == TEXT


def test_an_agent_that_cannot_be_loaded_is_not_written(textgate: Command, file: Path) -> None:
    (file.parent / "agents").mkdir()
    (file.parent / "agents/my_agent.py").write_text("def reply(turn):\n    return turn.prompt\n")
    for words in (["agent.callable", "my_agent:reply"], ["agent.path", "agents"], ["agent.kind", "python"]):
        assert textgate("config", "set", *words).returncode == 0, words
    before = file.read_text()
    done = textgate("config", "set", "agent.callable", "my_agent:nope")
    assert (done.returncode, done.stdout, file.read_text()) == (78, "", before)
    assert "agent.callable: my_agent:nope is no callable" in done.stderr
    assert "(nothing was written)" in done.stderr
    (file.parent / "p").write_text('{agent: {callable: "my_agnt:reply"}}')
    done = textgate("config", "patch", "--file", "p")
    assert (done.returncode, file.read_text()) == (78, before)
    assert "module my_agnt cannot be imported" in done.stderr


def test_what_the_file_names_is_looked_for_beside_it(textgate: Command, file: Path) -> None:
    (file.parent / "prompt.txt").write_text("Be brief.")
    (file.parent / "p").write_text(
        """{agent: {kind: "openai", openai: {baseUrl: "http://127.0.0.1:1/v1", model: "m",
        systemPromptFile: "prompt.txt"}}}"""
    )
    done = textgate("config", "patch", "--file", "p")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_file_can_be_put_right_and_its_misplaced_secret_is_not_shown(textgate: Command, file: Path) -> None:
    file.write_text(TEXT.replace("authToken", "authtoken"))
    (file.parent / "p").write_text('{channels: {sms: {authtoken: null, authToken: {source: "env", id: "TOKEN"}}}}')
    done = textgate("config", "patch", "--file", "p", TOKEN=CANARY)
    assert done.returncode == 0
    assert CANARY not in done.stdout + done.stderr
    assert CANARY not in file.read_text()


def test_a_secret_in_plain_text_is_warned_about(textgate: Command, file: Path) -> None:
    done = textgate("config", "set", "channels.sms.authToken", "12345678901234567890123456789012")
    assert 'authToken: "12345678901234567890123456789012"' in file.read_text()
    assert "warning: channels.sms.authToken stands in the file in plain text" in done.stderr
    assert "1234567890" not in done.stdout + done.stderr


def test_a_mode_that_let_others_read_is_narrowed_and_said(textgate: Command, file: Path) -> None:
    file.chmod(0o640)
    done = textgate("config", "set", "agent.debounceMs", "5")
    assert "had mode 0640 and has 0600 now" in done.stderr
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_file_one_is_made_where_every_command_finds_it(textgate: Command, tmp_path: Path) -> None:
    done = textgate("config", "set", "agent.debounceMs", "5")
    assert done.returncode == 0
    made = tmp_path / ".config/textgate/textgate.json5"
    assert made.read_text().endswith("{\n  agent: { debounceMs: 5 },\n}\n")
    assert textgate("config", "get", "agent.debounceMs").stdout == "5\n"
