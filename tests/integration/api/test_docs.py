"""docs/api.md does what it says: its configuration loads, its commands run, its tables are complete."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from ingress.api.problems import Kind
from ingress.api.wire import MessageStatus, PartPhase, SendRequest
from shared.settings import load_settings
from tests.integration.api.conftest import ANN, TOKEN, opened_turn, served

TEXT = (Path(__file__).parents[3] / "docs/api.md").read_text(encoding="utf-8")
(CONFIGURATION,) = re.findall(r"```json5\n(.*?)```", TEXT, re.DOTALL)
(ANSWER,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
LIMIT_S = 30.0


async def run(command: str, **variables: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", command),
        env={"PATH": os.environ["PATH"], "TEXTGATE_API_TOKEN": TOKEN, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
    assert process.returncode == 0, (command, out, err)
    return out


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are written for curl")
async def test_every_command_that_is_shown_works(redis_url: str, redis: Redis) -> None:
    shown = msgspec.json.decode(ANSWER)
    turn = await opened_turn(redis, ANN)
    async with served(redis_url) as url:
        sent = msgspec.json.decode(await run(COMMANDS[0], GATEWAY=url))
        assert sent.keys() == shown.keys()
        assert sent["links"].keys() == shown["links"].keys()
        ids = {"MESSAGE": sent["id"], "CONVERSATION": sent["conversation"], "TURN": turn}
        answers = [msgspec.json.decode(await run(command, GATEWAY=url, **ids)) for command in COMMANDS[1:]]
    texts, late, message, conversation, description = answers
    assert (texts["status"], late["status"], message["status"]) == ("queued", "queued", "queued")
    assert late["id"] == turn
    assert conversation["lanes"]["format"]["waiting"] == 2
    assert description["info"]["title"] == "Textgate"


def test_the_configuration_that_is_shown_loads(tmp_path: Path) -> None:
    file = tmp_path / "textgate.json5"
    file.write_text(CONFIGURATION)
    environ = {
        "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
        "TWILIO_AUTH_TOKEN": "token",
        "TWILIO_PHONE_NUMBER": "+15550001111",
        "TEXTGATE_API_TOKEN": TOKEN,
    }
    settings = load_settings(file, environ)
    assert [token.name for token in settings.api_tokens] == ["automation"]
    assert settings.accounts["default"].default_to is not None


def test_every_refusal_is_in_the_table_and_no_other() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", TEXT, re.MULTILINE)
    assert sorted(rows) == sorted((str(kind.status), kind.slug) for kind in Kind)


def test_every_field_and_status_is_explained() -> None:
    names = {field.encode_name for field in msgspec.structs.fields(SendRequest)}
    assert all(f"`{name}`" in TEXT for name in {*names, *MessageStatus, *PartPhase})
