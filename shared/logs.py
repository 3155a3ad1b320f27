"""Logs: structlog for us, and the standard library's loggers (arq, uvicorn) through the same pipe.

One wide event per outcome. JSON when the output is not a terminal, readable lines when it is. Numbers are masked
wherever they stand, as a second line of defence: no event should carry one. Bodies are never logged.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from shared.phone import mask_numbers


def set_up_logs(role: str, *, level: int = logging.INFO, json: bool | None = None) -> None:
    """Send everything to stderr. `json=None` means: JSON unless stderr is a terminal."""
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask_numbers,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _mask_numbers]
    if as_json:
        final += [structlog.processors.format_exc_info, _mask_numbers, structlog.processors.JSONRenderer()]
    else:
        final += [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("twilio", "aiohttp", "asyncio", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(role=role)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return bound


def _mask_numbers(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and "+" in value:
            event[key] = mask_numbers(value)
    return event
