"""Probes one account: fetches, compares, plans. The one entrance for the command line, workers and consoles.

Redis keys: reads seen:<account>:<sid>, dead, dead:<id>; writes none. At Twilio it reads only.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec
from redis.asyncio import Redis

from shared.keys import Keys
from shared.settings import Account, Settings
from workers.probe.ask import Asker, Fetcher
from workers.probe.compare import compare
from workers.probe.facts import NOT_ASKED, Facts, Known, LogFact, Missing, OutsideFact
from workers.probe.fetch import DAY_S, fetch_facts, with_arrivals
from workers.probe.finding import decide_verdict
from workers.probe.local import load_geo_refusals, load_not_arrived
from workers.probe.outside import LIMIT_S, look_from_outside
from workers.probe.repair import plan_changes
from workers.probe.result import ProbeResult
from workers.probe.route import Expectation

if TYPE_CHECKING:
    from workers.twilio_client import TwilioApi


class ProbeContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe needs besides Twilio and the account."""

    settings: Settings
    redis: Redis | None = None
    """None: what only Redis knows is left out."""
    timeout_s: float | None = None
    """For the whole probe; None: `workers.probe.timeoutSeconds`."""
    ingress_port: int | None = None
    """Where the local ingress listens; None: `ingress.port`. For hints only."""

    @property
    def limit_s(self) -> float:
        """Seconds that the probe may take."""
        return self.settings.workers.probe.timeout_s if self.timeout_s is None else self.timeout_s

    def expectation(self, account: Account) -> Expectation:
        """What the facts about this account are compared with."""
        return Expectation(
            account=account,
            ingress_port=self.ingress_port or self.settings.ingress.port,
            sandboxed=self.settings.twilio_api_base is not None,
            low_balance=self.settings.workers.probe.low_balance,
        )


@contextlib.asynccontextmanager
async def opened_twilio(settings: Settings) -> "AsyncIterator[TwilioApi]":
    """A client of Twilio's API for any number of probes. Loads the SDK (a second), so only when it is needed."""
    from workers.twilio_client import TwilioApi

    twilio = TwilioApi(settings.twilio_api_base, timeout_s=settings.workers.probe.timeout_s)
    try:
        yield twilio
    finally:
        await twilio.close()


async def probe_account(twilio: Asker, account: Account, context: ProbeContext) -> ProbeResult:
    """Everything about one account within `context.limit_s`. Raises nothing for what Twilio, Redis or the net do."""
    start = time.monotonic()
    facts = await gather_facts(twilio, account, context)
    want = context.expectation(account)
    findings = compare(facts, want)
    return ProbeResult(
        account_id=account.id,
        verdict=decide_verdict(findings),
        findings=findings,
        changes=plan_changes(facts, want),
        probed_ms=int(facts.now_s * 1000),
        duration_ms=round((time.monotonic() - start) * 1000),
    )


async def gather_facts(twilio: Asker, account: Account, context: ProbeContext) -> Facts:
    """The facts from Twilio, from outside and from Redis, at the same time as far as they allow."""
    now_s, keys = time.time(), Keys(context.settings.redis.prefix)
    fetcher = Fetcher(twilio, account, deadline=asyncio.get_running_loop().time() + context.limit_s)
    facts, outside, geo = await asyncio.gather(
        fetch_facts(fetcher, now_s=now_s),
        _outside(account, context),
        load_geo_refusals(context.redis, keys, account.id, since_s=now_s - DAY_S),
    )
    log: Known[LogFact] = facts.log
    if not isinstance(log, Missing):
        sids = [text.sid for text in log.inbound]
        log = with_arrivals(log, await load_not_arrived(context.redis, keys, account.id, sids))
    return msgspec.structs.replace(facts, outside=outside, geo_refusals=geo, log=log)


async def _outside(account: Account, context: ProbeContext) -> Known[OutsideFact]:
    if account.signed_url is None:
        return NOT_ASKED
    sandboxed = context.settings.twilio_api_base is not None
    return await look_from_outside(account.signed_url, sandboxed=sandboxed, limit_s=min(LIMIT_S, context.limit_s))
