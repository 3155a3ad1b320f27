"""The boundary around every stage: the one place where what went wrong becomes what happens next.

    NotNow               put off; no attempt is counted
    TransientError       counted, put off by the schedule; past its end or its age: dead letter
    OutcomeUnknownError  the same; the stage finds out first
    AccountError         pause the account, put off; everything is kept
    PermanentError       dead letter
    a record that cannot be read  put off, loudly: a newer version wrote it, and one that can read it may come
    anything else        a bug: traceback, dead letter `bug`
    CancelledError       passes: the engine hands the job back

It writes one wide log event per attempt. Redis keys: the lane, paused, dead, dead:*, the format lane for apologies.
"""

import asyncio
import random
import time
import traceback
from collections.abc import Awaitable
from typing import NoReturn, cast

import msgspec
from redis.exceptions import RedisError

from shared.accounts import pause
from shared.dead_letters import bury
from shared.errors import AccountError, NotNow, OutcomeUnknownError, PermanentError, TransientError
from shared.lanes import fail
from shared.logs import logger
from shared.metrics import ATTEMPT_S, ATTEMPTS, BURIED, RETRIES
from shared.records import DeadLetter
from shared.setbacks import Setback, note_put_off, setback_of
from shared.twilio_codes import OPTED_OUT
from workers.engine_jobs import PutOff
from workers.schedule import MAX_CLAIMS, SUSPECT_AFTER, next_wait_s, patience_with
from workers.work import Environment, StageSpec, Work

PAUSED_WAIT_S = 30.0
IN_DOUBT_WAIT_S = 2.0
WORTH_TELLING_S = 5.0
"""From this wait on the reason of a put-off is kept, for `message trace`; sooner nobody could have read it."""
REDIS_AWAY_WAIT_S = 1.0
UNREADABLE_WAIT_S = 30.0

NEWER_VERSION = "a newer version of Textgate wrote it: finish the upgrade, or undo the downgrade"

OPTED_OUT_CODES = ("opted-out", f"twilio-{OPTED_OUT}")

ONLY_PUT_OFF = frozenset({"not_now", "redis_away", "handed_back"})
"""Outcomes of turns that did not get to do their work: how long they took says nothing about it."""

log = logger(__name__)


async def run_guarded(spec: StageSpec, work: Work, env: Environment, rng: random.Random) -> None:
    """Run one attempt. Raises PutOff if the job is to come again; returns when it is finished."""
    started = time.perf_counter()
    try:
        await _attempt(spec, work, env, rng)
    except RedisError as error:
        # Nothing is known to be wrong with the work: it stays in its lane and comes again when Redis is back.
        work.outcome, work.facts["reason"] = "redis_away", f"{type(error).__name__}: {error}"
        raise PutOff(REDIS_AWAY_WAIT_S, counted=False) from error
    except PutOff as order:
        work.facts["again_in_s"] = round(order.delay_s, 3)
        raise
    except asyncio.CancelledError:
        work.outcome = "handed_back"
        raise
    finally:
        duration_s, stage = time.perf_counter() - started, work.stage.value
        ATTEMPTS.inc(stage, work.outcome)
        if work.outcome not in ONLY_PUT_OFF:
            ATTEMPT_S.observe(duration_s, stage)
        log.info(
            "attempt",
            stage=stage,
            outcome=work.outcome,
            conversation=work.conversation,
            turn=work.turn,
            attempt=work.attempt,
            duration_ms=round(duration_s * 1000, 2),
            **work.facts,
        )


async def _attempt(spec: StageSpec, work: Work, env: Environment, rng: random.Random) -> None:
    try:
        await _process(spec, work, env, rng)
    except NotNow as refusal:
        await _put_off(work, env, refusal)
    except OutcomeUnknownError as error:
        work.outcome, work.facts["reason"] = "in_doubt", str(error)
        unknown = TransientError(str(error), code="outcome-unknown")
        await _retry(spec, work, env, unknown, rng, at_least_s=IN_DOUBT_WAIT_S)
    except AccountError as error:
        work.outcome, work.facts["reason"] = "account_paused", str(error)
        await _pause(spec, work, env, error)
        await _note(work, setback_of(str(error), hint=error.hint))
        raise PutOff(PAUSED_WAIT_S, counted=False) from None
    except TransientError as error:
        work.outcome, work.facts["reason"] = "transient", str(error)
        await _retry(spec, work, env, error, rng)
    except PermanentError as error:
        await _bury(spec, work, env, error)
    except RedisError:
        raise
    except msgspec.DecodeError as error:
        work.outcome, work.facts["reason"] = "unreadable", str(error)
        log.error("unreadable_record", stage=work.stage.value, conversation=work.conversation, hint=NEWER_VERSION)
        await _note(work, setback_of("its record cannot be read", hint=NEWER_VERSION))
        raise PutOff(UNREADABLE_WAIT_S, counted=False) from error
    except Exception as error:  # noqa: BLE001 - the boundary: whatever else a stage or an agent raises is a bug, and must not loop
        work.facts["traceback"] = traceback.format_exc()
        bug = PermanentError(
            f"{type(error).__name__}: {error}", code="bug", hint="please report it, with the traceback in the log"
        )
        await _bury(spec, work, env, bug)


