"""What answers each account: blocks laid over each other, every slip named, no credential sent to a stranger."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.agent_backends import CommandBackend, EchoBackend, HttpBackend, OpenAiBackend, PythonBackend
from shared.errors import ConfigError
from shared.secrets import MASK
from shared.settings import Settings
from shared.texts import TextKey
from tests.unit.settings.conftest import Load

OPENAI = {"kind": "openai", "openai": {"baseUrl": "http://127.0.0.1:11434/v1", "model": "m"}}
BLOCK: dict[str, Any] = {"accountSid": "AC" + "1" * 32, "authToken": "t", "fromNumber": "+15551234567"}


def loaded(load: Load, agent: Any, sms: Any = None, shop: Any = None, **environ: str) -> Settings:
    """The account `default`, and with `shop` a second one; each with an `agent` block of its own or without."""
    block = BLOCK if sms is None else BLOCK | {"agent": sms}
    if shop is not None:
        block = block | {"accounts": {"default": {}, "shop": {"webhookPath": "/shop", "agent": shop}}}
    return load(json.dumps({"channels": {"sms": block}, "agent": agent}), **environ)


def refused(load: Load, agent: Any, *blocks: Any, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(load, agent, *blocks, **environ)
    return str(caught.value)


def test_without_a_word_it_is_the_echo(load: Load) -> None:
    assert loaded(load, {}).accounts["default"].backend == EchoBackend()


def test_the_nearer_block_wins_key_by_key(load: Load) -> None:
    top = OPENAI | {"timeoutSeconds": 5, "openai": OPENAI["openai"] | {"systemPrompt": "top", "temperature": 1}}  # type: ignore[operator]
    settings = loaded(load, top, {"openai": {"systemPrompt": "sms"}, "apology": None}, {"openai": {"temperature": 0}})
    default, shop = settings.accounts["default"], settings.accounts["shop"]
    assert isinstance(default.backend, OpenAiBackend)
    assert isinstance(shop.backend, OpenAiBackend)
    assert (default.backend.system_prompt, default.backend.temperature) == ("sms", 1)
    assert (shop.backend.system_prompt, shop.backend.temperature) == ("sms", 0)
    assert (shop.agent.timeout_s, shop.agent.apology) == (5, None)
    assert settings.agent.openai.system_prompt == "top"


def test_the_apology_of_the_nearest_block_is_the_accounts(load: Load) -> None:
    settings = loaded(load, {"apology": "top"}, None, {"apology": "shop"})
    said = [account.texts.say(TextKey.APOLOGY, number="+1") for account in settings.accounts.values()]
    assert said == ["top", "shop"]
    assert loaded(load, {"apology": "top"}, {"apology": None}).accounts["default"].texts.say(TextKey.APOLOGY) is None


def test_an_account_may_have_another_kind(load: Load) -> None:
    settings = loaded(load, OPENAI, None, {"kind": "echo"})
    assert settings.accounts["shop"].backend == EchoBackend()
    assert settings.agent_label == "default: openai, m; shop: echo"


def test_null_hides_what_a_block_further_out_says(load: Load) -> None:
    top = {"kind": "openai", "openai": {**OPENAI["openai"], "temperature": 1}}  # type: ignore[dict-item]
    backend = loaded(load, top, {"openai": {"temperature": None}}).accounts["default"].backend
    assert isinstance(backend, OpenAiBackend)
    assert backend.temperature is None


def test_credentials_go_only_to_the_address_they_were_given_for(load: Load) -> None:
    with_key = {**OPENAI["openai"], "apiKey": "k", "headers": {"X-Key": "h"}}  # type: ignore[dict-item]
    settings = loaded(
        load, {"kind": "openai", "openai": with_key}, None, {"openai": {"baseUrl": "http://127.0.0.1:9/v1"}}
    )
    default, shop = settings.accounts["default"].backend, settings.accounts["shop"].backend
    assert isinstance(default, OpenAiBackend)
    assert isinstance(shop, OpenAiBackend)
    assert default.api_key is not None
    assert (shop.api_key, shop.headers, shop.model) == (None, (), "m")

    http = {"kind": "http", "http": {"url": "http://127.0.0.1:1/", "secret": "s"}}
    same = loaded(load, http, None, {"http": {"url": "http://127.0.0.1:1/"}}).accounts["shop"].backend
    moved = loaded(load, http, None, {"http": {"url": "http://127.0.0.1:2/"}}).accounts["shop"].backend
    assert isinstance(same, HttpBackend)
    assert isinstance(moved, HttpBackend)
    assert same.secret is not None
    assert moved.secret is None


def test_secrets_are_resolved_and_shown_nowhere(load: Load) -> None:
    agent = {"kind": "openai", "openai": {**OPENAI["openai"], "apiKey": "$KEY", "headers": {"X-Key": "$KEY"}}}  # type: ignore[dict-item]
    settings = loaded(load, agent, KEY="sk-secret")
    backend = settings.accounts["default"].backend
    assert isinstance(backend, OpenAiBackend)
    assert backend.api_key is not None
    assert backend.api_key.reveal() == backend.headers[0][1].reveal() == "sk-secret"
    assert "sk-secret" not in repr(settings)
    assert MASK in repr(backend)


def test_accounts_that_agree_have_equal_backends(load: Load) -> None:
    settings = loaded(load, OPENAI, None, {"timeoutSeconds": 3})
    assert settings.accounts["default"].backend == settings.accounts["shop"].backend
    assert len({account.backend for account in settings.accounts.values()}) == 1


def test_an_account_that_is_off_needs_no_agent(load: Load) -> None:
    shop = {"webhookPath": "/shop", "enabled": False, "agent": {"kind": "openai", "openai": {"apiKey": "$NOWHERE"}}}
    settings = load(json.dumps({"channels": {"sms": BLOCK | {"accounts": {"default": {}, "shop": shop}}}}))
    assert settings.accounts["shop"].backend == EchoBackend()


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        ("https://x.example.com/d?api-version=1", "https://x.example.com/d/chat/completions?api-version=1"),
    ],
)
def test_the_endpoint_lies_under_the_base_url(load: Load, base_url: str, url: str) -> None:
    backend = (
        loaded(load, {"kind": "openai", "openai": {"baseUrl": base_url, "model": "m"}}).accounts["default"].backend
    )
    assert isinstance(backend, OpenAiBackend)
    assert backend.url == url


def test_a_prompt_file_is_read_beside_the_configuration_and_watched(load: Load, tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("\ufeffBe brief.\n", encoding="utf-8")
    agent = {"kind": "openai", "openai": {**OPENAI["openai"], "systemPromptFile": "prompt.txt"}}  # type: ignore[dict-item]
    settings = loaded(load, agent)
    backend = settings.accounts["default"].backend
    assert isinstance(backend, OpenAiBackend)
    assert backend.system_prompt == "Be brief."
    assert tmp_path / "prompt.txt" in settings.secret_files


def test_the_agents_folder_is_that_of_the_configuration_unless_said_otherwise(load: Load, tmp_path: Path) -> None:
    python = {"kind": "python", "callable": "m:f"}
    assert loaded(load, python).accounts["default"].backend == PythonBackend(callable="m:f", path=tmp_path)
    (tmp_path / "code").mkdir()
    backend = loaded(load, python | {"path": "code"}).accounts["default"].backend
    assert backend == PythonBackend(callable="m:f", path=tmp_path / "code")


def test_a_program_is_found_where_it_is_named(load: Load, tmp_path: Path) -> None:
    script = tmp_path / "answer"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    for name, environ in (("./answer", {}), ("~/answer", {}), ("answer", {"PATH": str(tmp_path)}), (str(script), {})):
        backend = (
            loaded(load, {"kind": "command", "command": {"argv": [name, "-v"]}}, **environ).accounts["default"].backend
        )
        assert isinstance(backend, CommandBackend)
        assert (Path(backend.argv[0]).samefile(script), backend.argv[1]) == (True, "-v")


def openai(**more: Any) -> dict[str, Any]:
    return {"kind": "openai", "openai": {"baseUrl": "https://api.example.com/v1", "model": "m", **more}}


def command(*argv: str, **more: Any) -> dict[str, Any]:
    return {"kind": "command", "command": {"argv": list(argv), **more}}


@pytest.mark.parametrize(
    ("agent", "line"),
    [
        ({"kind": "python"}, "agent.callable: missing; agent.kind is python: set package.module:callable"),
        ({"callable": "nonsense"}, "agent.callable: wrong value; expected package.module:callable"),
        ({"kind": "python", "callable": "a:b", "path": "nowhere"}, "agent.path: "),
        ({"kind": "openai"}, "agent.openai.baseUrl: missing; agent.kind is openai: set the URL"),
        ({"kind": "openai", "openai": {"baseUrl": "https://e.com"}}, "agent.openai.model: missing"),
        (openai(baseUrl="api.example.com"), "agent.openai.baseUrl: wrong value; expected an http or https URL"),
        (openai(baseUrl="https://me:secret@e.com"), "agent.openai.baseUrl: wrong value"),
        (openai(baseUrl="https://e.com/#x"), "agent.openai.baseUrl: wrong value"),
        (openai(apiKey="$NOT_SET"), "agent.openai.apiKey: the variable NOT_SET is not set"),
        (openai(systemPrompt="a", systemPromptFile="b"), "agent.openai.systemPromptFile: systemPrompt is set too"),
        (openai(systemPromptFile="missing.txt"), "agent.openai.systemPromptFile: "),
        (openai(temperature=3), "agent.openai.temperature: found 3"),
        (openai(headers={"a b": "c"}), "agent.openai.headers: found no name of a header"),
        (openai(headers={"Host": "c"}), "agent.openai.headers.Host: this header is set already"),
        (openai(apiKey="k", headers={"Authorization": "c"}), "agent.openai.headers.Authorization: this header is set"),
        (openai(headers={"X-A": "b\r\nc"}), "agent.openai.headers.X-A: wrong value; expected printable ASCII"),
        ({"kind": "http"}, "agent.http.url: missing; agent.kind is http: set where turns are posted"),
        ({"kind": "http", "http": {"url": "ftp://e.com"}}, "agent.http.url: wrong value"),
        (command(), "agent.command.argv: missing; agent.kind is command: set a list"),
        (
            command("no-such-program"),
            "agent.command.argv[0]: no-such-program cannot be run; expected a program in PATH",
        ),
        (command("./textgate.json5"), "agent.command.argv[0]: ./textgate.json5 cannot be run"),
        (command("sh", passEnv=["A=B"]), "agent.command.passEnv: found no name of a variable"),
        (command("sh", env={"": "b"}), "agent.command.env: found no name of a variable"),
        ({"maxReplyCharacters": 5}, "agent.maxReplyCharacters: found 5; expected a whole number from 100 to 100000"),
    ],
)
def test_a_slip_is_refused_in_one_line_that_names_the_key(load: Load, agent: dict[str, Any], line: str) -> None:
    said = refused(load, agent, PATH="/usr/bin:/bin")
    assert said.startswith(line)
    assert "secret" not in said
    assert "\n" not in said


def test_the_block_that_is_nearest_is_named(load: Load) -> None:
    assert refused(load, {}, {"kind": "openai"}).startswith("channels.sms.agent.openai.baseUrl: missing")
    said = refused(load, OPENAI, None, {"kind": "http"})
    assert said.startswith("channels.sms.accounts.shop.agent.http.url: missing")
    assert refused(load, {}, {"kid": 1}).startswith("channels.sms.agent.kid: unknown key; did you mean kind?")


def test_without_an_account_the_section_is_checked_all_the_same(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"agent\.openai\.baseUrl: missing"):
        load('{agent: {kind: "openai"}}')


def test_texts_in_the_clear_are_warned_of_once(load: Load) -> None:
    agent = {"kind": "http", "http": {"url": "http://agent.example.com/"}}
    warnings = [line for line in loaded(load, agent, None, {}).warnings if "agent" in line]
    assert warnings == ["agent.http.url: http, so texts travel in the clear; use https"]
    assert not [line for line in loaded(load, OPENAI).warnings if "agent" in line]


def test_a_key_in_a_file_that_everybody_may_read_is_warned_of(load: Load, tmp_path: Path) -> None:
    text = json.dumps({"channels": {"sms": BLOCK | {"authToken": "$TOKEN"}}, "agent": openai(apiKey="sk")})
    load(text, TOKEN="t")
    (tmp_path / "textgate.json5").chmod(0o644)
    from shared.settings import load_settings

    settings = load_settings(tmp_path / "textgate.json5", {"TOKEN": "t"})
    assert any("holds a secret in plain text" in line for line in settings.warnings)
