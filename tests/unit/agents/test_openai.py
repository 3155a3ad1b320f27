"""Requests to a chat-completions endpoint, and what is made of all the answers that such endpoints give."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies

from shared.agent_backends import OpenAiBackend
from shared.errors import PermanentError, TransientError
from workers.agents import images
from workers.agents.contract import Attachment, Line, Role, Text, Turn
from workers.agents.openai_answer import parse_completion, parse_refusal, text_of
from workers.agents.openai_request import TokenLimit, request_of
from workers.agents.post import Answered, fault_of, retry_after_s

BACKEND = OpenAiBackend(url="http://127.0.0.1/v1/chat/completions", model="m", system_prompt="Be brief.")
PNG = Attachment(url="https://api.twilio.com/1", content_type="image/png", path="/media/1", size_bytes=5)
PDF = Attachment(url="https://api.twilio.com/2", content_type="application/pdf", path="/media/2", size_bytes=7)
GONE = Attachment(url="https://api.twilio.com/3", content_type="image/jpeg", error="too large")
HISTORY = (Line(role=Role.USER, body="Hi", at_ms=1), Line(role=Role.ASSISTANT, body="Hello!", at_ms=2))


def turn_of(*media: Attachment, body: str = "look", **more: Any) -> Turn:
    text = Text(message_sid="SM1", body=body, received_ms=1, media=media)
    return Turn(key="c-1", conversation="c", account_id="default", sender="+15550001111", texts=(text,), **more)


def asked(turn: Turn, backend: OpenAiBackend = BACKEND, **more: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {"history": turn.history, "images": {}, "limit": TokenLimit.MAX_TOKENS} | more
    return request_of(backend, turn, **chosen)


def test_prompt_history_and_texts_become_messages_and_the_user_is_the_conversation() -> None:
    body = asked(turn_of(history=HISTORY, context="You talk to +1555•••1111."))
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief.\n\nYou talk to +1555•••1111."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": "look"},
        ],
        "user": "c",
        "stream": False,
    }


def test_without_a_prompt_there_is_no_system_message() -> None:
    messages = asked(turn_of(), msgspec.structs.replace(BACKEND, system_prompt=None))["messages"]
    assert [message["role"] for message in messages] == ["user"]


@pytest.mark.parametrize("limit", list(TokenLimit))
def test_what_is_set_is_sent(limit: TokenLimit) -> None:
    body = asked(turn_of(), msgspec.structs.replace(BACKEND, temperature=0.0, max_tokens=99), limit=limit)
    assert (body["temperature"], body[limit.value]) == (0.0, 99)


def test_a_picture_is_an_image_part_and_what_cannot_be_seen_is_described() -> None:
    content = asked(turn_of(PNG, PDF, GONE), images={"/media/1": "data:image/png;base64,AAAA"})["messages"][-1][
        "content"
    ]
    assert content == [
        {
            "type": "text",
            "text": "look\n[attachment, application/pdf, 7 bytes: not shown]\n[attachment, image/jpeg: not available]",
        },
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]


def test_without_vision_a_picture_is_described() -> None:
    assert asked(turn_of(PNG, body=""))["messages"][-1]["content"] == "[attachment, image/png, 5 bytes: not shown]"


async def test_pictures_are_loaded_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_IMAGE_BYTES", 10)
    monkeypatch.setattr(images, "MAX_TOTAL_BYTES", 15)
    sizes = {"small": 10, "large": 11, "second": 5, "beyond": 1}
    kind = {"small": "image/png", "second": "IMAGE/JPEG; x=y"}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(b"x" * size)
    media = [Attachment(url="u", content_type=kind.get(n, "image/gif"), path=str(tmp_path / n)) for n in sizes]
    media += [
        Attachment(url="u", content_type="image/png", path=str(tmp_path / "missing")),
        Attachment(url="u", content_type="image/svg+xml", path=str(tmp_path / "small")),
    ]
    loaded = await images.load_images(turn_of(*media))
    assert {Path(path).name: url[:23] for path, url in loaded.items()} == {
        "small": "data:image/png;base64,e",
        "second": "data:image/jpeg;base64,",
    }


def completion(**message: Any) -> bytes:
    reason = message.pop("finish_reason", "stop")
    return msgspec.json.encode({"choices": [{"message": message, "finish_reason": reason}]})


@pytest.mark.parametrize(
    ("body", "text", "note"),
    [
        (completion(content="hi"), "hi", None),
        (completion(content=""), None, None),
        (completion(content=None), None, None),
        (completion(), None, None),
        (completion(content=[{"type": "text", "text": "a"}, {"type": "image"}, "b", 3]), "ab", None),
        (completion(content=None, refusal="I cannot."), "I cannot.", None),
        (completion(content="so far", finish_reason="length"), "so far", "cut at maxTokens"),
        (completion(content=None, finish_reason="content_filter"), None, "content filter"),
        (completion(content=None, tool_calls=[{"id": "1"}], finish_reason="tool_calls"), None, "tool calls"),
        (completion(content="words", tool_calls=[{"id": "1"}]), "words", "tool calls"),
        (completion(content="words", function_call={"name": "f"}), "words", "tool calls"),
        (completion(content="hi", reasoning_content="hmm"), "hi", None),
    ],
)
def test_the_words_of_an_answer_are_found(body: bytes, text: str | None, note: str | None) -> None:
    found = parse_completion(body)
    assert found.text == text
    assert bool(found.notes) == bool(note)
    assert note is None or note in found.notes[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [3]}',
        b'{"choices": {"0": 1}}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": "hi"}]}',
        b'{"error": {"message": "overloaded"}}',
        b"\xff",
        b"<html>",
        b"[" * 10_000,
    ],
)
def test_what_is_no_completion_may_be_one_next_time(body: bytes) -> None:
    with pytest.raises(TransientError) as caught:
        parse_completion(body)
    assert ("overloaded" in str(caught.value)) == (b"overloaded" in body)


json_values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers(-9, 9) | strategies.text(max_size=5),
    lambda inner: (
        strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(max_size=5), inner, max_size=3)
    ),
)


@given(strategies.fixed_dictionaries({}, optional={"choices": json_values, "error": json_values}), json_values)
def test_no_document_breaks_the_reader(document: dict[str, Any], content: Any) -> None:
    for body in (msgspec.json.encode(document), completion(content=content)):
        try:
            parse_completion(body)
        except TransientError:
            parse_refusal(body)
    text_of(content)


@pytest.mark.parametrize(
    ("document", "is_too_long"),
    [
        # As OpenAI, vLLM, llama.cpp and Ollama word it.
        (
            {"error": {"code": "context_length_exceeded", "message": "This model's maximum context length is 8192"}},
            True,
        ),
        ({"object": "error", "message": "This model's maximum context length is 4096 tokens. However"}, True),
        ({"error": {"message": "the request exceeds the available context size, try increasing it"}}, True),
        ({"error": "input length exceeds maximum context length"}, True),
        ({"error": {"message": "prompt is too long: 210000 tokens"}}, True),
        ({"error": {"message": "model not found"}}, False),
        ({"detail": [{"msg": "field required"}]}, False),
        ([], False),
        ({"error": None}, False),
    ],
)
def test_a_conversation_that_is_too_long_is_recognised(document: Any, is_too_long: bool) -> None:
    assert parse_refusal(msgspec.json.encode(document)).is_too_long is is_too_long


def test_the_other_name_of_the_token_limit_is_recognised() -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    document = {"error": {"message": said, "param": "max_tokens", "code": "unsupported_parameter"}}
    assert parse_refusal(msgspec.json.encode(document)).names_max_tokens
    assert not parse_refusal(b'{"error": {"message": "max_tokens is too large"}}').names_max_tokens


@pytest.mark.parametrize(
    ("status", "kind"),
    [(status, TransientError) for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)]
    + [(status, PermanentError) for status in (301, 302, 307, 400, 401, 403, 404, 405, 413, 422)],
)
def test_a_status_says_whether_trying_again_helps(status: int, kind: type[Exception]) -> None:
    answer = Answered(status=status, content_type="", retry_after_s=7.0, body=b"")
    fault = fault_of(answer, said="words", hint="do this")
    assert type(fault) is kind
    assert "words" in str(fault)
    if isinstance(fault, TransientError):
        assert (fault.code, fault.retry_after_s) == (f"agent-{status}", 7.0)
    if isinstance(fault, PermanentError):
        assert fault.hint == (
            "redirects are not followed: configure the address that it leads to" if status < 400 else "do this"
        )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("7", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("nan", 0.0),
        ("inf", 3600.0),
        ("999999", 3600.0),
        ("soon", None),
        ("", None),
        ("Sat, 21 Nov 2026 09:00:10 GMT", 10.0),
        ("Sat, 21 Nov 2026 08:00:00 GMT", 0.0),
        ("Sat, 99 Nov 2026 08:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, expected: float | None) -> None:
    assert retry_after_s(header, now_s=1_795_251_600.0) == expected
