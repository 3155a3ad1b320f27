"""A turn as a request to a chat-completions endpoint. Pure.

Source: OpenAI API reference, "Create chat completion"; of it only what Ollama, vLLM and gateways understand too.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from shared.agent_backends import OpenAiBackend
from workers.agents.contract import Attachment, Line, Turn


class TokenLimit(StrEnum):
    """What the longest answer is called: newer models of OpenAI's know only the second."""

    MAX_TOKENS = "max_tokens"
    MAX_COMPLETION_TOKENS = "max_completion_tokens"


def request_of(
    backend: OpenAiBackend, turn: Turn, *, history: tuple[Line, ...], images: Mapping[str, str], limit: TokenLimit
) -> dict[str, Any]:
    """The body. `images`: path of an attachment -> data URL."""
    body: dict[str, Any] = {
        "model": backend.model,
        "messages": list(_messages(backend, turn, history, images)),
        "user": turn.conversation,
        "stream": False,
    }
    if backend.temperature is not None:
        body["temperature"] = backend.temperature
    if backend.max_tokens is not None:
        body[limit.value] = backend.max_tokens
    return body


def _messages(
    backend: OpenAiBackend, turn: Turn, history: tuple[Line, ...], images: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    system = "\n\n".join(filter(None, (backend.system_prompt, turn.context)))
    if system:
        yield {"role": "system", "content": system}
    for line in history:
        yield {"role": line.role.value, "content": line.body}
    attachments = [attachment for text in turn.texts for attachment in text.media]
    shown = [images[each.path] for each in attachments if each.path is not None and each.path in images]
    words = "\n".join([*filter(None, [turn.prompt]), *(_described(a) for a in attachments if a.path not in images)])
    if not shown:
        yield {"role": "user", "content": words}
        return
    parts: list[dict[str, Any]] = [{"type": "text", "text": words}] if words else []
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in shown]
    yield {"role": "user", "content": parts}


def _described(attachment: Attachment) -> str:
    """What is said of an attachment that the model cannot see."""
    if attachment.path is None:
        return f"[attachment, {attachment.content_type}: not available]"
    size = "" if attachment.size_bytes is None else f", {attachment.size_bytes} bytes"
    return f"[attachment, {attachment.content_type}{size}: not shown]"
