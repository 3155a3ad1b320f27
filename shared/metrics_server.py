"""The metrics of one process on a port of its own: never on the public one, on this machine only unless told otherwise.

Served by threads, so an agent that blocks the event loop is seen as what it is instead of as a process that is gone.
The page has no password: whoever can connect can read how many texts there are, though not whose.
"""

import errno
from collections.abc import Callable, Iterable
from wsgiref.simple_server import WSGIServer

import msgspec
from prometheus_client import GCCollector, PlatformCollector, ProcessCollector, start_http_server
from prometheus_client.registry import CollectorRegistry

from shared.errors import ConfigError
from shared.keys import Keys
from shared.logs import logger
from shared.metric_kinds import REGISTRY
from shared.metrics_at_scrape import AtScrape
from shared.settings import Settings

MOST_PORTS = 100
"""Processes of one machine that count up from one port."""

log = logger(__name__)


class MetricsServer(msgspec.Struct, frozen=True, kw_only=True):
    """Serves until the process ends, or until `close`."""

    url: str
    close: Callable[[], None]


def serve_metrics(settings: Settings, *, role: str, accounts: Callable[[], Iterable[str]]) -> MetricsServer | None:
    """Listen on `metrics.port` or the first free port above it; None if that is not set, or no Redis is.

    Call it in the process that is measured, after any fork. Raises ConfigError if there is nowhere to listen.
    """
    if settings.metrics.port is None or settings.redis.url is None:
        return None
    host = settings.metrics.host
    at_scrape = AtScrape(settings.redis.url.reveal(), Keys(settings.redis.prefix), role=role, accounts=accounts)
    registry = CollectorRegistry()
    for collector in (at_scrape, REGISTRY):
        registry.register(collector)
    for of_process in (ProcessCollector, PlatformCollector, GCCollector):
        of_process(registry=registry)
    port, server = _listen(host, settings.metrics.port, registry)

    def close() -> None:
        server.shutdown()
        server.server_close()
        at_scrape.close()

    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"
    log.info("metrics_listening", url=url)
    return MetricsServer(url=url, close=close)


def _listen(host: str, first: int, registry: CollectorRegistry) -> tuple[int, WSGIServer]:
    for port in range(first, min(first + MOST_PORTS, 65536)):
        try:
            server, _ = start_http_server(port, host, registry)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            found = f"cannot listen on {host}:{port}: {error.strerror}"
            raise ConfigError("metrics", found=found, expected="change metrics.host or metrics.port") from error
        return int(server.server_address[1]), server
    found = f"no free port from {first} on"
    raise ConfigError("metrics.port", found=found, expected=f"one of {MOST_PORTS} in a row must be free")
