"""The pictures of a turn as data URLs, for models that see. Reads the fetched files, in a thread, within bounds."""

import asyncio
import base64
from pathlib import Path

from workers.agents.contract import Attachment, Turn

TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What models take. Source: OpenAI, "Images and vision", supported file types."""

MAX_IMAGE_BYTES = 5 * 1024 * 1024
MAX_TOTAL_BYTES = 20 * 1024 * 1024


async def load_images(turn: Turn) -> dict[str, str]:
    """Path -> data URL of each picture that is there and fits; the others are left out."""
    attachments = [each for text in turn.texts for each in text.media if each.path is not None]
    pictures = [each for each in attachments if each.content_type.partition(";")[0].strip().lower() in TYPES]
    return await asyncio.to_thread(_load, pictures) if pictures else {}


def _load(pictures: list[Attachment]) -> dict[str, str]:
    loaded: dict[str, str] = {}
    left = MAX_TOTAL_BYTES
    for picture in pictures:
        content = _read(picture.path or "", min(MAX_IMAGE_BYTES, left))
        if content:
            left -= len(content)
            kind = picture.content_type.partition(";")[0].strip().lower()
            loaded[picture.path or ""] = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return loaded


def _read(path: str, limit: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(limit + 1)
    except OSError:
        return b""
    return content if len(content) <= limit else b""
