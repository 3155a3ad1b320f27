"""`textgate ingress --workers N`: N ingress processes behind one port, started again when they crash.

Each is the very process that `textgate ingress --share-port` runs. This one only watches: it holds the port, so that
nobody else takes it while all of them are away, and gets no connection itself.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from cli.child import ChildSpec
from cli.supervisor import Supervisor
from ingress.listener import shared_socket
from shared.errors import ConfigError
from shared.logs import logger, set_up_logs
from shared.settings import Settings


def run_workers(
    settings: Settings, *, count: int, config: Path | None, environ: Mapping[str, str], options: tuple[str, ...] = ()
) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit status. A second signal does not wait. `options`: for each process.

    Raises ConfigError if no Redis is configured, UsageError if the port is taken.
    """
    if settings.redis.url is None:
        raise ConfigError("redis.url", found="not set", expected="set it or TEXTGATE_REDIS_URL, or use `textgate up`")
    set_up_logs("ingress")
    with contextlib.closing(shared_socket(settings.ingress.host, settings.ingress.port)) as held:
        port: int = held.getsockname()[1]
        specs = worker_specs(settings.ingress.host, port, count=count, config=config, environ=environ, more=options)
        return asyncio.run(_supervise(specs))


def worker_specs(
    host: str,
    port: int,
    *,
    count: int,
    config: Path | None,
    environ: Mapping[str, str],
    more: tuple[str, ...] = (),
) -> list[ChildSpec]:
    """What to start."""
    options = ("--config", str(config)) if config else ()
    # -P: a folder named `shared` or `cli` where the command was typed must not replace ours.
    words = (sys.executable, "-P", "-m", "cli.main", "ingress", "--host", host, "--port", str(port), "--share-port")
    return [
        ChildSpec(role=f"ingress-{n}", command=(*words, *options, *more), environ=dict(environ), rank=0)
        for n in range(1, count + 1)
    ]


async def _supervise(specs: list[ChildSpec]) -> int:
    stop, hurry = asyncio.Event(), asyncio.Event()
    with _signals(stop, hurry):
        outcome = await Supervisor(specs, say=_say, stop=stop, hurry=hurry).run()
    return outcome.status


def _say(role: str, line: str) -> None:
    """A child's line as it came, since it is a whole log event; what the supervisor says becomes one."""
    if role == "up":
        logger(__name__).warning(line)
        return
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def _signals(stop: asyncio.Event, hurry: asyncio.Event) -> Iterator[None]:
    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
