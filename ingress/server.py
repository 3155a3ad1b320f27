"""One ingress process: uvicorn around the app, stopped cleanly by SIGTERM or Ctrl-C."""

import uvicorn

from ingress.app import create_app
from shared.errors import ConfigError
from shared.logs import logger, set_up_logs
from shared.redis_client import connect
from shared.settings import Settings

GRACE_S = 10
"""Requests under way at SIGTERM may finish within this time."""


def run(settings: Settings) -> None:
    """Serve until told to stop. Raises ConfigError if no Redis is configured."""
    if settings.redis.url is None:
        raise ConfigError("redis.url", found="not set", expected="set it or TEXTGATE_REDIS_URL, or use `textgate up`")
    set_up_logs("ingress")
    log = logger(__name__)
    for account in settings.accounts.values():
        if account.receives:
            log.info(f"SMS webhook route {account.webhook_path} -> account {account.id}")
    for warning in settings.warnings:
        log.warning(warning)
    uvicorn.run(
        create_app(settings, connect(settings.redis.url.reveal())),
        host=settings.ingress.host,
        port=settings.ingress.port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=16 * 1024,
    )
