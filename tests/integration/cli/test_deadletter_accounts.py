"""`textgate account`: pausing and resuming as an operator meets them."""

import json
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.accounts import load_pause
from shared.keys import Keys
from shared.records import Pause, encode

from .conftest import Command

CONFIG = """{
  redis: { prefix: "test:" },
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000", authToken: "not-to-be-shown", fromNumber: "+12025550100",
    publicWebhookUrl: "https://example.com/webhooks/sms",
    accounts: { two: { enabled: false, webhookPath: "/two" } },
  } },
}"""
PAUSE = Pause(code="twilio-20003", message="wrong credentials of +12025550100", hint="check authToken", since_ms=1)


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, environ: dict[str, str], redis_url: str) -> None:
    (tmp_path / "textgate.json5").write_text(CONFIG)
    environ["TEXTGATE_REDIS_URL"] = redis_url


def told(textgate: Command, *words: str) -> dict[str, Any]:
    done = textgate("account", *words, "--json")
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


async def test_the_list_says_which_are_paused_why_since_when_and_what_to_do(
    textgate: Command, redis: Redis, keys: Keys
) -> None:
    await redis.set(keys.paused("default"), encode(PAUSE))
    first, two = told(textgate, "list")["accounts"]
    assert first == {
        "id": "default",
        "default": True,
        "enabled": True,
        "paused": {
            "code": "twilio-20003",
            "message": "wrong credentials of +1202•••0100",
            "hint": "check authToken",
            "since": "1970-01-01T00:00:00Z",
        },
    }
    assert (two["enabled"], two["paused"]) == (False, None)
    said = textgate("account", "list").stdout
    assert "default: PAUSED since 1970-01-01T00:00:00Z: wrong credentials" in said
    assert "check authToken, then `textgate account resume default`" in said
    assert "two: switched off (enabled: false), its waiting work is kept" in said


async def test_an_account_is_paused_by_hand_and_goes_on(textgate: Command, redis: Redis, keys: Keys) -> None:
    paused = told(textgate, "pause", "default", "--reason", "the number is being ported")
    assert (paused["changed"], paused["paused"]["message"]) == (True, "the number is being ported")
    found = await load_pause(redis, keys, "default")
    assert found is not None
    assert (found.code, found.hint) == ("paused-by-hand", "`textgate account resume default`")
    assert told(textgate, "resume", "default") == {"account": "default", "changed": True}
    assert told(textgate, "resume", "default") == {"account": "default", "changed": False}
    assert "was not paused" in textgate("account", "resume", "default").stdout
    assert await load_pause(redis, keys, "default") is None


async def test_the_first_reason_stands(textgate: Command, redis: Redis, keys: Keys) -> None:
    await redis.set(keys.paused("default"), encode(PAUSE))
    again = told(textgate, "pause", "default", "--reason", "for another reason")
    assert (again["changed"], again["paused"]["code"]) == (False, "twilio-20003")
    assert "was paused already" in textgate("account", "pause", "default").stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["pause", "three"], 1, "choose one of default, two"),
        (["resume", "three"], 1, "choose one of default, two"),
        (["resume"], 2, "ID"),
    ],
)
async def test_a_mistake_names_the_next_step(
    textgate: Command, redis: Redis, words: list[str], status: int, said: str
) -> None:
    done = textgate("account", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert status == 2 or done.stderr.count("\n") == 1
