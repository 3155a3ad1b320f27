"""Fetches the Messaging Service that decides where an account's texts go, and its registration for the US.

Which service holds a number cannot be asked directly, so the account's services are asked one by one, a few at a time.
Sources: twilio.com/docs/messaging/api/services-phonenumber-resource,
twilio.com/docs/messaging/api/usapptoperson-resource.
"""

import asyncio
from typing import Any

from workers.probe.ask import Fetcher
from workers.probe.facts import NOT_ASKED, Cause, Hook, Known, Missing, NumberFact, ServiceFact
from workers.probe.numbers import needs_a2p

MOST_SERVICES = 40
"""Services that are asked whether they hold our number."""
AT_ONCE = 5
MOST_POOL = 1000


async def fetch_service(
    fetcher: Fetcher, numbers: asyncio.Task[Known[tuple[NumberFact, ...]]]
) -> Known[ServiceFact | None]:
    """The configured service, else the one that our number sits in; None: in none."""
    account = fetcher.account
    if not account.from_number:
        sid = account.messaging_service_sid
        return await _load(fetcher, sid, with_campaigns=True) if sid else None
    found = await numbers
    if isinstance(found, Missing):
        return found
    if not found:
        return NOT_ASKED
    sid_or_missing = await _holder_of(fetcher, found[0].sid)
    if sid_or_missing is None or isinstance(sid_or_missing, Missing):
        return sid_or_missing
    return await _load(fetcher, sid_or_missing, with_campaigns=needs_a2p(account.from_number))


async def _load(fetcher: Fetcher, sid: str, *, with_campaigns: bool) -> Known[ServiceFact | None]:
    service, pool, campaigns = await asyncio.gather(
        fetcher.ask(lambda client: client.messaging.v1.services(sid).fetch_async()),
        fetcher.ask(lambda client: _pool(client, sid)),
        fetcher.ask(lambda client: _campaigns(client, sid)) if with_campaigns else _not_asked(),
    )
    if isinstance(service, Missing):
        return service
    if isinstance(pool, Missing):
        return pool
    return ServiceFact(
        sid=sid,
        name=str(service.friendly_name or ""),
        hook=service_hook(service),
        defers_to_number=bool(service.use_inbound_webhook_on_number),
        pool=pool,
        campaigns=campaigns,
    )


def service_hook(service: Any) -> Hook:
    """The webhook of a Messaging Service."""
    return Hook(
        url=str(service.inbound_request_url or ""),
        method=str(service.inbound_method or ""),
        fallback_url=str(service.fallback_url or ""),
    )


async def _pool(client: Any, sid: str) -> frozenset[str]:
    listed = await client.messaging.v1.services(sid).phone_numbers.list_async(limit=MOST_POOL, page_size=MOST_POOL)
    return frozenset(str(each.sid) for each in listed)


async def _campaigns(client: Any, sid: str) -> tuple[str, ...]:
    listed = await client.messaging.v1.services(sid).us_app_to_person.list_async(limit=20)
    return tuple(str(each.campaign_status or "") for each in listed)


async def _not_asked() -> Missing:
    return NOT_ASKED


async def _holder_of(fetcher: Fetcher, number_sid: str) -> Known[str | None]:
    services = await fetcher.ask(lambda client: client.messaging.v1.services.list_async(limit=MOST_SERVICES + 1))
    if isinstance(services, Missing):
        return services
    gate = asyncio.Semaphore(AT_ONCE)

    async def holds(sid: str) -> Known[bool]:
        async with gate:
            answer = await fetcher.ask(
                lambda client: client.messaging.v1.services(sid).phone_numbers(number_sid).fetch_async()
            )
        if isinstance(answer, Missing):
            return False if answer.cause is Cause.NOT_FOUND else answer
        return True

    sids = [str(service.sid) for service in services[:MOST_SERVICES]]
    answers = await asyncio.gather(*(holds(sid) for sid in sids))
    for sid, answer in zip(sids, answers, strict=True):
        if answer is True:
            return sid
    missing = next((answer for answer in answers if isinstance(answer, Missing)), None)
    if missing is None and len(services) > MOST_SERVICES:
        return Missing(cause=Cause.REFUSED, words=f"the account has more than {MOST_SERVICES} Messaging Services")
    return missing
