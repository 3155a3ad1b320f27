"""Files that wait for Twilio to fetch them: kept in Redis under an unguessable token, within a total size.

They live as long as the part that names them may wait: for a paused account, a day's cap, the end of quiet hours, an
operator's retry. An agent stage writes them, every replica of the ingress serves them (`ingress/media.py`).
Redis keys: hosted:<token>, hosted-index.
"""

import re
import secrets
import time
from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import msgspec
from redis.asyncio import Redis

from shared.keys import Keys
from shared.scripts import Call, script

TTL_MS = 30 * 24 * 3600 * 1000
"""How long a file waits for its first fetch, if there is room: as long as the state of a part is kept."""

SAFE_MS = 24 * 3600 * 1000
"""So long no file makes way for another, nor in its last day: longer than any quiet hours. See `lua/host_file.lua`."""

FETCHED_TTL_MS = 3600 * 1000
"""How long it stays after that: Twilio may fetch it again for the next carrier."""

MAX_TOTAL_BYTES = 100_000_000
"""All files together: a Redis full of pictures would take in no more texts."""

MIN_COUNTED_BYTES = 65_536
"""A smaller file counts as much, so that the index stays short."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_FOLDER = "/media/"


class HostedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file and whose it is."""

    account_id: str
    content_type: str
    content: bytes


_decode = msgspec.msgpack.Decoder(HostedFile).decode


def new_token() -> str:
    """256 random bits: the token is all that protects the file."""
    return secrets.token_urlsafe(32)


def host_file(*, keys: Keys, token: str, file: HostedFile) -> Call:
    """Keep a file; the reply is 1, or 0 if all files together would be too large. See `lua/host_file.lua`."""
    now_ms = time.time_ns() // 1_000_000
    counted = max(len(file.content), MIN_COUNTED_BYTES)
    return Call(
        script("host_file"),
        (keys.hosted(token), keys.hosted_index),
        (
            *(msgspec.msgpack.encode(file), TTL_MS, now_ms, _member(token, file), counted, MAX_TOTAL_BYTES),
            *(keys.hosted(""), now_ms + SAFE_MS, now_ms + TTL_MS - SAFE_MS),
        ),
    )


async def load_file(redis: Redis, keys: Keys, token: str) -> HostedFile | None:
    """The file, if it is still there."""
    raw = await redis.get(keys.hosted(token))
    return None if raw is None else _decode(raw)


async def note_fetch(redis: Redis, keys: Keys, token: str, file: HostedFile) -> None:
    """It was fetched: it need not stay much longer."""
    if await redis.pttl(keys.hosted(token)) <= FETCHED_TTL_MS:
        return
    end_ms = time.time_ns() // 1_000_000 + FETCHED_TTL_MS
    async with redis.pipeline(transaction=True) as pipe:
        pipe.pexpire(keys.hosted(token), FETCHED_TTL_MS)
        pipe.zadd(keys.hosted_index, {_member(token, file): end_ms}, xx=True)
        await cast("Any", pipe.execute())


async def forget_files(redis: Redis, keys: Keys, urls: Iterable[str]) -> int:
    """Delete those of these URLs that lead to hosted files; how many were there."""
    found = [split_path(urlsplit(url).path) for url in urls]
    tokens = {each[1] for each in found if each is not None}
    if not tokens:
        return 0
    members = [raw for raw in await redis.zrange(keys.hosted_index, 0, -1) if raw.decode().partition(":")[0] in tokens]
    if members:
        await redis.zrem(keys.hosted_index, *members)
    return int(await redis.delete(*(keys.hosted(token) for token in tokens)))


def url_of(public_webhook_url: str, token: str) -> str:
    """Where Twilio fetches it: below the path of the public webhook URL."""
    parts = urlsplit(public_webhook_url)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}{_FOLDER}{token}", "", ""))


def split_path(path: str) -> tuple[str, str] | None:
    """The webhook path and the token that a path names, if it names some."""
    webhook_path, found, token = path.rpartition(_FOLDER)
    return (webhook_path, token) if found and _TOKEN.fullmatch(token) else None


def _member(token: str, file: HostedFile) -> str:
    return f"{token}:{max(len(file.content), MIN_COUNTED_BYTES)}"
