"""The settings as a whole: defaults, descriptions, the JSON Schema, and what loading them costs."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

from shared.secrets import describe_origin
from shared.settings import AgentKind, ConfigDocument, Durability, load_settings, to_json_schema
from shared.settings_channels import AccountSection
from shared.settings_logs import LogFormat, LogLevel
from tests.unit.settings.conftest import Load


def test_the_defaults_are_those_of_the_documentation(load: Load) -> None:
    settings = load("{}")
    assert settings.agent.kind is AgentKind.ECHO
    assert settings.agent.debounce_ms == 0
    assert settings.redis.url is None
    assert settings.redis.prefix == "tg:"
    assert settings.redis.wait_replicas == 0
    assert settings.redis.durability is Durability.EVERYSEC
    assert (settings.ingress.host, settings.ingress.port) == ("127.0.0.1", 8080)
    assert settings.ingress.trusted_proxies == ()
    assert settings.console.host == "127.0.0.1"
    assert settings.metrics.port is None
    assert (settings.logs.format, settings.logs.level) == (None, LogLevel.INFO)
    assert (settings.dead_letters.retention_days, settings.dead_letters.drop_unseen) == (0, False)
    defaults = AccountSection()
    assert defaults.enabled
    assert defaults.webhook_path == "/webhooks/sms"
    assert defaults.dm_policy == "pairing"
    assert defaults.text_chunk_limit == 1500
    assert defaults.media_max_mb == 5
    assert defaults.pairing_max_pending == 3
    assert defaults.segments_per_second == 1
    assert defaults.account_segments_per_second == 0
    assert defaults.smart_encoding
    assert defaults.language == "en"
    assert defaults.validity_s is None
    limits = defaults.rate_limits
    assert (limits.per_sender_per_minute, limits.per_account_per_minute) == (30, 300)
    assert limits.failed_signatures_per_minute == 300


def test_every_section_reaches_the_settings(load: Load, tmp_path: Path) -> None:
    settings = load(
        """{
      $schema: "https://textgate.example/schema.json",
      agent: {kind: "python", callable: "my_agent.main:answer", debounceMs: 250, timeoutSeconds: 9.5, apology: null},
      redis: {url: {source: "env", id: "REDIS"}, prefix: "x:", waitReplicas: 1, durability: "always"},
      ingress: {host: "0.0.0.0", port: 0, trustedProxies: ["10.0.0.1/8"]},
      workers: {agent: {concurrency: 7}, probe: {concurrency: 1}},
      console: {port: 9000}, metrics: {port: 9464}, logs: {format: "console", level: "debug"},
      deadLetters: {retentionDays: 30, dropUnseen: true}, state: {dir: "~/state"},
      secrets: {providers: {default: {source: "env"}}},
    }""",
        REDIS="rediss://user:password@redis.example.com:6380/0",
    )
    assert settings.agent.callable == "my_agent.main:answer"
    assert settings.agent.timeout_s == 9.5
    assert settings.agent.apology is None
    assert describe_origin(settings.redis.url) == "*** (env REDIS)"
    assert settings.redis.durability is Durability.ALWAYS
    assert settings.ingress.trusted_proxies == ("10.0.0.0/8",)
    assert [settings.workers.concurrency(kind) for kind in ("agent", "format", "probe")] == [7, 32, 1]
    assert settings.console.port == 9000
    assert settings.metrics.port == 9464
    assert (settings.logs.format, settings.logs.level) == (LogFormat.CONSOLE, LogLevel.DEBUG)
    assert (settings.dead_letters.retention_days, settings.dead_letters.drop_unseen) == (30, True)
    assert settings.state_dir == tmp_path / "state"
    assert settings.source == tmp_path / "textgate.json5"


def test_a_missing_file_means_environment_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environ={"HOME": str(tmp_path), "TEXTGATE_REDIS_URL": "unix:///run/redis.sock"})
    assert settings.source is None
    assert settings.redis.url is not None
    assert describe_origin(settings.redis.url) == "*** (env TEXTGATE_REDIS_URL)"


def test_the_file_wins_over_the_variable_for_redis(load: Load) -> None:
    settings = load('{redis: {url: "redis://file"}}', TEXTGATE_REDIS_URL="redis://environment")
    assert settings.redis.url is not None
    assert settings.redis.url.reveal() == "redis://file"


def test_loading_twice_gives_equal_settings(load: Load) -> None:
    text = '{channels: {sms: {accountSid: "AC1", authToken: "t", fromNumber: "+15551234567"}}}'
    assert load(text) == load(text)
    assert load(text) != load(text.replace('"t"', '"u"'))


def schema_properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every key that the schema knows, as `Section.key`."""
    return {
        f"{name}.{key}": value
        for name, definition in schema["$defs"].items()
        for key, value in definition.get("properties", {}).items()
    }


def test_every_setting_says_what_it_means() -> None:
    properties = schema_properties(to_json_schema())
    assert len(properties) > 60
    for name, definition in properties.items():
        assert re.fullmatch(r"[\s\S]{12,}[.)]", definition.get("description", "")), name


def test_the_schema_refuses_unknown_keys_and_refers_only_to_what_it_defines() -> None:
    schema = to_json_schema()
    references = set(re.findall(r"#/\$defs/(\w+)", msgspec.json.encode(schema).decode()))
    assert references <= set(schema["$defs"])
    objects = [definition for definition in schema["$defs"].values() if definition.get("type") == "object"]
    assert all(definition["additionalProperties"] is False for definition in objects)


def test_the_schema_names_every_key_of_the_configuration() -> None:
    def keys(section: type[msgspec.Struct]) -> set[str]:
        return {field.encode_name for field in msgspec.structs.fields(section)}

    defined = to_json_schema()["$defs"]
    assert set(defined["ConfigDocument"]["properties"]) == keys(ConfigDocument)
    assert set(defined["AccountSection"]["properties"]) == keys(AccountSection)
    assert get_type_hints(AccountSection).keys() == {field.name for field in msgspec.structs.fields(AccountSection)}


def test_importing_the_settings_imports_nothing_heavy() -> None:
    heavy = ("starlette", "redis", "twilio", "rich", "phonenumbers", "asyncio", "pyjson5", "arq")
    code = f"import sys, shared.settings; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True).stdout
    assert output.strip() == "[]"
