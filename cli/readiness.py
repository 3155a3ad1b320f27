"""Knowing that a gateway works, by asking it: HTTP health of ingress and sandbox, the workers' health keys in Redis."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

_ASK_LIMIT_S = 2.0
_AGAIN_S = 0.03
PATIENCE_S = 10.0
"""After this time, and again after each further one, those who are not ready are named."""

Check = Callable[[], Awaitable[bool]]


async def wait_until_ready(checks: Mapping[str, Check], *, on_delay: Callable[[list[str]], None]) -> None:
    """Return when every check has said yes once. `on_delay` gets the names of those that keep us waiting."""
    waiting = dict(checks)
    loop = asyncio.get_running_loop()
    complain_at = loop.time() + PATIENCE_S
    while waiting:
        said = await asyncio.gather(*(check() for check in waiting.values()))
        waiting = {name: check for (name, check), yes in zip(waiting.items(), said, strict=True) if not yes}
        if waiting and loop.time() > complain_at:
            on_delay(list(waiting))
            complain_at += PATIENCE_S
        if waiting:
            await asyncio.sleep(_AGAIN_S)


async def answers_200(url: str) -> bool:
    """Whether a GET of `url` on this machine is answered 200."""
    return await status_of(url) == 200


async def status_of(url: str, *, agent: str = "Textgate") -> int | None:
    """The status of a GET of `url` on this machine, None without an answer. No HTTP library: `up` starts without."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(_ASK_LIMIT_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                head = f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\nUser-Agent: {agent}\r\n\r\n"
                writer.write(head.encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    words = status.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None
