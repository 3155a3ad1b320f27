"""The owner's side of pairing: who waits, who is in, let one in.

The sender's side (asking) happens in admission. Redis keys: pairing:*, approved, the format lane for the notice.
"""

import time

from redis.asyncio import Redis

from shared.errors import UsageError
from shared.group_commit import execute
from shared.keys import Keys, Stage
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
from shared.scripts import Call, script


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
    redis: Redis, keys: Keys, code: str, *, account_id: str | None = None, notice: str | None = None
) -> PairingRequest:
    """Let the sender with this code in, at once for every replica; with `notice`, text it to them.

    Without `account_id` the code counts for whichever account gave it. Raises UsageError for a code that is
    unknown, expired, already used, or another account's.
    """
    code = code.strip().upper()
    raw = await redis.get(keys.pairing_code(code))
    request = decode_pairing_request(raw) if raw is not None else None
    if request is None or (account_id is not None and request.account_id != account_id):
        raise UsageError(_unknown(code))
    now_ms = time.time_ns() // 1_000_000
    args: list[object] = [Stage.FORMAT.value, lane_payload(Stage.FORMAT.value), raw, code, request.sender]
    args.append(encode(Approval(sender=request.sender, approved_ms=now_ms)))
    if notice is not None:
        args.append(encode(_notice(request, notice, now_ms)))
    call = Call(
        script("approve"),
        (
            keys.pairing_code(code),
            keys.pairing_sender(request.conversation),
            keys.pairing_pending(request.account_id),
            keys.approved(request.account_id),
            *keys.lane(Stage.FORMAT, request.conversation).as_tuple(),
        ),
        tuple(args),
    )
    (reply,) = await execute(redis, [call])
    if isinstance(reply, Exception):
        raise reply
    if reply == 0:
        raise UsageError(_unknown(code))
    return request


def _unknown(code: str) -> str:
    return (
        f"no pairing request has the code {code}: it may be mistyped, older than an hour, or already used; "
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
