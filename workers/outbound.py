"""The outbound stage: send the part at the head of a lane, exactly once as far as that can be known.

Journal first, then the request, then the commit. A crash between any two leaves the part "in doubt", and the next
attempt finds out from Twilio before it does anything else (`reconcile.py`). The states: `lua/dispatch_part.lua`.

Redis keys: the outbound lane, part, sid, paused, optout, pace.
"""

import secrets
import time

import msgspec

from shared.errors import NotNow, PermanentError, TransientError
from shared.fault_points import FaultPoint, reach
from shared.keys import Stage
from shared.outbox import DispatchVerdict, Status, dispatch, release, settle
from shared.records import Part, decode_part, decode_pause
from shared.redis_client import load_list
from shared.settings import Account
from workers.reconcile import find_sent
from workers.work import Burial, Environment, StageSpec, Work

POST_WITHIN_S = 5.0
"""A worker that was frozen longer than this between its journal entry and its request must not post any more."""

PAUSED_WAIT_S = 30.0
OPTED_OUT = 21610
"""Twilio: the recipient texted STOP. Recorded here too, so that nothing more is even tried."""
LOOK_AGAIN_S = 3.0


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at one part; `token` fences it in the journal, `started` (monotonic, seconds) bounds it."""

    part: Part
    account: Account
    token: str
    started: float


async def send_part(work: Work, env: Environment) -> None:
    """Send the head of the lane, or find out that it was sent."""
    part = decode_part(work.records[0])
    account = env.account(part.account_id)
    work.facts |= {"account": account.id, "part": part.part_id, "segments": part.segments}
    reach(FaultPoint.BEFORE_JOURNAL, work.conversation)
    attempt = Attempt(part=part, account=account, token=secrets.token_hex(8), started=time.monotonic())
    verdict, detail = await _dispatch(work, env, attempt)
    if verdict is DispatchVerdict.IN_DOUBT:
        await _reconcile(work, env, attempt, detail)
    else:
        await _follow(work, env, attempt, verdict, detail)


async def _follow(work: Work, env: Environment, attempt: Attempt, verdict: DispatchVerdict, detail: str) -> None:
    match verdict:
        case DispatchVerdict.GO:
            await _post(work, env, attempt)
        case DispatchVerdict.IN_DOUBT:
            raise NotNow("another attempt announced it meanwhile", delay_s=LOOK_AGAIN_S)
        case DispatchVerdict.ACCEPTED:
            await _settle(work, env, attempt.part, detail, Status.ACCEPTED)
        case DispatchVerdict.FENCED:
            work.outcome = "fenced"
        case DispatchVerdict.OPTED_OUT:
            raise PermanentError("the recipient has opted out", code="opted-out", hint="they must text START first")
        case DispatchVerdict.WAIT:
            raise NotNow("the sender's pace", delay_s=int(detail) / 1000)
        case DispatchVerdict.PAUSED:
            raise NotNow("the account is paused", delay_s=PAUSED_WAIT_S)


async def _dispatch(
    work: Work, env: Environment, attempt: Attempt, looked_for_ms: str = ""
) -> tuple[DispatchVerdict, str]:
    call = dispatch(
        keys=env.keys,
        part=attempt.part,
        turn=work.turn,
        attempt=attempt.token,
        sender=attempt.account.sender,
        segments_per_second=attempt.account.segments_per_second,
        looked_for_ms=looked_for_ms,
    )
    verdict, detail = await work.call(call)
    verdict = DispatchVerdict(verdict.decode())
    if verdict is DispatchVerdict.PAUSED:
        work.facts["paused"] = decode_pause(detail).code
        return verdict, ""
    return verdict, detail.decode()


async def _post(work: Work, env: Environment, attempt: Attempt) -> None:
    part = attempt.part
    reach(FaultPoint.AFTER_JOURNAL, work.conversation)
    if env.twilio is None:
        raise RuntimeError("this worker was started without a Twilio client")
    try:
        if time.monotonic() - attempt.started > POST_WITHIN_S:
            raise NotNow("woke up too late to post", delay_s=0)
        sent = await env.twilio.send(attempt.account, part)
    except (PermanentError, TransientError, NotNow) as error:
        # Certainly not with Twilio: nobody needs to look for it.
        await work.call(release(keys=env.keys, part_id=part.part_id, attempt=attempt.token))
        if isinstance(error, PermanentError) and error.code == f"twilio-{OPTED_OUT}":
            await env.redis.hset(env.keys.opted_out(part.account_id), part.to, f"twilio {OPTED_OUT}")  # type: ignore[misc]
        raise
    reach(FaultPoint.AFTER_ANSWER, work.conversation)
    if part.received_ms is not None:
        work.facts["latency_ms"] = time.time_ns() // 1_000_000 - part.received_ms
    await _settle(work, env, part, sent.sid, sent.status)


async def _reconcile(work: Work, env: Environment, attempt: Attempt, detail: str) -> None:
    journaled_ms, _, age_ms = detail.partition(" ")
    found = await find_sent(env, attempt.account, attempt.part, journaled_ms=int(journaled_ms))
    if found is not None:
        work.facts["reconciled"] = "found"
        await _settle(work, env, attempt.part, found.sid, found.status)
        return
    if int(age_ms) < env.settings.workers.outbound.in_doubt_s * 1000:
        raise NotNow("in doubt; looking again at Twilio's log", delay_s=LOOK_AGAIN_S)
    work.facts["reconciled"] = "not found"
    again = msgspec.structs.replace(attempt, started=time.monotonic())
    verdict, found_out = await _dispatch(work, env, again, looked_for_ms=journaled_ms)
    await _follow(work, env, again, verdict, found_out)


async def _settle(work: Work, env: Environment, part: Part, sid: str, status: Status) -> None:
    ask_after_s = env.settings.workers.outbound.final_state_after_s
    call = settle(keys=env.keys, part=part, turn=work.turn, sid=sid, status=status, ask_after_s=ask_after_s)
    said = await work.commit(call)
    reach(FaultPoint.AFTER_COMMIT, work.conversation)
    work.facts["message_sid"] = sid
    if said == b"sid_taken":
        raise NotNow("this message carries another part", delay_s=LOOK_AGAIN_S)
    work.outcome = "sent" if said == b"settled" else "fenced"


async def bury_rest(work: Work, env: Environment) -> Burial:
    """Give up the part and, with it, the rest of its reply: half an answer helps nobody."""
    head = decode_part(work.records[0])
    whole = await load_list(env.redis, work.lane.list, 0, head.count - head.index - 1)
    rest = {record: part for record in whole if (part := decode_part(record)).reply_id == head.reply_id}
    return Burial(
        account_id=head.account_id, records=list(rest), part_ids=tuple(part.part_id for part in rest.values())
    )


SPEC = StageSpec(stage=Stage.OUTBOUND, process=send_part, bury=bury_rest, take=1)


def __getattr__(name: str) -> type:
    """`WorkerSettings` for `arq workers.outbound.WorkerSettings`, made when it is asked for. See `workers/stock.py`."""
    if name != "WorkerSettings":
        raise AttributeError(name)
    from workers.stock import worker_settings

    return worker_settings(SPEC)
