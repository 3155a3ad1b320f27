"""The section `api`: tokens are resolved like every secret, shown like every secret, and checked before a start."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.config_effective import effective_values
from shared.config_file import load_file
from shared.config_shape import parse_section
from shared.settings import ApiScope, ConfigDocument, Settings, load_settings

SMS = {
    "accountSid": "AC" + "1" * 32,
    "authToken": {"source": "env", "id": "TWILIO"},
    "fromNumber": "+15550001111",
    "accounts": {"shop": {"webhookPath": "/webhooks/shop"}},
}
SECRET = "0123456789abcdef-canary"
ENVIRON = {"TWILIO": "twilio", "API_TOKEN": f" {SECRET}\n"}


def load(folder: Path, mode: int = 0o600, **tokens: Any) -> Settings:
    file = folder / "textgate.json5"
    file.write_text(json.dumps({"channels": {"sms": SMS}, "api": {"tokens": tokens}}))
    file.chmod(mode)
    return load_settings(file, ENVIRON)


FROM_ENV = {"token": {"source": "env", "id": "API_TOKEN"}, "scopes": ["messages:send"]}


def test_without_the_section_nobody_may_use_the_api(tmp_path: Path) -> None:
    assert load(tmp_path).api_tokens == ()


def test_a_token_is_resolved_and_its_defaults_are_strict_but_for_the_accounts(tmp_path: Path) -> None:
    (token,) = load(tmp_path, automation=FROM_ENV).api_tokens
    assert (token.name, token.secret.reveal()) == ("automation", SECRET)
    assert token.scopes == {ApiScope.SEND}
    assert token.requests_per_minute == 600
    assert token.may_use("default")


def test_a_token_may_be_kept_to_some_accounts(tmp_path: Path) -> None:
    (token,) = load(tmp_path, automation=FROM_ENV | {"accounts": ["shop"]}).api_tokens
    assert (token.may_use("shop"), token.may_use("default")) == (True, False)


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o644, True)])
def test_a_token_in_a_file_that_everybody_may_read_is_a_warning(tmp_path: Path, mode: int, warns: bool) -> None:
    settings = load(tmp_path, mode, automation={"token": SECRET, "scopes": ["messages:read"]})
    assert any("chmod 600" in warning for warning in settings.warnings) is warns


@pytest.mark.parametrize("token", [FROM_ENV, FROM_ENV | {"token": SECRET}])
def test_a_token_is_never_shown(tmp_path: Path, token: dict[str, Any]) -> None:
    settings = load(tmp_path, automation=token)
    document = parse_section(load_file(settings.source, ENVIRON).values, ConfigDocument)
    shown = effective_values(document, settings)["api"]["tokens"]["automation"]
    assert shown["token"].startswith("*** (")
    assert SECRET not in f"{settings!r}{shown}"
