"""The metrics' own port: how a process finds it, and what it says while Redis is away."""

import asyncio
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cli.embedded_redis import EmbeddedRedis
from cli.ports import free_ports
from shared.accounts import pause
from shared.errors import ConfigError
from shared.keys import Keys, Stage
from shared.lanes import append
from shared.metrics_server import serve_metrics
from shared.round_trip import execute
from shared.secrets import Secret
from shared.settings import RedisSettings, Settings
from shared.settings_sections import MetricsSection
from tests.conftest import PREFIX
from tests.scrape import Page, parse


def settings(port: int | None, url: str, host: str = "127.0.0.1") -> Settings:
    redis = RedisSettings(url=Secret(url), prefix=PREFIX)
    return Settings(redis=redis, metrics=MetricsSection(host=host, port=port), state_dir=Path("/nowhere"))


@contextmanager
def served(port: int, url: str, *accounts: str) -> Iterator[str]:
    server = serve_metrics(settings(port, url), role="ingress", accounts=lambda: accounts)
    assert server is not None
    try:
        yield server.url
    finally:
        server.close()


async def scraped(url: str) -> Page:
    def fetch() -> str:
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own server
            return str(answer.read().decode())

    return parse(await asyncio.to_thread(fetch))


def test_without_a_port_there_are_no_metrics(redis_url: str) -> None:
    assert serve_metrics(settings(None, redis_url), role="ingress", accounts=list) is None


def test_the_next_process_takes_the_next_free_port(redis_url: str) -> None:
    (first,) = free_ports(1)
    with ExitStack() as stack:
        urls = [stack.enter_context(served(first, redis_url)) for _ in range(3)]
    ports = [int(url.removeprefix("http://127.0.0.1:").removesuffix("/metrics")) for url in urls]
    assert ports[0] == first
    assert ports == sorted(set(ports))


def test_an_address_of_another_machine_is_a_configuration_error(redis_url: str) -> None:
    with pytest.raises(ConfigError, match=r"^metrics: cannot listen on 192\.0\.2\.1"):
        serve_metrics(settings(0, redis_url, host="192.0.2.1"), role="ingress", accounts=list)


async def test_queues_lanes_and_accounts_are_as_redis_has_them(redis: Redis, keys: Keys, redis_url: str) -> None:
    for conversation in ("one", "two"):
        lane = keys.lane(Stage.AGENT, conversation)
        await execute(redis, [append(lane=lane, stage=Stage.AGENT, records=(b"x",))])
    await execute(redis, [pause(keys=keys, account_id="shop", code="by-hand", message="", hint="")])
    await redis.zadd(keys.queue(Stage.AGENT), {"overdue": 1.0})
    await redis.zadd(keys.queue(Stage.AGENT), {"later": 9e12})
    await redis.set(keys.probe_result("shop"), b'{"verdict": "bad", "probed_ms": 1, "findings": []}', ex=60)
    await redis.set(keys.probe_result("default"), b"not to be read", ex=60)
    with served(0, redis_url, "default", "shop", "third") as url:
        page = await scraped(url)
    assert page.value("textgate_redis_up") == 1
    assert page.value("textgate_busy_lanes") == 2
    assert page.value("textgate_queue_jobs", stage="agent", state="due") == 3
    assert page.value("textgate_queue_jobs", stage="agent", state="later") == 1
    assert page.value("textgate_queue_jobs", stage="format", state="due") == 0
    assert page.value("textgate_queue_oldest_age_seconds", stage="agent") > 1e9
    assert page.value("textgate_queue_oldest_age_seconds", stage="format") == 0
    paused = [page.value("textgate_account_paused", account=a) for a in ("default", "shop")]
    assert paused == [0, 1]
    assert page.value("textgate_probe_verdict", account="shop", verdict="bad") == 1
    assert page.value("textgate_probe_verdict", account="default", verdict="unknown") == 1
    assert page.labels("textgate_probe_verdict", "account") == {"default", "shop"}, "none was stored for the third"
    assert page.value("textgate_build_info") == 1


async def test_a_redis_that_is_away_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        url_of_redis = server.url
    with served(0, url_of_redis, "default") as url:
        page = await scraped(url)
    assert page.value("textgate_redis_up") == 0
    assert "textgate_busy_lanes" not in page.names, "an old number would be a lie"
    assert "textgate_redis_round_trip_seconds" in page.names
