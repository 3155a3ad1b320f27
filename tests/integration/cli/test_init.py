"""`textgate init`: five answers, with and without a terminal, and a configuration that loads."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import LIMIT_S, Command

HEX = "0123456789abcdef0123456789abcdef"
OPTIONS = [
    *("--account-sid", f"AC{HEX}", "--auth-token-env", "MY_TOKEN", "--sender", "+12025550100"),
    *("--public-url", "https://box.tail1.ts.net/webhooks/sms", "--own-number", "+12025550123"),
]
FUNNEL = "tailscale funnel --bg --set-path /webhooks/sms http://127.0.0.1:8080/webhooks/sms"


def test_options_alone_write_a_configuration_that_loads(textgate: Command, tmp_path: Path) -> None:
    done = textgate("init", "--yes", *OPTIONS)
    assert (done.returncode, done.stderr) == (0, "")
    file = tmp_path / ".config/textgate/textgate.json5"
    assert file.stat().st_mode & 0o777 == 0o600
    assert 'authToken: { source: "env", provider: "default", id: "MY_TOKEN" }' in file.read_text()
    assert FUNNEL in done.stdout
    assert "https://box.tail1.ts.net/webhooks/sms#rc=3&rp=ct,rt,5xx" in done.stdout
    assert "export MY_TOKEN=" in done.stdout
    assert "An echo answers until you set agent.kind" in done.stdout
    shown = textgate("config", "validate", MY_TOKEN=HEX)
    assert shown.returncode == 0
    assert "account default: +12025550100, policy pairing, default" in shown.stdout


def test_the_environment_answers_what_no_option_does(textgate: Command, tmp_path: Path) -> None:
    done = textgate(
        *("init", "--json", "--config", "mine.json5"),
        TWILIO_ACCOUNT_SID=f"AC{HEX}",
        TWILIO_AUTH_TOKEN=HEX,
        TWILIO_MESSAGING_SERVICE_SID=f"MG{HEX}",
        SMS_PUBLIC_WEBHOOK_URL="https://example.com/in",
    )
    assert json.loads(done.stdout) == {
        "file": str(tmp_path / "mine.json5"),
        "authToken": "*** (env TWILIO_AUTH_TOKEN)",
        "publicWebhookUrl": "https://example.com/in#rc=3&rp=ct,rt,5xx",
        "webhookPath": "/in",
        "funnelCommand": None,
        "warnings": [],
    }
    assert f'messagingServiceSid: "MG{HEX}"' in (tmp_path / "mine.json5").read_text()


def test_a_token_in_a_file_stays_there(textgate: Command, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{HEX}\n")
    words = ["--auth-token-file" if word == "--auth-token-env" else word for word in OPTIONS]
    done = textgate("init", *["token" if word == "MY_TOKEN" else word for word in words])
    assert done.returncode == 0
    assert f'id: "{tmp_path}/token"' in (tmp_path / ".config/textgate/textgate.json5").read_text()
    assert HEX not in done.stdout.replace(f"AC{HEX}", "")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 1, "these options are needed: --account-sid, --auth-token-env or --auth-token-file, --sender, --public-"),
        ([*OPTIONS[2:]], 1, "these options are needed: --account-sid"),
        ([*OPTIONS, "--sender", "555"], 1, "--sender: expected a phone number"),
        ([*OPTIONS, "--sender", "2025550100"], 1, "--sender: a number without its country code; write it after a plus"),
        ([*OPTIONS, "--own-number", "2025550100"], 1, "--own-number: a number without its country code"),
        ([*OPTIONS, "--account-sid", "ACx"], 1, "--account-sid: expected the account SID"),
        ([*OPTIONS, "--auth-token-env", HEX], 1, "--auth-token-env: expected the name of a variable"),
        ([*OPTIONS, "--auth-token-file", "x"], 2, "not both"),
        ([*OPTIONS, "--dm-policy", "open"], 2, "expected pairing or allowlist"),
        ([*OPTIONS, "--own-number", "", "--dm-policy", "allowlist"], 78, "expected at least one number"),
        ([*OPTIONS[:2], *OPTIONS[4:], "--auth-token-file", "missing"], 78, "missing cannot be read"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_written(
    textgate: Command, tmp_path: Path, words: list[str], status: int, said: str
) -> None:
    done = textgate("init", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".config").exists()


def test_an_existing_configuration_is_not_changed_without_asking(textgate: Command, tmp_path: Path) -> None:
    (tmp_path / "textgate.json5").write_text("{} // mine")
    done = textgate("init", "--yes", *OPTIONS)
    assert (done.returncode, done.stdout) == (1, "")
    assert "exists and is not changed without asking" in done.stderr
    assert (tmp_path / "textgate.json5").read_text() == "{} // mine"


def typed(folder: Path, environ: dict[str, str], *lines: str) -> tuple[int, str]:
    """Run `textgate init` on a terminal and type the lines, each after a prompt; exit status and all that was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cli.main", "init"],
        env=environ,
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,  # no terminal of its own: hidden prompts read stdin too
    )
    os.close(theirs)
    shown, answers = b"", list(lines)
    while chunk := _read(ours):
        shown += chunk
        if shown.endswith(b": ") and answers:
            os.write(ours, f"{answers.pop(0)}\n".encode())
    os.close(ours)
    return process.wait(LIMIT_S), shown.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other side is closed: on Linux an error, elsewhere the end
        return b""


def test_on_a_terminal_each_answer_is_checked_at_once(environ: dict[str, str], tmp_path: Path) -> None:
    token = "fedcba9876543210fedcba9876543210"
    status, shown = typed(
        *(tmp_path, environ, "ACx", f"AC{HEX}", f"AC{HEX}", token, "555", "+12025550100"),
        *("https://example.com", "https://example.com/webhooks/sms", ""),
    )
    assert status == 0
    for said in ("AC and 32 hex digits", "this is the account SID", "this is too short", "a URL with a path"):
        assert said in shown
    assert token not in shown
    folder = tmp_path / ".config/textgate"
    assert (folder / "twilio-auth-token").read_text() == f"{token}\n"
    assert (folder / "twilio-auth-token").stat().st_mode & 0o777 == 0o600
    assert token not in (folder / "textgate.json5").read_text()
    assert "textgate pairing approve CODE --notify" in shown


def test_on_a_terminal_an_existing_configuration_keeps_the_rest(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "textgate.json5"
    file.write_text('{\n  agent: { debounceMs: 5 }, // patience\n  channels: { sms: { dmPolicy: "disabled" } },\n}\n')
    status, _shown = typed(tmp_path, environ, "n")
    assert (status, "AC" in file.read_text()) == (1, False)
    variables = {**environ, "TWILIO_ACCOUNT_SID": f"AC{HEX}", "TWILIO_AUTH_TOKEN": HEX}
    status, shown = typed(tmp_path, variables, "y", "", "", "+12025550100", "https://example.com/in", "+12025550123")
    assert status == 0, shown
    text = file.read_text()
    assert "{ debounceMs: 5 }, // patience" in text
    assert 'dmPolicy: "disabled"' in text
    assert 'allowFrom: ["+12025550123"]' in text
    assert 'id: "TWILIO_AUTH_TOKEN"' in text
