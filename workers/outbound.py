"""The outbound stage: send the part at the head of a lane, exactly once as far as that can be known.

Journal first, then the request, then the commit. A crash between any two leaves the part "in doubt", and the next
attempt finds out from Twilio before it does anything else (`reconcile.py`). The states: `lua/dispatch_part.lua`.

Redis keys: the outbound lane and hold, part, sid, paused, optout, optout-trail, pace, account-pace, segments.
"""

import secrets
import time

import msgspec

from shared.elapsed import elapsed_s
from shared.errors import NotNow, PermanentError, TransientError
from shared.fault_points import FaultPoint, reach
from shared.holds import hold_parts
from shared.keys import Stage
from shared.logs import logger
from shared.metrics import ACCEPTED_S, PARTS_SENT, SEGMENTS_SENT
from shared.optout import Cause, change_opt_out, new_change
from shared.outbox import DispatchVerdict, Status, dispatch, release, settle
from shared.records import Origin, Part, decode_part, decode_pause
from shared.redis_client import load_list
from shared.settings import Account
from shared.twilio_codes import MEDIA_CODES, OPTED_OUT
from workers.day_cap import CAPPED_WAIT_S, cap_for
from workers.quiet import window_for
from workers.reconcile import find_sent
from workers.work import Burial, Environment, StageSpec, Work

POST_WITHIN_S = 5.0
"""A worker that was frozen longer than this between its journal entry and its request must not post any more."""

PAUSED_WAIT_S = 30.0
LOOK_AGAIN_S = 3.0

