"""docs/configuration.md says what the code does: every key is there, and every example loads."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.main import app
from shared.config_environment import ACCOUNT_VARIABLES
from shared.settings import load_settings, to_json_schema
from tools.configuration_docs import TARGET, render

TEXT = TARGET.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json5\n(.*?)```", TEXT, re.DOTALL)
ENVIRONMENT = {"TWILIO_AUTH_TOKEN": "twilio-auth-token", "REDIS_URL": "redis://localhost"}


def test_the_file_is_what_the_generator_gives() -> None:
    assert render() == TEXT, "run: .venv/bin/python -m tools.configuration_docs"


def test_every_key_is_there() -> None:
    schema = to_json_schema()
    missing = [path for path in leaves(schema, schema["$defs"]["ConfigDocument"], "") if f"| `{path}` |" not in TEXT]
    assert missing == []


def leaves(schema: dict[str, Any], section: dict[str, Any], path: str) -> Iterator[str]:
    for key, kind in section["properties"].items():
        place = f"{path}.{key}" if path else key
        inner = next((option for option in (kind, *kind.get("anyOf", ())) if "$ref" in option), None)
        target = schema["$defs"][inner["$ref"].rpartition("/")[2]] if inner else {}
        has_own_table = target.get("title") == "AgentSection" and place != "agent"
        if "properties" in target and target["title"] != "SecretRef" and not has_own_table:
            yield from leaves(schema, target, place)
        elif key != "$schema":
            yield place


def test_every_variable_is_there() -> None:
    for names in ACCOUNT_VARIABLES.values():
        assert all(f"`{name}`" in TEXT for name in names)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads(example: str, tmp_path: Path) -> None:
    file = tmp_path / "textgate.json5"
    file.write_text(example)
    settings = load_settings(file, {"HOME": str(tmp_path), **ENVIRONMENT})
    assert settings.accounts


def test_the_environment_alone_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = dict(re.findall(r"^export (\w+)='?([^'\n]+)'?$", TEXT, re.MULTILINE))
    account = load_settings(None, {"HOME": str(tmp_path), **said}).accounts["default"]
    assert account.receives
    assert len(account.allow_from) == 2


@pytest.mark.parametrize("line", re.findall(r"^textgate [^#\n]+", TEXT, re.MULTILINE))
def test_every_command_that_is_shown_exists(line: str) -> None:
    command: Any = get_command(app)
    for word in line.split()[1:]:
        command = command.commands[word]
        if not hasattr(command, "commands"):
            return
    raise AssertionError(f"{line} is no whole command")
