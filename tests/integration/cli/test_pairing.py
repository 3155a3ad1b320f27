"""`textgate pairing` as the owner meets it: real processes, a real Redis, exit statuses and lines."""

import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.admission import admit
from shared.gate import Gate, Keyword
from shared.keys import Keys, conversation_id
from shared.pairing import list_requests
from shared.records import InboundText
from shared.round_trip import execute
from shared.texts import TextKey, Texts

from .conftest import Command

STRANGER, FRIEND = "+12025550123", "+12025550199"
CONFIG = """{
  redis: { prefix: "test:" },
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000", authToken: "not-to-be-shown", fromNumber: "+12025550100",
    publicWebhookUrl: "https://example.com/webhooks/sms", allowFrom: ["%s"],
  } },
}"""
GATE = Gate(
    policy="pairing",
    sender_per_minute=0,
    account_per_minute=0,
    pairing_max_pending=0,
    debounce_ms=0,
    texts=Texts(own={TextKey.PAIRING: "{code} for {number}"}),
)


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, environ: dict[str, str], redis_url: str) -> None:
    (tmp_path / "textgate.json5").write_text(CONFIG % FRIEND)
    environ["TEXTGATE_REDIS_URL"] = redis_url


@pytest.fixture
async def code(redis: Redis, keys: Keys) -> str:
    """A stranger has texted, and waits."""
    text = InboundText(
        message_sid="SM1",
        account_id="default",
        conversation=conversation_id("default", STRANGER),
        sender=STRANGER,
        recipient="+12025550100",
        body="hello",
        received_ms=1,
    )
    call = admit(keys=keys, gate=GATE, text=text, listed=False, keyword=Keyword.NONE, now_ms=1, whole=True)
    await execute(redis, [call])
    (request,) = await list_requests(redis, keys, "default")
    return request.code


@pytest.mark.parametrize("words", [("sms",), ("--channel", "sms"), ()])
async def test_a_denied_request_is_gone(textgate: Command, code: str, words: tuple[str, ...]) -> None:
    channel = words if words != ("sms",) else ()
    word = words if words == ("sms",) else ()
    denied = textgate("pairing", "deny", *word, code, *channel, "--json")
    assert json.loads(denied.stdout) == {
        "code": code,
        "account": "default",
        "sender": STRANGER,
        "mayAskAgainAt": "1970-01-01T01:00:00Z",
    }
    assert json.loads(textgate("pairing", "list", *words, "--json").stdout) == {"requests": []}
    again = textgate("pairing", "deny", code)
    assert (again.returncode, again.stdout) == (1, "")
    assert "no pairing request has the code" in again.stderr


async def test_the_allowed_are_the_approved_and_the_configured(textgate: Command, code: str) -> None:
    approved = textgate("pairing", "approve", code)
    assert approved.returncode == 0, approved.stderr
    shown = json.loads(textgate("pairing", "allowed", "sms", "--json").stdout)
    assert shown["accounts"] == [{"id": "default", "dmPolicy": "pairing"}]
    first, second = shown["allowed"]
    assert (first["sender"], first["configured"]) == (STRANGER, False)
    assert first["approvedAt"].endswith("Z")
    assert second == {"account": "default", "sender": FRIEND, "approvedAt": None, "configured": True}
    table = textgate("pairing", "allowed").stdout
    assert f"{FRIEND}  default  in allowFrom (configuration)" in table


async def test_a_revoked_person_is_out_and_the_second_time_is_an_error(textgate: Command, code: str) -> None:
    textgate("pairing", "approve", code)
    revoked = textgate("pairing", "revoke", "sms", f"sms:{STRANGER}", "--json")
    assert json.loads(revoked.stdout) == {"sender": STRANGER, "accounts": ["default"], "stillAllowed": []}
    again = textgate("pairing", "revoke", STRANGER)
    assert (again.returncode, again.stdout) == (1, "")
    assert "was not approved, so there is nothing to revoke" in again.stderr


async def test_a_number_in_allow_from_is_put_out_in_the_configuration(textgate: Command, redis: Redis) -> None:
    done = textgate("pairing", "revoke", FRIEND)
    assert done.returncode == 1
    assert "account default lets them in: its allowFrom (or SMS_ALLOWED_USERS) names them" in done.stderr


async def test_revoking_does_not_pretend_that_an_open_door_is_shut(
    textgate: Command, code: str, tmp_path: Path
) -> None:
    textgate("pairing", "approve", code)
    config = (CONFIG % "*").replace("allowFrom", 'dmPolicy: "open", allowFrom')
    (tmp_path / "textgate.json5").write_text(config)
    done = textgate("pairing", "revoke", STRANGER)
    assert done.returncode == 0
    assert "warning: account default still lets them in: its dmPolicy is open" in done.stderr
    assert "everybody may text" in textgate("pairing", "allowed").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["deny", "fax", "ABCD2345"], "there is no channel fax"),
        (["deny", "ABCD2345", "--account", "nobody"], "choose one of default"),
        (["deny", "AB CD"], "no pairing request has the code"),
        (["revoke", "+12025550155", "--account", "nobody"], "choose one of default"),
        (["revoke", "+12025550155", "--channel", "fax"], "there is no channel fax"),
        (["allowed", "fax"], "there is no channel fax"),
        (["allowed", "--account", "nobody"], "choose one of default"),
        (["allowed", "--state-dir", "elsewhere"], "no `textgate up` runs on"),
    ],
)
def test_a_mistake_is_one_line_and_status_1(textgate: Command, words: list[str], said: str) -> None:
    done = textgate("pairing", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["deny", "ABCD2345"], ["revoke", "+12025550155"], ["allowed"]])
def test_a_redis_that_is_away_is_one_line(textgate: Command, words: list[str], tmp_path: Path) -> None:
    done = textgate("pairing", *words, TEXTGATE_REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Redis does not answer" in done.stderr
    assert done.stderr.count("\n") == 1