log = logger(__name__)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at one part; `token` fences it in the journal, `started` (`elapsed_s`) bounds it."""

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
    attempt = Attempt(part=part, account=account, token=secrets.token_hex(8), started=elapsed_s())
    verdict, detail = await _dispatch(work, env, attempt)
    if verdict is DispatchVerdict.IN_DOUBT:
        await _reconcile(work, env, attempt, detail)
    else:
        await _follow(work, env, attempt, verdict, detail)


async def _follow(work: Work, env: Environment, attempt: Attempt, verdict: DispatchVerdict, detail: str) -> None:
    match verdict:
        case DispatchVerdict.GO:
            await _post(work, env, attempt, media_refused=detail.partition(" ")[2])
        case DispatchVerdict.IN_DOUBT:
            raise NotNow("another attempt announced it meanwhile", delay_s=LOOK_AGAIN_S)
        case DispatchVerdict.ACCEPTED:
            await _settle(work, env, attempt.part, detail, Status.ACCEPTED)
        case DispatchVerdict.FENCED:
            work.outcome = "fenced"
        case DispatchVerdict.OPTED_OUT:
            raise PermanentError("the recipient has opted out", code="opted-out", hint="they must text START first")
        case DispatchVerdict.TOO_OLD:
            raise PermanentError(
                "the answer comes too late: the text is older than agent.maxReplyAgeSeconds",
                code="too-old",
                hint="drop it, or retry it to send it all the same",
            )
        case DispatchVerdict.QUIET:
            await _hold(work, env, attempt.part, due_ms=int(detail))
        case DispatchVerdict.WAIT | DispatchVerdict.CAPPED | DispatchVerdict.PAUSED:
            raise _not_now(verdict, detail)


def _not_now(verdict: DispatchVerdict, detail: str) -> NotNow:
    match verdict:
        case DispatchVerdict.WAIT:
            return NotNow("the pace of the sender or the account", delay_s=int(detail) / 1000)
        case DispatchVerdict.CAPPED:
            delay_s = min(int(detail) / 1000, CAPPED_WAIT_S)
            return NotNow("the account's segments of the day are used up", delay_s=delay_s)
        case _:
            return NotNow("the account is paused", delay_s=PAUSED_WAIT_S)


async def _dispatch(
    work: Work, env: Environment, attempt: Attempt, looked_for_ms: str = ""
) -> tuple[DispatchVerdict, str]:
    now_ms = time.time_ns() // 1_000_000
    quiet = window_for(attempt.part, attempt.account.quiet_hours, now_ms=now_ms)
    call = dispatch(
        keys=env.keys,
        part=attempt.part,
        turn=work.turn,
        attempt=attempt.token,
        sender=attempt.account.sender_to(attempt.part.to).id,
        segments_per_second=attempt.account.segments_per_second,
        looked_for_ms=looked_for_ms,
        not_after_ms=not_after_ms(attempt.part, attempt.account.agent.max_reply_age_s),
        quiet_ms=None if quiet is None else (quiet.from_ms, quiet.until_ms),
        account_sid=attempt.account.account_sid,
        account_segments_per_second=attempt.account.account_segments_per_second,
        cap=cap_for(attempt.part, attempt.account, now_ms=now_ms),
    )
    verdict, detail = await work.call(call)
    verdict = DispatchVerdict(verdict.decode())
    if verdict is DispatchVerdict.PAUSED:
        work.facts["paused"] = decode_pause(detail).code
        return verdict, ""
    return verdict, detail.decode()


async def _post(work: Work, env: Environment, attempt: Attempt, *, media_refused: str) -> None:
    part = attempt.part
    reach(FaultPoint.AFTER_JOURNAL, work.conversation)
    if env.twilio is None:
        raise RuntimeError("this worker was started without a Twilio client")
    try:
        if elapsed_s() - attempt.started > POST_WITHIN_S:
            raise NotNow("woke up too late to post", delay_s=0)
        sent = await env.twilio.send(
            attempt.account, msgspec.structs.replace(part, media=()) if media_refused else part
        )
    except (PermanentError, TransientError, NotNow) as error:
        # Certainly not with Twilio: nobody needs to look for it.
        refusal = "" if media_refused else refusal_of_media(error, part)
        await work.call(release(keys=env.keys, part_id=part.part_id, attempt=attempt.token, media_refused=refusal))
        if refusal:
            log.warning("media_refused", account=part.account_id, part=part.part_id, code=refusal, reason=str(error))
            raise NotNow("Twilio refused the media: the words go without them", delay_s=0) from error
        if isinstance(error, PermanentError) and error.code == f"twilio-{OPTED_OUT}":
            change = new_change(part.to, out=True, cause=Cause.TWILIO)
            await work.call(change_opt_out(keys=env.keys, account_id=part.account_id, change=change))
        raise
    reach(FaultPoint.AFTER_ANSWER, work.conversation)
    if part.received_ms is not None:
        work.facts["latency_ms"] = time.time_ns() // 1_000_000 - part.received_ms
    await _settle(work, env, part, sent.sid, sent.status)


def not_after_ms(part: Part, max_reply_age_s: float | None) -> int | None:
    """When this part is too old to be sent, None if it never is. Only what answers a text ages, and an answer that has
    begun is brought to its end."""
    answers = part.origin in (Origin.AGENT, Origin.APOLOGY) and part.received_ms is not None and part.index == 0
    if not answers or max_reply_age_s is None:
        return None
    return (part.received_ms or 0) + int(max_reply_age_s * 1000)


def refusal_of_media(error: Exception, part: Part) -> str:
    """The code of a refusal that struck the media and not the words; empty if it did not, or if there are no words."""
    code = error.code if isinstance(error, PermanentError) else ""
    names_media = code.removeprefix("twilio-") in {str(each) for each in MEDIA_CODES}
    return code if part.media and part.body.strip() and names_media else ""


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
    again = msgspec.structs.replace(attempt, started=elapsed_s())
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
    work.outcome = "sent" if said == 1 else "fenced"
    if work.outcome == "sent":
        _count_sent(part)


def _count_sent(part: Part) -> None:
    PARTS_SENT.inc(part.account_id)
    SEGMENTS_SENT.inc(part.account_id, by=part.segments)
    if part.received_ms is not None and part.index == 0:
        ACCEPTED_S.observe(max(time.time_ns() // 1_000_000 - part.received_ms, 0) / 1000)


async def _hold(work: Work, env: Environment, part: Part, *, due_ms: int) -> None:
    rest = await _rest_of_reply(work, env)
    call = hold_parts(keys=env.keys, part=part, turn=work.turn, count=len(rest), due_ms=due_ms)
    work.outcome = ("held" if due_ms else "gave_way") if await work.commit(call) else "fenced"
    if due_ms:
        work.facts["due_ms"] = due_ms


async def _rest_of_reply(work: Work, env: Environment) -> dict[bytes, Part]:
    """The part at the head of the lane and those of its reply that follow, with their records."""
    head = decode_part(work.records[0])
    whole = await load_list(env.redis, work.lane.list, 0, head.count - head.index - 1)
    return {record: part for record in whole if (part := decode_part(record)).reply_id == head.reply_id}


async def bury_rest(work: Work, env: Environment) -> Burial:
    """Give up the part and, with it, the rest of its reply: half an answer helps nobody."""
    rest = await _rest_of_reply(work, env)
    return Burial(
        account_id=decode_part(work.records[0]).account_id,
        records=list(rest),
        part_ids=tuple(part.part_id for part in rest.values()),
    )


SPEC = StageSpec(stage=Stage.OUTBOUND, process=send_part, bury=bury_rest, take=1)


def __getattr__(name: str) -> type:
    """`WorkerSettings` for `arq workers.outbound.WorkerSettings`, made when it is asked for. See `workers/stock.py`."""
    if name != "WorkerSettings":
        raise AttributeError(name)
    from workers.stock import worker_settings

    return worker_settings(SPEC)
