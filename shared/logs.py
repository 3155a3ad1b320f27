"""Logs: structlog for us, and the standard library's loggers (arq, uvicorn) through the same pipe.

One wide event per outcome. JSON when the output is not a terminal, readable lines when it is. Numbers are masked
wherever they stand in a line, as a second line of defence: no event should carry one. Bodies are never logged.
"""

import json
import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog

from shared.phone import mask_numbers

_encode_event = msgspec.json.Encoder(enc_hook=repr).encode


def set_up_logs(role: str, *, level: str = "info", as_json: bool | None = None) -> None:
    """Send everything to stderr, from `level` on. `as_json=None` means: JSON unless stderr is a terminal.

    Our own events go straight to the stream: through the standard library's loggers each would cost as much as checking
    a signature.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    if as_json is None:
        as_json = not sys.stderr.isatty()
    shared: list[Any] = [Stamp(role), structlog.processors.format_exc_info]
    render = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    last: list[Any] = [*([_render_json] if as_json else [render, _encode_line]), _mask_numbers]
    structlog.configure(
        processors=[*shared, *last],
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        wrapper_class=type("Logger", (_Direct, structlog.make_filtering_bound_logger(least)), {}),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    final = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, _decode_line]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(least)
    take_over_loggers()
    for noisy in ("twilio", "aiohttp", "asyncio", "uvicorn.access", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)  # of uvicorn: what it says at start and stop is ours to say
    logging.getLogger("arq.worker").addFilter(_is_no_heartbeat)


def _is_no_heartbeat(record: logging.LogRecord) -> bool:
    """arq says every ten seconds that it lives, and tells nothing else by that."""
    return not record.getMessage().startswith("recording health")


def take_over_loggers() -> None:
    """Let arq and uvicorn write through our pipe alone: their own programs give them handlers of their own."""
    for foreign in ("arq", "uvicorn", "uvicorn.error"):
        logging.getLogger(foreign).handlers.clear()
        logging.getLogger(foreign).propagate = True


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return bound


class _Direct(structlog.BoundLoggerBase):
    """structlog's way from a call to the stream, without the copies that it makes of each event."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, **event_kw: Any) -> None:
        facts: Any = {**self._context, **event_kw} if self._context else event_kw
        facts["event"] = event
        try:
            for process in self._processors:
                facts = process(self._logger, method_name, facts)
        except structlog.DropEvent:
            return
        self._logger.msg(facts)


class Stamp:
    """Adds what every line has: who says it, how loud, and when (UTC). The date is written out once a second."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._second = -1
        self._date = ""

    def __call__(self, _: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        second, micros = divmod(time.time_ns() // 1000, 1_000_000)
        if second != self._second:
            self._second, self._date = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        event["role"] = self._role
        event["level"] = _LEVELS.get(method, method)
        event["timestamp"] = f"{self._date}.{micros:06}Z"
        return event


_LEVELS = {"exception": "error", "warn": "warning"}
"""Methods of a logger that are not named like their level."""


def _render_json(_: Any, __: str, event: MutableMapping[str, Any]) -> bytes:
    try:
        return _encode_event(event)
    except UnicodeEncodeError:  # a lone surrogate, which a hostile header may hold
        return json.dumps(event, default=repr).encode()


def _encode_line(_: Any, __: str, line: str) -> bytes:
    return line.encode(errors="backslashreplace")


def _mask_numbers(_: Any, __: str, line: bytes) -> bytes:
    return mask_numbers(line.decode()).encode() if b"+" in line else line


def _decode_line(_: Any, __: str, line: bytes) -> str:
    return line.decode()
