"""What a chat-completions endpoint answered, read with patience: servers differ in everything that is not the text.

Pure. Source: OpenAI API reference, "The chat completion object" and "Error codes".
"""

import re
from typing import Any

import msgspec

from shared.errors import TransientError
from workers.agents.failures import shorten

_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size)|maximum context|too many tokens|prompt is too long|exceeds? the available",
    re.IGNORECASE | re.DOTALL,
)


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """The text, None for nothing; `notes` deserve a line in the log."""

    text: str | None
    notes: tuple[str, ...] = ()


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What an error says, as far as it can be read."""

    message: str = ""
    code: str = ""
    param: str = ""

    @property
    def is_too_long(self) -> bool:
        """Whether less history would help."""
        return self.code == "context_length_exceeded" or _TOO_LONG.search(self.message) is not None

    @property
    def names_max_tokens(self) -> bool:
        """Whether the endpoint wants the other name of the token limit."""
        return "max_completion_tokens" in self.message and (self.param in ("", "max_tokens"))


def parse_completion(body: bytes) -> Completion:
    """The first choice's text. Raises TransientError for what is no completion."""
    document = _decode(body)
    choice = _first(document.get("choices")) if isinstance(document, dict) else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        said = parse_refusal(body).message
        words = "the agent's answer is no chat completion" + (f": {shorten(said, 200)}" if said else "")
        raise TransientError(words, code="agent-garbage")
    notes: list[str] = []
    if message.get("tool_calls") or message.get("function_call"):
        notes.append("tool calls are not made")
    reason = choice.get("finish_reason")
    if reason == "length":
        notes.append("the answer was cut at maxTokens")
    elif reason == "content_filter":
        notes.append("the answer was withheld by a content filter")
    text = text_of(message.get("content")) or text_of(message.get("refusal"))
    return Completion(text=text or None, notes=tuple(notes))


def text_of(content: object) -> str:
    """The words in a content: a string, or a list of parts of which those of text count."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(_part(part) for part in content)


def parse_refusal(body: bytes) -> Refusal:
    """What an error document says; `{"error": {…}}` and what others make of it."""
    try:
        document = _decode(body)
    except TransientError:
        return Refusal()
    error = document.get("error", document) if isinstance(document, dict) else {}
    if isinstance(error, str):
        return Refusal(message=error)
    if not isinstance(error, dict):
        return Refusal()
    said = next((error[key] for key in ("message", "detail", "msg") if isinstance(error.get(key), str)), "")
    return Refusal(message=said, code=_word(error.get("code")), param=_word(error.get("param")))


def _part(part: object) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return ""
    text = part.get("text", part.get("refusal"))
    return text if isinstance(text, str) else ""


def _first(choices: object) -> object:
    return choices[0] if isinstance(choices, list) and choices else None


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise TransientError("the agent's answer is no JSON", code="agent-garbage") from None
