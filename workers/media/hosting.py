"""Files that an agent answers with get a public URL, below the webhook's path, which Twilio fetches.

A file is read from `agent.mediaFolder` or handed over as bytes; what it is, its first bytes say. One that cannot be
sent is left out, the person is told so, and the words go all the same. Redis keys: hosted:<token>, hosted-index.
"""

import asyncio
import os
import stat
from pathlib import Path

import msgspec

from shared.hosted_files import HostedFile, host_file, new_token, url_of
from shared.media_urls import BadMediaError, check_media
from shared.settings import Account
from shared.texts import TextKey
from workers.agents.answers import Said
from workers.agents.contract import File
from workers.media.rules import MediaError, check_content, in_megabytes
from workers.media.sniff import GIF, HEAD_BYTES, JPEG, PNG, UNKNOWN, FileType
from workers.work import Environment, Work

PICTURES = (JPEG, PNG, GIF)
PICTURES_BYTES = 5_000_000
"""JPEG, PNG and GIF: all of them and the words together. Source: Twilio, "Accepted content types for media"."""

OTHER_BYTES = 500_000
"""Any other file. Source: the same; carriers differ, and take less rather than more."""


async def host(work: Work, env: Environment, account: Account, said: Said, *, number: str) -> Said:
    """The answer with URLs instead of files."""
    if not said.files:
        return said
    room = PICTURES_BYTES - sum(len(text.encode()) for text in said.texts)
    urls, left_out = list(said.media), list(said.left_out)
    for file in said.files:
        try:
            kind, content = await asyncio.to_thread(_read, file, account.media_folder, room)
            urls.append(await _keep(work, env, account, kind, content))
            room -= len(content) if kind in PICTURES else 0
        except MediaError as error:
            left_out.append(f"a file: {error}")
    words = account.texts.say(TextKey.MEDIA_UNAVAILABLE, number=number)
    missed = len(urls) < len(said.media) + len(said.files)
    texts = (*said.texts, words) if missed and words else said.texts
    return msgspec.structs.replace(said, texts=texts, media=tuple(urls), files=(), left_out=tuple(left_out))


async def _keep(work: Work, env: Environment, account: Account, kind: FileType, content: bytes) -> str:
    if account.signed_url is None:
        raise MediaError("publicWebhookUrl is not set, so nothing can be fetched from here")
    token = new_token()
    url = url_of(account.signed_url, token)
    try:
        check_media((url,), loopback=env.settings.twilio_api_base is not None)
    except BadMediaError as error:
        raise MediaError(f"publicWebhookUrl: {error}") from None
    file = HostedFile(account_id=account.id, content_type=kind.content_type, content=content)
    if not await work.call(host_file(keys=env.keys, token=token, file=file)):
        raise MediaError("too many files wait to be fetched already")
    return url


def _read(file: File, folder: Path | None, room: int) -> tuple[FileType, bytes]:
    """What the file is, and its content within the bounds. Raises MediaError."""
    content = file.content or _content(file.path, folder, PICTURES_BYTES + 1)
    kind = check_content(content[:HEAD_BYTES], "")
    if kind is UNKNOWN:
        raise MediaError("what it is cannot be told, so no carrier would take it")
    if len(content) > (room if kind in PICTURES else OTHER_BYTES):
        limit = PICTURES_BYTES if kind in PICTURES else OTHER_BYTES
        raise MediaError(f"it is too large: {in_megabytes(limit)} is the limit for {kind.content_type}")
    return kind, content


def _content(path: str, folder: Path | None, limit_bytes: int) -> bytes:
    if folder is None:
        raise MediaError("agent.mediaFolder is not set")
    try:
        inside = folder.resolve(strict=True)
        real = (inside / path).resolve(strict=True)
        if not real.is_relative_to(inside):
            raise MediaError("it does not lie in agent.mediaFolder")
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as opened:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise MediaError("it is no file")
            return opened.read(limit_bytes)
    except (OSError, ValueError, RuntimeError) as error:
        raise MediaError(f"it cannot be read: {type(error).__name__}") from None
