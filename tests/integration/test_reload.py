"""A changed file takes effect in a running process; a broken one changes nothing."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from ingress.routes import WebhookRoutes
from shared.errors import ConfigError
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.reload import SettingsWatcher
from shared.settings import DmPolicy, Settings, load_settings
from shared.settings_logs import LogFormat
from shared.settings_overrides import Overrides, with_overrides


class Desk:
    """A configuration file, a secret file, and a process that runs with them."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "textgate.json5"
        self.secret = folder / "token"
        self.ticks = 0
        self.applied: list[Settings] = []
        self.sms: dict[str, Any] = {
            "accountSid": "AC" + "1" * 32,
            "authToken": {"source": "file", "id": str(self.secret)},
            "fromNumber": "+15550001111",
            "publicWebhookUrl": "https://gate.example.com/webhooks/sms",
        }
        self.rest: dict[str, Any] = {}
        self.write_secret("one")
        self.write()
        self.settings = load_settings(self.file, {})
        self.watcher = SettingsWatcher(self.settings, apply=self.applied.append, environ={})

    def write(self, text: str | None = None) -> None:
        self._put(self.file, text or json.dumps({"channels": {"sms": self.sms}, **self.rest}))

    def write_secret(self, value: str) -> None:
        self._put(self.secret, value)

    def _put(self, file: Path, text: str) -> None:
        file.write_text(text)
        file.chmod(0o600)
        self.ticks += 1  # a file system may have coarse times; two writes of a test must differ
        os.utime(file, ns=(self.ticks * 10**9, self.ticks * 10**9))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_nothing_happens_while_nothing_changes(desk: Desk) -> None:
    assert not await desk.watcher.look()
    desk.write()
    assert not await desk.watcher.look(), "the same content written again is no change"
    assert desk.applied == []


async def test_a_changed_policy_is_taken_over(desk: Desk) -> None:
    desk.sms["dmPolicy"] = "disabled"
    desk.write()
    assert await desk.watcher.look()
    assert desk.applied[-1].accounts["default"].dm_policy is DmPolicy.DISABLED


async def test_a_changed_secret_file_is_taken_over(desk: Desk) -> None:
    """Ruling 24."""
    desk.write_secret("two")
    assert await desk.watcher.look()
    token = desk.applied[-1].accounts["default"].auth_token
    assert token is not None
    assert token.reveal() == "two"


async def test_a_change_that_comes_while_another_is_read_is_not_missed(desk: Desk) -> None:
    def apply(fresh: Settings) -> None:
        desk.applied.append(fresh)
        if len(desk.applied) == 1:
            desk.sms["dmPolicy"] = "pairing"
            desk.write()

    watcher = SettingsWatcher(desk.settings, apply=apply, environ={})
    desk.sms["dmPolicy"] = "disabled"
    desk.write()
    assert await watcher.look()
    assert await watcher.look()
    assert [settings.accounts["default"].dm_policy for settings in desk.applied] == ["disabled", "pairing"]


async def test_a_broken_file_changes_nothing_and_a_mended_one_counts(desk: Desk) -> None:
    for broken in ("{ nonsense", json.dumps({"channels": {"sms": {**desk.sms, "dmPolicy": "everybody"}}}), ""):
        desk.write(broken or "[]")
        assert not await desk.watcher.look()
    desk.secret.unlink()
    desk.write()
    assert not await desk.watcher.look()
    assert desk.applied == []

    desk.write_secret("three")
    desk.sms["dmPolicy"] = "disabled"
    desk.write()
    assert await desk.watcher.look()


async def test_what_a_process_is_built_on_stays(desk: Desk) -> None:
    desk.rest = {"ingress": {"port": 9999}, "redis": {"prefix": "other:"}}
    desk.write()
    assert not await desk.watcher.look()
    desk.sms["dmPolicy"] = "disabled"
    desk.write()
    assert await desk.watcher.look()
    assert desk.applied[-1].ingress == desk.settings.ingress
    assert desk.applied[-1].redis == desk.settings.redis


async def test_what_the_command_line_said_stays_and_is_no_change_of_the_file(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """`textgate up` starts each process with `--log-format json` and the ingress with `--port`."""
    said: Overrides = {"logs": {"format": LogFormat.JSON}, "ingress": {"port": 8123}, "metrics": {"port": None}}
    running = with_overrides(desk.settings, said)
    watcher = SettingsWatcher(running, apply=desk.applied.append, environ={})
    for policy in ("disabled", "open"):
        desk.sms |= {"dmPolicy": policy, "allowFrom": ["*"] if policy == "open" else []}
        desk.write()
        assert await watcher.look()
    assert "configuration_needs_restart" not in "".join(capsys.readouterr())
    assert (desk.applied[-1].ingress.port, desk.applied[-1].logs.format) == (8123, LogFormat.JSON)
    assert desk.applied[-1].metrics == desk.settings.metrics
    desk.rest = {"logs": {"format": "console"}, "metrics": {"port": 9464}}
    desk.write()
    await watcher.look()
    (line,) = [line for line in "".join(capsys.readouterr()).splitlines() if "configuration_needs_restart" in line]
    assert "metrics" in line
    assert "logs" not in line, "the command line says it, also after a restart"


async def test_settings_that_cannot_be_taken_over_leave_the_old_ones(desk: Desk) -> None:
    def refuse(_: Settings) -> None:
        raise ConfigError("agent.callable", found="no such module", expected="an existing one")

    watcher = SettingsWatcher(desk.settings, apply=refuse, environ={})
    desk.sms["dmPolicy"] = "disabled"
    desk.write()
    assert not await watcher.look()


async def test_routes_of_added_and_removed_accounts_appear_and_go(desk: Desk, redis: Redis, keys: Keys) -> None:
    routes = WebhookRoutes(desk.settings, keys=keys, commit=GroupCommit(redis))
    assert set(routes.paths) == {"/webhooks/sms"}
    desk.sms["accounts"] = {"shop": {"webhookPath": "/webhooks/shop", "fromNumber": "+15550002222"}}
    desk.write()
    await desk.watcher.look()
    routes.replace(desk.applied[-1])
    assert set(routes.paths) == {"/webhooks/sms", "/webhooks/shop"}
    del desk.sms["accounts"]
    desk.write()
    await desk.watcher.look()
    routes.replace(desk.applied[-1])
    assert set(routes.paths) == {"/webhooks/sms"}


async def test_callbacks_to_the_url_of_before_are_good_for_a_day(desk: Desk, redis: Redis, keys: Keys) -> None:
    """Ruling 24: after a reload the previous public URL is still accepted for callbacks."""
    routes = WebhookRoutes(desk.settings, keys=keys, commit=GroupCommit(redis))
    desk.sms["publicWebhookUrl"] = "https://new.example.com/webhooks/sms"
    desk.write()
    await desk.watcher.look()
    routes.replace(desk.applied[-1])
    routes.replace(desk.applied[-1])
    (webhook,) = routes.webhooks
    assert [old.url for old in webhook.verifier.old_urls] == ["https://gate.example.com/webhooks/sms"]
