"""The files that came with a turn's texts, fetched before the agent is asked, and gone when its turn is over.

A text is never kept back for its files: one that cannot be had says why (`Attachment.error`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import msgspec

from shared.records import InboundText, Media
from shared.settings import Account
from workers.agents.contract import Attachment
from workers.media.fetch import Budget, Fetcher, open_session
from workers.media.folder import turn_folder
from workers.media.rules import MediaError, check_media_url

MAX_PER_TEXT = 10
"""What one message of Twilio's carries. Source: Twilio, Messages resource, `NumMedia`."""

AT_ONCE = 4


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of all files of one turn together."""

    size_bytes: int = 50_000_000
    time_s: float = 60.0
    """How long they may keep the agent waiting, however slow they come."""


TOTAL = Total()

Attachments = dict[str, tuple[Attachment, ...]]
"""MessageSid -> what came with that text."""


@contextlib.asynccontextmanager
async def fetched(
    texts: Sequence[InboundText], account: Account, *, api_base: str | None, total: Total = TOTAL
) -> AsyncIterator[Attachments]:
    """The attachments of these texts; their files are there until the end of the block."""
    if not any(text.media for text in texts):
        yield {}
        return
    try:
        folder = turn_folder()
        path = folder.__enter__()
    except OSError as error:
        yield _all(texts, f"no folder for it: {error.strerror or error}")
        return
    try:
        yield await _fetch_all(texts, account, path, api_base, total)
    finally:
        folder.__exit__(None, None, None)


def unfetched(texts: Sequence[InboundText]) -> Attachments:
    """The attachments by their addresses alone."""
    return _all(texts, None)


async def _fetch_all(
    texts: Sequence[InboundText], account: Account, folder: Path, api_base: str | None, total: Total
) -> Attachments:
    credentials = account.rest_credentials
    if credentials is None:
        return _all(texts, "the account has no credentials")
    budget, free = Budget(total.size_bytes), asyncio.Semaphore(AT_ONCE)
    end = asyncio.get_running_loop().time() + total.time_s
    async with open_session(api_base) as session:
        fetcher = Fetcher(session, (credentials[0], credentials[1].reveal()), api_base)

        async def one(text: InboundText, index: int, media: Media) -> Attachment:
            try:
                async with asyncio.timeout_at(end), free:
                    url = check_media_url(media.url, account_sid=account.account_sid, message_sid=text.message_sid)
                    file = await fetcher.fetch(
                        url,
                        folder / f"{text.message_sid}-{index}",
                        declared=media.content_type,
                        limit_bytes=int(account.media_max_mb * 1_000_000),
                        budget=budget,
                    )
            except MediaError as error:
                return _missing(media, str(error))
            except TimeoutError:
                return _missing(media, "it took too long")
            return Attachment(
                url=media.url,
                content_type=file.kind.content_type,
                path=str(file.path),
                size_bytes=file.size_bytes,
            )

        found = await asyncio.gather(*(one(*each) for each in _numbered(texts)))
    return _by_text(texts, found)


def _numbered(texts: Sequence[InboundText]) -> Iterator[tuple[InboundText, int, Media]]:
    for text in texts:
        for index, media in enumerate(text.media[:MAX_PER_TEXT]):
            yield text, index, media


def _all(texts: Sequence[InboundText], error: str | None) -> Attachments:
    return _by_text(texts, [_missing(media, error) for _, _, media in _numbered(texts)])


def _by_text(texts: Sequence[InboundText], found: Sequence[Attachment]) -> Attachments:
    in_order = iter(found)
    return {text.message_sid: tuple(next(in_order) for _ in text.media[:MAX_PER_TEXT]) for text in texts}


def _missing(media: Media, error: str | None) -> Attachment:
    return Attachment(url=media.url, content_type=media.content_type, error=error)
