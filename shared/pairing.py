"""The owner's side of pairing: who waits, who is in, let one in, turn one down, put one out again.

The sender's side (asking) happens in admission. Redis keys: pairing:*, approved, optout, the format lane.
"""

import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NoReturn

import msgspec
from redis.asyncio import Redis

from shared.errors import UsageError
from shared.keys import Keys, Stage
from shared.phone import can_be_texted, person_of
from shared.queue import lane_payload
from shared.records import (
    Approval,
    Origin,
    PairingRequest,
    Reply,
    decode_approval,
    decode_pairing_request,
    encode,
)
from shared.redis_client import load_hash
from shared.round_trip import execute
from shared.scripts import Call, script

Notice = Callable[[PairingRequest], str | None]
"""What to text to a sender who was let in; None: nothing."""


class Told(StrEnum):
    """Whether a sender who was let in is told by SMS."""

    QUEUED = "queued"
    NOT_ASKED = "not-asked"
    NO_WORDS = "no-words"
    """The account's text for it is null."""
    OPTED_OUT = "opted-out"
    """They have texted STOP: no answer reaches them either, until they text START."""
    UNREACHABLE = "unreachable"
    """A short code or a name: Twilio texts none."""


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was approved."""

    request: PairingRequest
    told: Told


async def list_requests(redis: Redis, keys: Keys, account_id: str) -> list[PairingRequest]:
    """Requests of this account that are still valid, the oldest first."""
    codes = await redis.zrange(keys.pairing_pending(account_id), 0, -1)
    if not codes:
        return []
    found = await redis.mget([keys.pairing_code(code.decode()) for code in codes])
    return [decode_pairing_request(raw) for raw in found if raw is not None]


async def list_approved(redis: Redis, keys: Keys, account_id: str) -> list[Approval]:
    """Senders whom the owner let in, the longest known first. Those in `allowFrom` are not among them."""
    approvals = [decode_approval(raw) for raw in (await load_hash(redis, keys.approved(account_id))).values()]
    return sorted(approvals, key=lambda approval: approval.approved_ms)


async def approve(
    redis: Redis, keys: Keys, code: str, *, account_id: str | None = None, notice: Notice | None = None
) -> Approved:
    """Let the sender with this code in, at once for every replica, and text them what `notice` says.

    Without `account_id` the code counts for whichever account gave it. Raises UsageError for a code that is
    unknown, expired, already used, or another account's.
    """
    request, raw = await _load_request(redis, keys, code, account_id)
    now_ms = time.time_ns() // 1_000_000
    args: list[object] = [Stage.FORMAT.value, lane_payload(Stage.FORMAT.value), raw, request.code, request.sender]
    args.append(encode(Approval(sender=request.sender, approved_ms=now_ms)))
    args.append(person_of(request.sender))
    told, words = _decide_notice(request, notice)
    if words is not None:
        args.append(encode(_notice(request, words, now_ms)))
    call = Call(
        script("approve"),
        (
            keys.pairing_code(request.code),
            keys.pairing_sender(request.conversation),
            keys.pairing_pending(request.account_id),
            keys.approved(request.account_id),
            *keys.lane(Stage.FORMAT, request.conversation).as_tuple(),
            keys.opted_out(request.account_id),
        ),
        tuple(args),
    )
    outcome = await _use(redis, call)
    if outcome == b"gone":
        _refuse(request.code)
    return Approved(request=request, told=Told.OPTED_OUT if outcome == b"opted_out" else told)


async def deny(redis: Redis, keys: Keys, code: str, *, account_id: str | None = None) -> PairingRequest:
    """Turn the sender with this code down; nothing is sent to them, and they get no other code within the hour.

    `account_id` and errors as in `approve`.
    """
    request, raw = await _load_request(redis, keys, code, account_id)
    call = Call(
        script("deny"), (keys.pairing_code(request.code), keys.pairing_pending(request.account_id)), (raw, request.code)
    )
    if await _use(redis, call) == 0:
        _refuse(request.code)
    return request


async def revoke(redis: Redis, keys: Keys, names: Sequence[str], account_ids: Sequence[str]) -> list[str]:
    """Take the approval of one sender back, at once for every replica; the accounts in which there was one.

    `names`: every way in which the sender may be stored. One transaction: nobody is half out. Texts that were
    accepted before are still answered. Redis keys: approved.
    """
    async with redis.pipeline(transaction=True) as pipe:
        for account_id in account_ids:
            pipe.hdel(keys.approved(account_id), *names)
        removed = await pipe.execute()
    return [account_id for account_id, count in zip(account_ids, removed, strict=True) if count]


async def _load_request(redis: Redis, keys: Keys, code: str, account_id: str | None) -> tuple[PairingRequest, bytes]:
    """The request with this code, and as it is stored."""
    code = code.strip().upper()
    if not (code.isascii() and code.isalnum()):
        _refuse(code)
    raw = await redis.get(keys.pairing_code(code))
    if raw is None:
        _refuse(code)
    request = decode_pairing_request(raw)
    if account_id not in (None, request.account_id):
        raise UsageError(
            f"the code {code} was given by account {request.account_id}, not by {account_id}: "
            f"name that one with --account, or none"
        )
    return request, raw


def _decide_notice(request: PairingRequest, notice: Notice | None) -> tuple[Told, str | None]:
    if notice is None:
        return Told.NOT_ASKED, None
    if not can_be_texted(request.sender):
        return Told.UNREACHABLE, None
    words = notice(request)
    return (Told.NO_WORDS, None) if words is None else (Told.QUEUED, words)


async def _use(redis: Redis, call: Call) -> object:
    (reply,) = await execute(redis, [call])
    if isinstance(reply, Exception):
        raise reply
    return reply


def _refuse(code: str) -> NoReturn:
    raise UsageError(
        f"no pairing request has the code {code[:20]}: it may be mistyped, older than an hour, or already used; "
        "see `textgate pairing list`, or have the sender text again"
    )


def _notice(request: PairingRequest, text: str, now_ms: int) -> Reply:
    return Reply(
        reply_id=f"{request.conversation}-approved-{now_ms}",
        account_id=request.account_id,
        conversation=request.conversation,
        to=request.sender,
        texts=(text,),
        origin=Origin.NOTICE,
        created_ms=now_ms,
    )
