"""What `textgate doctor` looks at, fetched. Reads only; what cannot be had is None.

Redis keys: those of `channels_live.py`, conversation:*, busy, probed:*, data-version. HTTP: the local ingress, and if
asked Twilio's clock.
"""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from cli.channels_gateway import Gateway
from cli.channels_live import LiveFacts, load_live
from cli.readiness import status_of
from shared.data_version import Mark, load_mark
from shared.errors import ConfigError
from shared.keys import PROBE, Keys
from shared.live_workers import load_live_workers
from shared.redis_client import connect
from shared.route_mark import DOCTOR_AGENT
from shared.settings import Account
from workers.agents.load import load_agent
from workers.probe.result import ProbeResult
from workers.probing.stored import load_result

MOST_LANES = 1000
"""Busy lanes whose account is looked up."""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """The Redis server, as far as it tells: a managed one hides some of it."""

    version: str
    is_cluster: bool
    has_aof: bool
    appendfsync: str | None
    maxmemory: int
    maxmemory_policy: str
    skew_ms: int
    """Its clock less ours."""


class Inside(msgspec.Struct, frozen=True, kw_only=True):
    """All that Redis knows."""

    server: Server
    live: LiveFacts
    data: Mark | None
    """The version of what is stored; None: no process of ours was ever here."""
    probe_workers: int
    probes: dict[str, ProbeResult | None]
    """The last result of each account that is switched on."""
    orphans: dict[str, int]
    """Lanes with work of accounts that are removed or switched off."""


class DoctorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything."""

    gateway: Gateway
    now_ms: int
    inside: Inside | None = None
    trouble: str = ""
    """Why Redis could not be asked."""
    ingress_url: str = ""
    agents: Mapping[str, ConfigError | None] = {}
    """Account -> why its agent cannot be loaded here; None: it can."""
    routes: Mapping[str, int | None] = {}
    """Account -> status of a GET on its local webhook; None: nobody answered."""
    twilio_skew_ms: int | None = None
    fresh: Mapping[str, ProbeResult] | None = None
    """Probes that were made for this look; None: not asked."""


async def load_inside(redis: Redis, keys: Keys, gateway: Gateway) -> Inside:
    """Ask Redis. Raises one of `AWAY`, or RedisError."""
    accounts = gateway.settings.accounts
    enabled = gateway.settings.enabled_accounts
    return Inside(
        server=await _server(redis),
        live=await load_live(redis, keys, accounts),
        data=await load_mark(redis, keys),
        probe_workers=len(await load_live_workers(redis, keys, PROBE)),
        probes={account_id: await load_result(redis, keys, account_id) for account_id in enabled},
        orphans=await _orphans(redis, keys, set(enabled)),
    )


def try_agents(gateway: Gateway) -> dict[str, ConfigError | None]:
    """Make the agent of each account that is switched on, as a worker would."""
    return {account.id: _refusal(account) for account in gateway.settings.enabled_accounts.values()}


def _refusal(account: Account) -> ConfigError | None:
    try:
        load_agent(account.backend)
    except ConfigError as error:
        return error
    return None


async def load_routes(gateway: Gateway) -> tuple[str, dict[str, int | None]]:
    """Where the local ingress should be, and what each webhook answers to a GET: 405 if it is there."""
    ingress = gateway.settings.ingress
    host = f"[{ingress.host}]" if ":" in ingress.host else ingress.host
    url = gateway.running.ingress_url if gateway.running else f"http://{host}:{ingress.port}"
    receiving = [account for account in gateway.settings.accounts.values() if account.receives]
    return url, {
        account.id: await status_of(f"{url}{account.webhook_path}", agent=DOCTOR_AGENT) for account in receiving
    }


async def fetch_twilio_skew_ms(api_base: str | None) -> int | None:
    """Twilio's clock (whole seconds) less ours."""
    from email.utils import parsedate_to_datetime

    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(api_base or "https://api.twilio.com", allow_redirects=False) as answer,
        ):
            return round(parsedate_to_datetime(answer.headers["Date"]).timestamp() * 1000 - time.time() * 1000)
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError):
        return None


async def ask_redis(url: str, prefix: str, gateway: Gateway) -> Inside:
    """The same over a connection of its own."""
    redis = connect(url)
    try:
        return await load_inside(redis, Keys(prefix), gateway)
    finally:
        await redis.aclose()


async def _server(redis: Redis) -> Server:
    before_ms = time.time() * 1000
    seconds, micros = await redis.time()
    middle_ms = (before_ms + time.time() * 1000) / 2
    info: dict[str, Any] = await redis.info()
    try:
        config = await redis.config_get("appendfsync")
    except RedisError:  # a managed server, or an ACL
        config = {}
    return Server(
        version=str(info.get("valkey_version") or info.get("redis_version") or "unknown"),
        is_cluster=bool(info.get("cluster_enabled")),
        has_aof=bool(info.get("aof_enabled")),
        appendfsync=config.get("appendfsync"),
        maxmemory=int(info.get("maxmemory", 0)),
        maxmemory_policy=str(info.get("maxmemory_policy", "unknown")),
        skew_ms=round(seconds * 1000 + micros / 1000 - middle_ms),
    )


async def _orphans(redis: Redis, keys: Keys, enabled: set[str]) -> dict[str, int]:
    lanes = await redis.zrange(keys.busy, 0, MOST_LANES - 1)
    counted: dict[str, int] = {}
    for raw in lanes:
        try:
            _, conversation = keys.lane_of_list(raw.decode())
        except ValueError:
            continue
        account: Any = await redis.hget(keys.conversation(conversation), "account")  # type: ignore[misc]
        if account is not None and account.decode() not in enabled:
            counted[account.decode()] = counted.get(account.decode(), 0) + 1
    return counted
