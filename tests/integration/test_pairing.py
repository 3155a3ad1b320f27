"""The owner's decisions: denied is denied for the hour, revoked is out at once, and of two decisions one counts."""

import asyncio
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from shared.admission import Verdict, commit_text
from shared.admission_words import PAIRING_TTL_MS
from shared.errors import UsageError
from shared.gate import Gate, Keyword
from shared.keys import Keys, Stage, conversation_id
from shared.pairing import Approved, approve, deny, list_approved, list_requests, revoke
from shared.records import InboundText, PairingRequest
from shared.redis_client import connect, load_list
from shared.round_trip import execute
from shared.scripts import Call
from shared.texts import TextKey, Texts

STRANGER, OTHER = "+15557654321", "+15557654322"
GATE = Gate(
    policy="pairing",
    sender_per_minute=0,
    account_per_minute=0,
    pairing_max_pending=1,
    debounce_ms=0,
    texts=Texts(own={TextKey.PAIRING: "{code} for {number}"}),
)


class Door:
    """Texts that arrive, as one replica of the ingress admits them."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._texts = 0

    async def text(self, sender: str = STRANGER, *, account_id: str = "default", policy: str = "pairing") -> Verdict:
        self._texts += 1
        text = InboundText(
            message_sid=f"SM{self._texts}",
            account_id=account_id,
            conversation=conversation_id(account_id, sender),
            sender=sender,
            recipient="+15550001111",
            body="hello",
            received_ms=1,
        )
        gate = msgspec.structs.replace(GATE, policy=policy)
        return await commit_text(
            self._send, keys=self._keys, gate=gate, text=text, listed=False, keyword=Keyword.NONE, now_ms=1
        )

    async def _send(self, call: Call) -> Any:
        (reply,) = await execute(self._redis, [call])
        return reply

    async def request(self, sender: str = STRANGER, *, account_id: str = "default") -> PairingRequest:
        """A stranger's request that waits."""
        assert await self.text(sender, account_id=account_id) is Verdict.PAIRING_REQUESTED
        (request,) = await list_requests(self._redis, self._keys, account_id)
        return request

    async def sms(self, sender: str = STRANGER) -> int:
        """How many texts of ours are on their way to a stranger."""
        lane = self._keys.lane(Stage.FORMAT, conversation_id("default", sender))
        return len(await load_list(self._redis, lane.list, 0, -1))


@pytest.fixture
def door(redis: Redis, keys: Keys) -> Door:
    return Door(redis, keys)


async def test_a_denied_code_is_void_and_its_sender_gets_no_other_sms(door: Door, redis: Redis, keys: Keys) -> None:
    request = await door.request()

    assert await deny(redis, keys, request.code.lower()) == request

    assert await list_requests(redis, keys, "default") == []
    assert await redis.zcard(keys.pairing_pending("default")) == 0
    assert await door.text() is Verdict.PAIRING_PENDING
    assert await door.sms() == 1
    with pytest.raises(UsageError, match="no pairing request has the code"):
        await approve(redis, keys, request.code)
    assert await list_approved(redis, keys, "default") == []


async def test_a_denied_sender_may_ask_again_when_the_hour_is_over(door: Door, redis: Redis, keys: Keys) -> None:
    request = await door.request()
    mark = keys.pairing_sender(request.conversation)
    await deny(redis, keys, request.code)

    assert 0 < await redis.pttl(mark) <= PAIRING_TTL_MS, "the mark ends by itself"
    await redis.delete(mark)
    assert (await door.request()).code != request.code


async def test_a_denial_frees_the_place_for_the_next_stranger(door: Door, redis: Redis, keys: Keys) -> None:
    request = await door.request()
    assert await door.text(OTHER) is Verdict.PAIRING_FULL
    await deny(redis, keys, request.code)
    assert await door.text(OTHER) is Verdict.PAIRING_REQUESTED


async def test_of_owners_who_approve_and_deny_at_once_exactly_one_counts(
    door: Door, redis: Redis, redis_url: str, keys: Keys
) -> None:
    request = await door.request()
    owners = [connect(redis_url) for _ in range(6)]
    decisions = (approve, deny)
    results = await asyncio.gather(
        *(decisions[i % 2](owner, keys, request.code) for i, owner in enumerate(owners)), return_exceptions=True
    )
    for owner in owners:
        await owner.aclose()

    winners = [i for i, result in enumerate(results) if not isinstance(result, BaseException)]
    assert len(winners) == 1
    assert all(isinstance(result, (Approved, PairingRequest, UsageError)) for result in results)
    assert len(await list_approved(redis, keys, "default")) == (winners[0] % 2 == 0)


@pytest.mark.parametrize("code", ["ABCD2345", "", "  ", "ÄBCD2345", "ABCD\n2345", "*", "a:b", "\udcff", "A" * 10_000])
async def test_what_is_no_code_is_refused_in_a_short_sentence(redis: Redis, keys: Keys, code: str) -> None:
    for decide in (approve, deny):
        with pytest.raises(UsageError, match="no pairing request has the code") as refused:
            await decide(redis, keys, code)
        assert len(str(refused.value)) < 250


async def test_a_code_of_another_account_names_that_account(door: Door, redis: Redis, keys: Keys) -> None:
    request = await door.request()
    for decide in (approve, deny):
        with pytest.raises(UsageError, match="given by account default, not by other"):
            await decide(redis, keys, request.code, account_id="other")
    assert await list_requests(redis, keys, "default") == [request]


async def test_a_revoked_sender_is_a_stranger_at_every_replica_at_once(
    door: Door, redis: Redis, redis_url: str, keys: Keys
) -> None:
    await approve(redis, keys, (await door.request()).code)
    replica = connect(redis_url)
    elsewhere = Door(replica, keys)
    elsewhere._texts = 100
    assert await elsewhere.text(policy="allowlist") is Verdict.ACCEPTED

    assert await revoke(redis, keys, [STRANGER], ["default"]) == ["default"]

    assert await elsewhere.text(policy="allowlist") is Verdict.NOT_ALLOWED
    assert await elsewhere.text() is Verdict.PAIRING_REQUESTED
    await replica.aclose()
    assert await revoke(redis, keys, [STRANGER], ["default"]) == [], "the second time there is nothing to revoke"


async def test_revoking_in_all_accounts_tells_where_there_was_an_approval(door: Door, redis: Redis, keys: Keys) -> None:
    for account_id in ("default", "support"):
        await approve(redis, keys, (await door.request(account_id=account_id)).code)
    assert await revoke(redis, keys, [STRANGER], ["default", "sales", "support"]) == ["default", "support"]
    assert await list_approved(redis, keys, "support") == []
