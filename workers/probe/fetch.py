"""Fetches the facts of one account from Twilio, each by itself and within one time limit. Reads only.

HTTP: Accounts, Balance, IncomingPhoneNumbers, Applications, Messages (`api.`), Services (`messaging.`), Alerts
(`monitor.twilio.com`). What cannot be had is `Missing` and stops nothing else.
Sources: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource, twilio.com/docs/messaging/api/service-resource,
twilio.com/docs/usage/monitor-alert, twilio.com/docs/usage/api/user-balance.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.settings import Account
from workers.probe.ask import Fetcher
from workers.probe.facts import (
    NOT_ASKED,
    AccountFact,
    AlertFact,
    ApplicationFact,
    BalanceFact,
    Facts,
    Hook,
    Known,
    LogFact,
    LoggedText,
    Missing,
    NumberFact,
    PlaceFact,
)
from workers.probe.fetch_service import fetch_service

DAY_S = 24 * 3600
MOST_TEXTS = 100
"""Inbound texts of the log that are looked at."""
MOST_ALERTS = 1000
MOST_ACCOUNTS = 20
"""Subaccounts that are searched for a number."""


async def fetch_facts(fetcher: Fetcher, *, now_s: float) -> Facts:
    """All that Twilio tells; what is known here and from outside is added by the caller."""
    numbers = asyncio.create_task(_numbers(fetcher))
    service = asyncio.create_task(fetch_service(fetcher, numbers))
    account, balance, alerts, log = await asyncio.gather(
        fetcher.ask(lambda client: _account(client, fetcher.account.account_sid)),
        fetcher.ask(_balance),
        fetcher.ask(lambda client: _alerts(client, now_s - DAY_S)),
        fetcher.ask(lambda client: _log(client, fetcher.account, now_s - DAY_S)),
    )
    found, holder = await numbers, await service
    if fetcher.account.from_number is None and not isinstance(holder, Missing) and holder is not None:
        pool = holder.pool
        found = found if isinstance(found, Missing) else tuple(each for each in found if each.sid in pool)
    return Facts(
        account=account,
        balance=balance,
        numbers=found,
        elsewhere=await _elsewhere(fetcher) if found == () and fetcher.account.from_number else NOT_ASKED,
        service=holder,
        applications=await _applications(fetcher, found),
        log=log,
        alerts=alerts,
        now_s=now_s,
    )


async def _account(client: Any, account_sid: str) -> AccountFact:
    account = await client.api.accounts(account_sid).fetch_async()  # its auth_token is left alone
    return AccountFact(sid=str(account.sid), kind=str(account.type), status=str(account.status))


async def _balance(client: Any) -> BalanceFact:
    balance = await client.balance.fetch_async()
    return BalanceFact(amount=float(balance.balance), currency=str(balance.currency))


async def _numbers(fetcher: Fetcher) -> Known[tuple[NumberFact, ...]]:
    """Our number, or for a service every number of the account: its pool is picked from them."""
    ours = fetcher.account.from_number
    if ours:
        return await fetcher.ask(lambda client: _list_numbers(client, phone_number=ours, limit=20))
    return await fetcher.ask(lambda client: _list_numbers(client, limit=1000, page_size=1000))


async def _list_numbers(client: Any, **options: Any) -> tuple[NumberFact, ...]:
    return tuple(number_fact(each) for each in await client.incoming_phone_numbers.list_async(**options))


def number_fact(number: Any) -> NumberFact:
    """The SDK's number as a value."""
    capabilities = number.capabilities or {}
    return NumberFact(
        sid=str(number.sid),
        number=str(number.phone_number),
        account_sid=str(number.account_sid),
        hook=sms_hook(number),
        application_sid=str(number.sms_application_sid or ""),
        can_sms=bool(capabilities.get("sms")),
        can_mms=bool(capabilities.get("mms")),
    )


def sms_hook(resource: Any) -> Hook:
    """The webhook of a number or an application."""
    return Hook(
        url=str(resource.sms_url or ""),
        method=str(resource.sms_method or ""),
        fallback_url=str(resource.sms_fallback_url or ""),
    )


async def _elsewhere(fetcher: Fetcher) -> Known[tuple[PlaceFact, ...]]:
    """Which other accounts in reach hold our number: the subaccounts, if these are a parent's credentials."""
    number, own = fetcher.account.from_number, fetcher.account.account_sid

    async def look(client: Any) -> tuple[PlaceFact, ...]:
        found = []
        for other in await client.api.accounts.list_async(limit=MOST_ACCOUNTS):
            if other.sid == own:
                continue
            if await client.api.accounts(other.sid).incoming_phone_numbers.list_async(phone_number=number, limit=1):
                found.append(PlaceFact(account_sid=str(other.sid), name=str(other.friendly_name or "")))
        return tuple(found)

    return await fetcher.ask(look)


async def _applications(fetcher: Fetcher, numbers: Known[tuple[NumberFact, ...]]) -> dict[str, Known[ApplicationFact]]:
    if isinstance(numbers, Missing):
        return {}
    sids = sorted({number.application_sid for number in numbers if number.application_sid})

    def question(sid: str) -> Callable[[Any], Awaitable[ApplicationFact]]:
        return lambda client: _application(client, sid)

    answers = await asyncio.gather(*(fetcher.ask(question(sid)) for sid in sids))
    return dict(zip(sids, answers, strict=True))


async def _application(client: Any, sid: str) -> ApplicationFact:
    application = await client.applications(sid).fetch_async()
    return ApplicationFact(sid=sid, name=str(application.friendly_name or ""), hook=sms_hook(application))


async def _alerts(client: Any, since_s: float) -> tuple[AlertFact, ...]:
    """Counted by code and address; what was said in them is not looked at."""
    counts: Counter[tuple[int, str]] = Counter()
    newest: dict[tuple[int, str], float] = {}
    since = datetime.fromtimestamp(since_s, UTC)
    for alert in await client.monitor.v1.alerts.list_async(start_date=since, limit=MOST_ALERTS, page_size=MOST_ALERTS):
        if not str(alert.error_code or "").isdigit():
            continue
        key = (int(alert.error_code), bare(str(alert.request_url or "")))
        counts[key] += 1
        at_s = alert.date_generated.timestamp() if alert.date_generated else since_s
        newest[key] = max(newest.get(key, at_s), at_s)
    return tuple(
        AlertFact(code=code, url=url, count=count, newest_s=newest[code, url]) for (code, url), count in counts.items()
    )


def bare(url: str) -> str:
    """A URL without query and fragment: alerts carry what a request added, which may hold a person's number."""
    return url.partition("#")[0].partition("?")[0]


async def _log(client: Any, account: Account, since_s: float) -> LogFact:
    """The newest inbound texts to us. Only SIDs and times are kept."""
    only = {"to": account.from_number} if account.from_number else {}
    found = []
    for message in await client.messages.list_async(limit=MOST_TEXTS, page_size=MOST_TEXTS, **only):
        is_ours = account.from_number or message.messaging_service_sid == account.messaging_service_sid
        created_s = message.date_created.timestamp() if message.date_created else 0.0
        if str(message.direction) == "inbound" and is_ours and created_s >= since_s:
            found.append(LoggedText(sid=str(message.sid), created_s=created_s))
    return LogFact(inbound=tuple(found), not_arrived=NOT_ASKED)


def with_arrivals(log: Known[LogFact], not_arrived: Known[frozenset[str]]) -> Known[LogFact]:
    """The log, with what is known here about it."""
    return log if isinstance(log, Missing) else msgspec.structs.replace(log, not_arrived=not_arrived)
