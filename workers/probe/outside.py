"""Looks at our own public address as Twilio would: an unsigned POST to the webhook, and GET /healthz beside it.

Only the configured URL is asked, no redirect is followed, no proxy of the environment is used, and the answer's body is
not read. An address that is not public is not asked at all, so that a URL in a configuration cannot make the gateway
call into a private network; the one exception is loopback, while Twilio itself is a stand-in on this machine.
"""

import asyncio
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from yarl import URL

from shared.config_rules import is_loopback_url
from shared.route_mark import PROBE_AGENT, ROUTE_HEADER
from workers.probe.facts import Cause, Known, Missing, OutsideAnswer, OutsideFact
from workers.public_addresses import PrivateAddressError, PublicResolver, is_public, leads_inside

LIMIT_S = 8.0
"""For one request; Twilio itself gives up after 15 s."""


async def look_from_outside(signed_url: str, *, sandboxed: bool, limit_s: float = LIMIT_S) -> OutsideFact:
    """What the configured public URL (without fragment) answers. `sandboxed`: Twilio is a stand-in on this machine."""
    loopback = is_loopback_url(signed_url)
    if (loopback and not sandboxed) or (not loopback and _is_private_literal(signed_url)):
        return _private()
    connector = aiohttp.TCPConnector() if loopback else aiohttp.TCPConnector(resolver=PublicResolver())
    timeout = aiohttp.ClientTimeout(total=limit_s)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar, trust_env=False) as session:
        (webhook, trouble), (health, _) = await asyncio.gather(
            _ask(session, "POST", signed_url), _ask(session, "GET", health_url(signed_url))
        )
    return OutsideFact(webhook=webhook, health=health, trouble=trouble)


def health_url(url: str) -> str:
    """`/healthz` on the host of this URL."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "/healthz", "", ""))


async def _ask(session: aiohttp.ClientSession, method: str, url: str) -> tuple[Known[OutsideAnswer], str]:
    """The answer and no trouble, or what was in the way."""
    options: dict[str, Any] = {"data": b""} if method == "POST" else {}
    headers = {"User-Agent": PROBE_AGENT, "Content-Type": "application/x-www-form-urlencoded"}
    try:
        async with session.request(
            method, URL(url, encoded=True), headers=headers, allow_redirects=False, **options
        ) as answer:
            mark = answer.headers.get(ROUTE_HEADER, "")
            to = _scheme_and_host(answer.headers.get("Location", ""))
            shown = OutsideAnswer(status=answer.status, is_ours=bool(mark), mark=mark[:20], location=to)
            return shown, ""
    except PrivateAddressError:
        return _missing("it leads to an address that is not public"), "private"
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        trouble = _trouble(error)
        return _missing(f"{type(error).__name__}"), trouble


def _trouble(error: BaseException) -> str:
    if leads_inside(error):
        return "private"
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return "tls"
        case aiohttp.ClientConnectorError():
            return "connect"
        case TimeoutError():
            return "timeout"
        case _:
            return "broken"


def _missing(words: str) -> Missing:
    return Missing(cause=Cause.UNREACHABLE, words=words)


def _private() -> OutsideFact:
    missing = Missing(cause=Cause.NOT_ASKED, words="it leads to an address that is not public")
    return OutsideFact(webhook=missing, health=missing, trouble="private")


def _is_private_literal(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


def _scheme_and_host(location: str) -> str:
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""
