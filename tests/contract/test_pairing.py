"""Mission §6, row by row: letting people in, with the commands as they are typed, on a real Redis."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cli.embedded_redis import EmbeddedRedis
from shared.admission import Verdict
from shared.redis_client import connect
from tests.contract.conftest import Said, Textgate
from tests.contract.desk import ANN, BOB, CAT, Desk, Door, form_of, pass_time

SHOP = {"webhookPath": "/shop", "publicWebhookUrl": "https://gate.example.com/shop", "fromNumber": "+15550002222"}


@pytest.fixture
def textgate(textgate: Textgate, redis_url: str) -> Textgate:
    """Finds the same Redis and the same file as the door."""
    textgate.environ["TEXTGATE_REDIS_URL"] = redis_url
    return textgate


@pytest.fixture
async def shops(desk: Desk) -> AsyncIterator[Door]:
    """A door with the accounts `default` and `shop`, at each of which somebody waits."""
    async with desk.opened(accounts={"shop": SHOP}) as door:
        await door.text(ANN)
        form = form_of(sender=BOB, To="+15550002222")
        assert await door.post(form, path="/shop", url="https://gate.example.com/shop") == 200
        yield door


async def code_of(door: Door, account: str = "default") -> str:
    (request,) = await door.requests(account)
    return request.code


def one_line(said: Said, status: int) -> str:
    """A refusal: its exit status, nothing on stdout, one line on stderr."""
    assert (said.status, said.out, said.err.count("\n")) == (status, "", 1), said
    return said.err


# pairing list


@pytest.mark.parametrize("words", [(), ("sms",), ("--channel", "sms")])
async def test_pairing_list_shows_who_waits(shops: Door, textgate: Textgate, words: tuple[str, ...]) -> None:
    said = await textgate("pairing", "list", *words)
    assert said.status == 0
    assert {ANN, BOB, await code_of(shops), await code_of(shops, "shop")} <= set(said.out.split())


async def test_pairing_list_json(shops: Door, textgate: Textgate) -> None:
    requests = json.loads((await textgate("pairing", "list", "--json")).out)["requests"]
    assert [(request["account"], request["sender"]) for request in requests] == [("default", ANN), ("shop", BOB)]
    assert set(requests[0]) == {"code", "account", "sender", "requestedAt", "expiresAt"}


async def test_pairing_list_of_one_account(shops: Door, textgate: Textgate) -> None:
    requests = json.loads((await textgate("pairing", "list", "--account", "shop", "--json")).out)["requests"]
    assert [request["sender"] for request in requests] == [BOB]
    assert "no account nobody" in one_line(await textgate("pairing", "list", "--account", "nobody"), 1)


# pairing approve


@pytest.mark.parametrize(
    "before",
    [(), ("sms",), ("--channel", "sms"), ("--account", "default")],
    ids=["bare", "sms", "--channel", "--account"],
)
async def test_pairing_approve_lets_in(door: Door, textgate: Textgate, before: tuple[str, ...]) -> None:
    await door.text(ANN, "Hello?")
    assert (await textgate("pairing", "approve", *before, await code_of(door))).status == 0
    assert await door.text(ANN, "Hello!") is Verdict.ACCEPTED
    assert [text.body for text in await door.stored(ANN)] == ["Hello!"]
    assert len(await door.replies(ANN)) == 1, "without --notify nothing more is sent"


async def test_pairing_approve_notify_texts_that_access_is_approved(door: Door, textgate: Textgate) -> None:
    await door.text(ANN)
    said = await textgate("pairing", "approve", "sms", await code_of(door), "--notify", "--json")
    assert json.loads(said.out)["notified"] is True
    assert "approved" in (await door.replies(ANN))[-1].texts[0]


async def test_a_code_may_be_typed_in_small_letters(door: Door, textgate: Textgate) -> None:
    await door.text(ANN)
    assert (await textgate("pairing", "approve", (await code_of(door)).lower())).status == 0


async def test_a_code_without_account_is_looked_up_in_all_accounts(shops: Door, textgate: Textgate) -> None:
    """Ruling 23."""
    said = await textgate("pairing", "approve", await code_of(shops, "shop"), "--json")
    assert json.loads(said.out)["account"] == "shop"
    one_line(await textgate("pairing", "approve", await code_of(shops), "--account", "shop"), 1)
    assert len(await shops.requests()) == 1, "it still counts for the account that gave it"


async def test_an_unknown_code_is_a_clear_error(door: Door, textgate: Textgate) -> None:
    assert "no pairing request has the code ABCD2345" in one_line(await textgate("pairing", "approve", "ABCD2345"), 1)


async def test_an_expired_code_is_a_clear_error(door: Door, redis: Redis, textgate: Textgate) -> None:
    await door.text(ANN)
    code = await code_of(door)
    await pass_time(redis, 3601)
    assert "older than an hour" in one_line(await textgate("pairing", "approve", code), 1)
    assert await door.text(ANN) is Verdict.PAIRING_REQUESTED


async def test_a_used_code_is_a_clear_error(door: Door, textgate: Textgate) -> None:
    await door.text(ANN)
    code = await code_of(door)
    assert (await textgate("pairing", "approve", code)).status == 0
    assert "already used" in one_line(await textgate("pairing", "approve", code), 1)


async def test_approval_is_atomic(door: Door, textgate: Textgate) -> None:
    await door.text(ANN)
    code = await code_of(door)
    said = await asyncio.gather(*(textgate("pairing", "approve", code, "--notify") for _ in range(4)))
    assert sorted(each.status for each in said) == [0, 1, 1, 1]
    assert len(await door.replies(ANN)) == 2, "the code and one notice"


async def test_approval_is_seen_by_every_replica_at_once(desk: Desk, textgate: Textgate) -> None:
    async with desk.opened() as one, desk.opened() as other:
        await one.text(ANN)
        assert await other.text(ANN) is Verdict.PAIRING_PENDING
        assert (await textgate("pairing", "approve", await code_of(other))).status == 0
        assert [await door.text(ANN) for door in (one, other)] == [Verdict.ACCEPTED] * 2


async def test_approval_survives_a_restart_of_redis(tmp_path: Path, textgate: Textgate) -> None:
    with EmbeddedRedis(tmp_path / "state") as server:
        redis = connect(server.url)
        textgate.environ["TEXTGATE_REDIS_URL"] = server.url
        async with Desk(tmp_path, redis, server.url).opened() as door:
            await door.text(ANN)
            await door.text(BOB)
            codes = {request.sender: request.code for request in await door.requests()}
            assert (await textgate("pairing", "approve", codes[ANN])).status == 0

            os.kill(server.pid, signal.SIGKILL)
            assert await asyncio.to_thread(server.wait_gone)
            assert await asyncio.to_thread(server.restart_if_gone)

            assert await door.text(ANN) is Verdict.ACCEPTED
            assert await door.text(BOB) is Verdict.PAIRING_PENDING, "and so does a request"
            assert (await textgate("pairing", "approve", codes[BOB])).status == 0
        await redis.aclose()


# pairing deny


async def test_pairing_deny_voids_the_code_and_frees_its_place(desk: Desk, textgate: Textgate) -> None:
    async with desk.opened(pairingMaxPending=1) as door:
        await door.text(ANN)
        code = await code_of(door)
        assert (await textgate("pairing", "deny", "sms", code)).status == 0
        one_line(await textgate("pairing", "approve", code), 1)
        one_line(await textgate("pairing", "deny", code), 1)
        assert await door.text(BOB) is Verdict.PAIRING_REQUESTED


async def test_a_denied_sender_gets_no_second_sms_within_the_hour(door: Door, redis: Redis, textgate: Textgate) -> None:
    await door.text(ANN)
    assert (await textgate("pairing", "deny", await code_of(door))).status == 0
    assert await door.text(ANN) is Verdict.PAIRING_PENDING
    assert len(await door.replies(ANN)) == 1
    await pass_time(redis, 3601)
    assert await door.text(ANN) is Verdict.PAIRING_REQUESTED


# pairing revoke, pairing allowed


@pytest.mark.parametrize("number", [ANN, f"sms:{ANN}", ANN.removeprefix("+"), "+1 (555) 765-0001"])
async def test_pairing_revoke_shuts_out_at_once(desk: Desk, textgate: Textgate, number: str) -> None:
    async with desk.opened() as one, desk.opened() as other:
        await one.text(ANN)
        await one.approve(ANN)
        assert await other.text(ANN) is Verdict.ACCEPTED
        assert (await textgate("pairing", "revoke", number)).status == 0
        assert await one.text(ANN) is Verdict.PAIRING_REQUESTED
        assert await other.text(ANN) is Verdict.PAIRING_PENDING
        one_line(await textgate("pairing", "revoke", number), 1)


async def test_pairing_allowed_shows_who_is_in(desk: Desk, textgate: Textgate) -> None:
    async with desk.opened(allowFrom=[BOB]) as door:
        await door.text(ANN)
        await door.approve(ANN)
        await door.text(CAT)
        allowed = json.loads((await textgate("pairing", "allowed", "sms", "--json")).out)["allowed"]
        assert {(each["sender"], each["configured"]) for each in allowed} == {(ANN, False), (BOB, True)}
        said = await textgate("pairing", "allowed")
        assert ANN in said.out
        assert CAT not in said.out


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("pairing", "approve"), 2),
        (("pairing", "approve", "sms"), 2),
        (("pairing", "approve", "fax", "ABCD2345"), 1),
        (("pairing", "list", "--channel", "fax"), 1),
        (("pairing", "revoke"), 2),
        (("pairing", "revoke", "not a number"), 1),
        (("pairing", "deny", "sms"), 2),
        (("pairing", "lst"), 2),
    ],
)
async def test_what_is_mistyped_is_refused_with_the_documented_status(
    door: Door, textgate: Textgate, words: tuple[str, ...], status: int
) -> None:
    said = await textgate(*words)
    assert (said.status, said.out) == (status, "")
    assert said.err
