"""Which configuration `channels status` and `pairing allowed` show: that of the gateway they look at."""

import os
from pathlib import Path

import msgspec
import pytest

from cli.channels_gateway import find_gateway
from cli.options import Common
from cli.running import RunningAccount, RunningUp, save_running
from cli.target import find_target
from shared.errors import ConfigError, UsageError

CONFIG = """{ channels: { sms: { accountSid: "AC00000000000000000000000000000000", authToken: "token",
  fromNumber: "%s", publicWebhookUrl: "https://example.com/webhooks/sms" } } }"""
OURS, THEIRS = "+12025550100", "+12025550101"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home with one configuration in the current folder."""
    for name in list(os.environ):
        if name.startswith(("TWILIO_", "SMS_", "TEXTGATE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "textgate.json5").write_text(CONFIG % OURS)
    (tmp_path / "other.json5").write_text(CONFIG % THEIRS)
    return tmp_path


def start(home: Path, *, config: str, folder: str = ".local/state/textgate", sandbox: bool = False) -> RunningUp:
    """Make this process look like a running `up`."""
    running = RunningUp(
        pid=os.getpid(),
        ready=True,
        config=str(home / config),
        redis_url="unix:///run/embedded.sock",
        prefix="tg:",
        ingress_url="http://127.0.0.1:8080",
        sandbox_url="http://127.0.0.1:9000" if sandbox else None,
        accounts=(RunningAccount(id="default", enabled=True),),
        default_account="default",
    )
    (home / folder).mkdir(parents=True)
    save_running(home / folder, running)
    return running


def test_without_a_gateway_the_configuration_is_there_and_the_trouble_named() -> None:
    found = find_gateway(Common())
    assert (found.target, found.running) == (None, None)
    assert found.settings.accounts["default"].from_number == OURS
    assert "start `textgate up`" in found.trouble


def test_a_configured_redis_needs_no_running_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGATE_REDIS_URL", "redis://127.0.0.1:1")
    found = find_gateway(Common())
    assert found.target is not None
    assert (found.target.accounts, found.running, found.trouble) == ({"default": True}, None, "")


def test_the_up_that_runs_here_is_found_with_its_own_configuration(home: Path) -> None:
    running = start(home, config="other.json5")
    found = find_gateway(Common())
    assert found.running == running
    assert found.settings.accounts["default"].from_number == THEIRS
    assert found.target is not None
    assert found.target.redis_url.reveal() == "unix:///run/embedded.sock"


def test_a_named_configuration_is_not_mixed_with_a_gateway_of_another(home: Path) -> None:
    start(home, config="other.json5")
    found = find_gateway(Common(config=home / "textgate.json5"))
    assert (found.target, found.running) == (None, None)
    assert found.settings.accounts["default"].from_number == OURS
    assert "uses another configuration" in found.trouble


def test_a_sandbox_is_shown_without_the_variables_of_a_real_number(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(home, config="other.json5", folder="sandbox-here", sandbox=True)
    monkeypatch.setenv("SMS_WEBHOOK_PATH", "/real")
    found = find_gateway(Common(state_dir=home / "sandbox-here"))
    assert found.settings.accounts["default"].webhook_path == "/webhooks/sms"
    assert found.settings.twilio_api_base == "http://127.0.0.1:9000", "a probe of it must not ask the real Twilio"


FROM_VARIABLE = """{ channels: { sms: { accountSid: "AC00000000000000000000000000000000", fromNumber: "+12025550100",
  authToken: { source: "env", id: "TOKEN_OF_THE_FIRST_TERMINAL" }, publicWebhookUrl: "https://example.com/" } } }"""
BY_CONVENTION = FROM_VARIABLE.replace('authToken: { source: "env", id: "TOKEN_OF_THE_FIRST_TERMINAL" }, ', "")


@pytest.mark.parametrize("text", [FROM_VARIABLE, BY_CONVENTION], ids=["by reference", "by convention"])
def test_a_second_terminal_needs_no_token_to_find_what_runs(home: Path, text: str) -> None:
    (home / "textgate.json5").write_text(text)
    with pytest.raises(UsageError, match="no gateway found"):
        find_target(Common())
    alone = find_gateway(Common())
    assert (alone.running, alone.settings.accounts["default"].from_number) == (None, OURS)
    with pytest.raises(ConfigError, match="authToken"):
        alone.need_secrets()
    running = start(home, config="textgate.json5")
    target = find_target(Common())
    assert (target.redis_url.reveal(), target.accounts) == (running.redis_url, {"default": True})
    found = find_gateway(Common())
    assert found.running == running
    assert found.settings.accounts["default"].from_number == OURS


def test_a_configured_redis_is_found_without_the_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "textgate.json5").write_text(FROM_VARIABLE)
    monkeypatch.setenv("TEXTGATE_REDIS_URL", "redis://127.0.0.1:1")
    assert find_target(Common()).accounts == {"default": True}


def test_the_address_of_redis_is_the_one_secret_that_is_needed(home: Path) -> None:
    (home / "textgate.json5").write_text("{redis: {url: {source: 'env', id: 'REDIS_OF_THE_FIRST_TERMINAL'}}}")
    with pytest.raises(ConfigError, match="REDIS_OF_THE_FIRST_TERMINAL is not set"):
        find_target(Common())


def test_an_up_that_was_started_with_variables_knows_its_accounts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "textgate.json5").unlink()
    monkeypatch.setenv("TEXTGATE_REDIS_URL", "redis://127.0.0.1:1")
    running = start(home, config="textgate.json5")
    without = msgspec.structs.replace(running, config=None, redis_url=None)
    save_running(home / ".local/state/textgate", without)
    target = find_target(Common())
    assert (target.redis_url.reveal(), target.accounts) == ("redis://127.0.0.1:1", {"default": True})


def test_a_state_folder_on_which_nothing_runs_is_refused(home: Path) -> None:
    with pytest.raises(UsageError, match="no `textgate up` runs on"):
        find_gateway(Common(state_dir=home / "nowhere"))
