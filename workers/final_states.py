"""Asking Twilio how a text ended when no callback has told it: lost callbacks must not leave a text `sent` for ever.

Every outbound worker hosts this beside its turns. It rests until the first part is due, takes a few, asks for one after
the other and rests again; so a thousand lost callbacks cost a trickle of requests. A part is asked for at
`workers.outbound.finalStateAfterSeconds` after its acceptance, then each time it is twice as old, and a last time after
a day. A failure that it learns of is marked like one that a callback tells: nothing is sent again.

Redis keys: awaiting, part, sid, paused.
"""

import asyncio
import random
import time
from typing import Any

from shared.accounts import load_pause
from shared.aftermath import aftermath_of
from shared.awaiting import Awaited, forget, load_awaited, next_look_ms, put_off, take, taken_of
from shared.cancellation import pass_cancellation
from shared.delivery import record_status, recorded_of
from shared.errors import OutcomeUnknownError, PermanentError, TransientError
from shared.logs import logger
from shared.metrics import DELIVERIES
from shared.outbox import FINAL
from shared.round_trip import execute
from shared.scripts import Call
from shared.settings import Account
from shared.twilio_codes import CODES
from workers.engine_redis import TROUBLE
from workers.messages_api import MessageEnd
from workers.work import Environment

MOST_AT_ONCE = 20
"""Parts of one run, asked for one after the other: at most one of Twilio's concurrent requests per worker."""
REST_S = 1.0
"""Between two runs while more is due."""
LONGEST_REST_S = 60.0
"""A changed setting is noticed after that long."""
TROUBLE_WAIT_S = 60.0
"""After a request that failed: nothing was learnt, and nothing more is asked for that account in this run."""
FAILED_WAIT_S = 3600.0
"""After a bug of ours: the other parts are asked for meanwhile, and tracebacks do not fill the log."""

log = logger(__name__)


class FinalStates:
    """Asks for one worker process. Use inside its event loop."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._rng = random.Random()  # noqa: S311 - jitter, so that the workers of a deployment do not ask together

    async def run(self) -> None:
        """Ask until cancelled. A Redis that is away is left to the engine's loop, which waits and tells.

        Nobody starts it again, so nothing but a cancellation ends it.
        """
        while True:
            rest_s = LONGEST_REST_S
            if self._first_s > 0:
                try:
                    rest_s = await self.run_once()
                except TROUBLE as error:
                    log.info("final_states_not_asked", reason=f"{type(error).__name__}: {error}")
                except Exception:
                    log.exception("final_states_failed")
                pass_cancellation()
            await asyncio.sleep(rest_s * self._rng.uniform(1, 1.1))

    async def run_once(self) -> float:
        """Ask for the parts that are due, a few at most; seconds until it is worth looking again. Raises RedisError."""
        workers = self._env.settings.workers
        lease_s = workers.lease_s + workers.outbound.request_timeout_s
        until = time.monotonic() + workers.lease_s
        taken = taken_of(await self._call(take(keys=self._env.keys, most=MOST_AT_ONCE, lease_ms=int(lease_s * 1000))))
        skipped: set[str] = set()
        for part_id in taken.part_ids:
            pass_cancellation()
            if time.monotonic() > until:
                break  # another worker takes the rest when the lease is over
            try:
                await self._look_after(part_id, taken.now_ms, skipped)
            except TROUBLE:
                raise
            except Exception:  # it must not keep the parts behind it from being asked for, run after run
                log.exception("final_state_failed", part=part_id)
                due_ms = taken.now_ms + int(FAILED_WAIT_S * 1000)
                await put_off(self._env.redis, self._env.keys, part_id, due_ms)
        if len(taken.part_ids) == MOST_AT_ONCE:
            return REST_S
        # Whatever is settled from now on is due no earlier than `first_s` from now.
        rests = [self._first_s, LONGEST_REST_S]
        if taken.next_due_ms is not None:
            rests.append((taken.next_due_ms - taken.now_ms) / 1000)
        return max(min(rests), REST_S / 10)

    @property
    def _first_s(self) -> float:
        return self._env.settings.workers.outbound.final_state_after_s

    async def _look_after(self, part_id: str, now_ms: int, skipped: set[str]) -> None:
        redis, keys = self._env.redis, self._env.keys
        part = await load_awaited(redis, keys, part_id)
        if part is None:
            await forget(redis, keys, part_id)
            return
        if part.account_id in skipped:
            return  # its lease brings it back
        account = self._env.settings.accounts.get(part.account_id)
        paused = await load_pause(redis, keys, part.account_id) is not None
        if account is not None and account.enabled and not paused:
            if await self._ask(account, part, skipped):
                return
            if part.account_id in skipped:
                await put_off(redis, keys, part_id, now_ms + int(TROUBLE_WAIT_S * 1000))
                return
        await self._put_off(part, now_ms)

    async def _put_off(self, part: Awaited, now_ms: int) -> None:
        due_ms = next_look_ms(accepted_ms=part.accepted_ms, now_ms=now_ms, first_ms=int(self._first_s * 1000))
        if due_ms is not None:
            await put_off(self._env.redis, self._env.keys, part.part_id, due_ms)
            return
        log.warning("final_state_unknown", account=part.account_id, part=part.part_id, message_sid=part.sid)
        await forget(self._env.redis, self._env.keys, part.part_id)

    async def _ask(self, account: Account, part: Awaited, skipped: set[str]) -> bool:
        """Ask Twilio; true if there is nothing more to ask for this part."""
        if self._env.twilio is None:
            raise RuntimeError("this worker was started without a Twilio client")
        try:
            end = await self._env.twilio.fetch(account, part.sid)
        except (TransientError, OutcomeUnknownError, PermanentError) as error:
            log.warning("final_state_not_told", account=account.id, message_sid=part.sid, reason=str(error))
            skipped.add(account.id)
            return False
        if end is None:
            log.warning("final_state_unknown", account=account.id, part=part.part_id, message_sid=part.sid)
            await forget(self._env.redis, self._env.keys, part.part_id)
            return True
        await self._record(account, part, end)
        return end.status in FINAL

    async def _record(self, account: Account, part: Awaited, end: MessageEnd) -> None:
        code = "" if end.error_code is None else str(end.error_code)
        call = record_status(
            keys=self._env.keys,
            part_id=part.part_id,
            sid=part.sid,
            status=end.status,
            error_code=code,
            account_id=account.id,
            aftermath=aftermath_of(end.error_code, to=end.to or ""),
        )
        recorded = recorded_of(await self._call(call))
        outcome = recorded.outcome
        if outcome == "recorded":
            DELIVERIES.inc(account.id, end.status.value)
        facts = {"account": account.id, "message_sid": part.sid, "part": part.part_id, "status": end.status.value}
        log.info("delivery_status", **facts, outcome=outcome, asked=True, **({"code": code} if code else {}))
        info = CODES.get(end.error_code or 0)
        if end.error_code is None or info is None or outcome != "recorded":
            return
        log.warning("delivery_failed", account=account.id, code=code, meaning=info.meaning, hint=info.hint)
        if recorded.paused:
            log.error("account_paused", account=account.id, code=code, reason=info.meaning, hint=info.hint)

    async def _call(self, call: Call) -> Any:
        (reply,) = await execute(self._env.redis, [call])
        if isinstance(reply, Exception):
            raise reply
        return reply