async def _process(spec: StageSpec, work: Work, env: Environment, rng: random.Random) -> None:
    """Run the stage; a turn whose workers died several times runs as the only such one of this process.

    A text that kills its worker takes the claims of all its neighbours with it. So a suspect is not convicted by
    claims alone: suspects run one at a time, and those that wait get their claim back.
    """
    if work.attempt <= SUSPECT_AFTER:
        await spec.process(work, env)
        return
    if work.attempt > MAX_CLAIMS[work.stage]:
        raise PermanentError("its worker died each time", code="poison", hint="look for crashes in the worker's log")
    if env.suspect is not None:
        raise NotNow("another suspect runs here", delay_s=1 + rng.random())
    env.suspect = work.conversation
    try:
        await spec.process(work, env)
    finally:
        env.suspect = None


async def _retry(
    spec: StageSpec,
    work: Work,
    env: Environment,
    error: TransientError,
    rng: random.Random,
    *,
    at_least_s: float = 0.0,
) -> None:
    setback = setback_of(str(error), code=error.code)
    failures, age_ms = await work.call(fail(lane=work.lane, stage=work.stage, turn=work.turn, setback=setback))
    if failures == 0:
        work.outcome = "fenced"
        return
    work.facts["failures"] = failures
    wait_s = next_wait_s(
        work.stage,
        failures,
        rng,
        asked_s=max(error.retry_after_s or 0.0, at_least_s),
        age_s=age_ms / 1000,
        patience=patience_with(error.code),
    )
    if wait_s is not None:
        RETRIES.inc(work.stage.value)
        raise PutOff(wait_s, counted=False)
    await _bury(spec, work, env, PermanentError(str(error), code=error.code, hint=_gave_up(failures, age_ms)))


def _gave_up(failures: int, age_ms: int) -> str:
    return f"it failed {failures} times within {max(1, round(age_ms / 60_000))} min; retry it once the cause is gone"


async def _put_off(work: Work, env: Environment, refusal: NotNow) -> NoReturn:
    work.outcome, work.facts["reason"] = "not_now", str(refusal)
    if refusal.forgives:
        await cast("Awaitable[int]", env.redis.hdel(work.lane.state, f"{work.stage.value}:failing_ms"))
    if refusal.delay_s >= WORTH_TELLING_S:
        await _note(work, setback_of(str(refusal)))
    raise PutOff(refusal.delay_s, counted=False) from None


async def _note(work: Work, setback: Setback) -> None:
    await work.call(note_put_off(lane=work.lane, stage=work.stage, turn=work.turn, setback=setback))


async def _pause(spec: StageSpec, work: Work, env: Environment, error: AccountError) -> None:
    account_id = (await spec.bury(work, env)).account_id
    call = pause(keys=env.keys, account_id=account_id, code=error.code, message=str(error), hint=error.hint)
    if await work.call(call):
        log.error("account_paused", account=account_id, code=error.code, reason=str(error), hint=error.hint)


async def _bury(spec: StageSpec, work: Work, env: Environment, error: PermanentError) -> None:
    burial = await spec.bury(work, env)
    letter = DeadLetter(
        letter_id=f"{work.stage.value}-{work.conversation}-{work.turn}",
        stage=work.stage.value,
        account_id=burial.account_id,
        conversation=work.conversation,
        turn=work.turn,
        code=error.code,
        message=str(error),
        hint=error.hint,
        attempts=work.attempt,
        buried_ms=time.time_ns() // 1_000_000,
        records=tuple(burial.records),
    )
    work.facts |= {"letter": letter.letter_id, "code": error.code, "reason": str(error), "hint": error.hint}
    call = bury(keys=env.keys, stage=work.stage, letter=letter, apology=burial.apology, part_ids=burial.part_ids)
    if await work.commit(call) == 0:
        work.outcome = "fenced"
        return
    work.outcome = "dead"
    BURIED.inc(letter.stage, letter.code)
    # Who opts out is in their right: the letter is kept, and wakes nobody.
    tell = log.info if letter.code in OPTED_OUT_CODES else log.error
    tell(
        "dead_letter",
        letter=letter.letter_id,
        stage=letter.stage,
        account=letter.account_id,
        code=letter.code,
        reason=letter.message,
        hint=letter.hint,
        next=f"textgate deadletter show {letter.letter_id}",
    )
