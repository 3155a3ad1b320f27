"""`textgate optout` as the owner meets it: real processes, a real Redis, exit statuses and lines."""

import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.admission import admit
from shared.gate import Gate, Keyword
from shared.keys import Keys, conversation_id
from shared.optout import Cause, is_opted_out
from shared.records import InboundText
from shared.round_trip import execute

from .conftest import Command

ANN, BOB = "+12025550111", "+12025550122"
CONFIG = """{
  redis: { prefix: "test:" },
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000", authToken: "not-to-be-shown", fromNumber: "+12025550100",
    publicWebhookUrl: "https://example.com/webhooks/sms",
    accounts: { shop: { webhookPath: "/shop" } },
  } },
}"""
GATE = Gate(policy="pairing", sender_per_minute=0, account_per_minute=0, pairing_max_pending=0, debounce_ms=0)


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, environ: dict[str, str], redis_url: str) -> None:
    (tmp_path / "textgate.json5").write_text(CONFIG)
    environ["TEXTGATE_REDIS_URL"] = redis_url


@pytest.fixture
async def _stopped(redis: Redis, keys: Keys) -> None:
    """Ann has texted STOP to the account `shop`."""
    text = InboundText(
        message_sid="SM1",
        account_id="shop",
        conversation=conversation_id("shop", ANN),
        sender=ANN,
        recipient="+12025550100",
        body="Stop",
        received_ms=1,
    )
    call = admit(
        keys=keys,
        gate=GATE,
        text=text,
        listed=False,
        keyword=Keyword.STOP,
        cause=Cause.KEYWORD,
        now_ms=1_700_000_000_000,
    )
    await execute(redis, [call])


@pytest.mark.usefixtures("_stopped")
async def test_the_list_says_who_since_when_and_how(textgate: Command, redis: Redis) -> None:
    (shown,) = json.loads(textgate("optout", "list", "--json").stdout)["optOuts"]
    assert shown == {
        "account": "shop",
        "person": ANN,
        "since": "2023-11-14T22:13:20Z",
        "cause": "keyword",
        "said": "Stop",
        "messageSid": "SM1",
    }
    assert f'{ANN}  shop     2023-11-14T22:13:20Z  they texted: "Stop"' in textgate("optout", "list", "sms").stdout
    assert json.loads(textgate("optout", "list", "--account", "default", "--json").stdout) == {"optOuts": []}
    assert textgate("optout", "list", "--account", "default").stdout == "Nobody is opted out.\n"


@pytest.mark.usefixtures("_stopped")
async def test_by_hand_it_counts_for_every_account_and_the_trail_tells_it(
    textgate: Command, redis: Redis, keys: Keys
) -> None:
    added = textgate("optout", "add", f"rcs:{ANN}", "--reason", "asked by phone", "--json")
    assert json.loads(added.stdout) == {"person": ANN, "changed": ["default"], "unchanged": ["shop"]}
    again = textgate("optout", "add", ANN)
    assert (again.returncode, again.stdout) == (0, f"{ANN} was opted out already of account default, shop.\n")

    removed = textgate("optout", "remove", "sms", ANN, "--account", "shop", "--json")
    assert json.loads(removed.stdout) == {"person": ANN, "changed": ["shop"], "unchanged": []}
    assert await is_opted_out(redis, keys, "default", ANN)
    assert not await is_opted_out(redis, keys, "shop", ANN)

    shown = json.loads(textgate("optout", "show", ANN, "--json").stdout)
    assert shown["person"] == ANN
    default, shop = shown["accounts"]
    assert (default["account"], default["optedOut"], shop["account"], shop["optedOut"]) == (
        "default",
        True,
        "shop",
        False,
    )
    assert [(each["out"], each["cause"], each["said"]) for each in default["trail"]] == [
        (True, "operator", "asked by phone")
    ]
    assert [(each["out"], each["cause"]) for each in shop["trail"]] == [(True, "keyword"), (False, "operator")]
    lines = textgate("optout", "show", ANN).stdout
    assert f"account default: {ANN} is opted out" in lines
    assert f"account shop: {ANN} may be texted" in lines


async def test_who_is_not_opted_out_cannot_be_removed(textgate: Command, redis: Redis) -> None:
    done = textgate("optout", "remove", BOB)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not opted out, so there is nothing to remove; see `textgate optout list`" in done.stderr
    assert textgate("optout", "add", "not\ta\tnumber").returncode == 1
    assert textgate("optout", "add", BOB, "--account", "nobody").returncode == 1


@pytest.mark.parametrize("written", ["Bob", "+1", "2025550122", "(202) 555-0122", "40404", "+1\t2"])
async def test_only_a_whole_number_can_be_opted_out(textgate: Command, redis: Redis, keys: Keys, written: str) -> None:
    done = textgate("optout", "add", written)
    assert (done.returncode, done.stdout) == (1, "")
    assert "+15551234567" in done.stderr
    assert not await redis.exists(keys.opted_out("default"))


async def test_nothing_is_queued_for_who_has_opted_out(textgate: Command, redis: Redis, keys: Keys) -> None:
    textgate("optout", "add", ANN, "--account", "default")
    for target in (f"sms:{ANN}", f"rcs:{ANN}"):
        sent = textgate("message", "send", "--target", target, "--message", "hello")
        assert (sent.returncode, sent.stdout) == (1, "")
        assert "has opted out of texts from account default: they must text START first" in sent.stderr
    assert not await redis.exists(keys.busy)


async def test_an_approval_says_that_no_notice_goes_out(textgate: Command, redis: Redis, keys: Keys) -> None:
    text = InboundText(
        message_sid="SM2",
        account_id="default",
        conversation=conversation_id("default", BOB),
        sender=BOB,
        recipient="+12025550100",
        body="hello",
        received_ms=1,
    )
    call = admit(keys=keys, gate=GATE, text=text, listed=False, keyword=Keyword.NONE, now_ms=1, whole=True)
    await execute(redis, [call])
    textgate("optout", "add", BOB)
    (request,) = json.loads(textgate("pairing", "list", "--json").stdout)["requests"]
    said = json.loads(textgate("pairing", "approve", request["code"], "--notify", "--json").stdout)
    assert (said["notified"], said["notice"]) == (False, "opted-out")
