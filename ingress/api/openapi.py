"""`GET /v1/openapi.json`: the API described from the very Structs that decode and encode it. No token is needed."""

import functools
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ingress.api.conversations import CONVERSATION_ID
from ingress.api.messages import MESSAGE_ID
from ingress.api.problems import MEDIA_TYPE, Kind
from ingress.api.service import Service
from ingress.api.wire import Accepted, Conversation, Message, Problem, SendRequest
from shared.settings import ApiScope

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
_EVERYWHERE = (Kind.UNAUTHORIZED, Kind.SCOPE_MISSING, Kind.TOO_MANY_REQUESTS, Kind.NOT_STORED)


async def get_openapi(_: Service, __: Request) -> Response:
    """The document."""
    return Response(_encoded(), media_type="application/json")


@functools.cache
def _encoded() -> bytes:
    return msgspec.json.encode(openapi_document())


def openapi_document() -> Json:
    """OpenAPI 3.1, complete: every answer of every operation."""
    _, schemas = msgspec.json.schema_components(
        (SendRequest, Accepted, Message, Conversation, Problem), ref_template=_REFERENCE
    )
    words: list[Json] = [{"required": ["text"]}, {"required": ["texts"]}]
    schemas["SendRequest"]["oneOf"] = [*words, {"required": ["media"], "not": {"anyOf": words}}]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Textgate",
            "version": "1",
            "description": "Send SMS texts through the gateway and see what became of them. All ids are opaque.",
        },
        "security": [{"bearer": []}],
        "paths": {
            "/v1/messages": {"post": _send()},
            "/v1/messages/{id}": {
                "get": _read("getMessage", "What became of a message", Message, MESSAGE_ID.pattern),
                "delete": _cancel(),
            },
            "/v1/conversations/{id}": {
                "get": _read("getConversation", "How a conversation stands", Conversation, CONVERSATION_ID.pattern)
            },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A token of `api.tokens`. Scopes: {', '.join(f'`{s.value}`' for s in ApiScope)}.",
                }
            },
        },
    }


def _send() -> Json:
    accepted = {
        "description": "Stored; it will be sent.",
        "headers": {
            "Location": {"description": "Where the message is seen.", "schema": {"type": "string"}},
            "Idempotent-Replayed": {
                "description": "`true`: the answer of before; nothing was done this time.",
                "schema": {"type": "string"},
            },
        },
        "content": {"application/json": {"schema": _reference(Accepted), "example": EXAMPLES["accepted"]}},
        "links": {
            "message": {"operationId": "getMessage", "parameters": {"id": "$response.body#/id"}},
            "cancel": {"operationId": "cancelMessage", "parameters": {"id": "$response.body#/id"}},
            "conversation": {"operationId": "getConversation", "parameters": {"id": "$response.body#/conversation"}},
        },
    }
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Repeat a request with the key of before, and it is done once. Remembered for 24 hours.",
        "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
        "example": "9b2e5c6e-order-4711",
    }
    refused = (
        Kind.INVALID_JSON,
        Kind.INVALID_REQUEST,
        Kind.INVALID_KEY,
        Kind.ACCOUNT_FORBIDDEN,
        Kind.TOO_SLOW,
        Kind.OPTED_OUT,
        Kind.TURN_UNKNOWN,
        Kind.TURN_ANSWERED,
        Kind.ACCOUNT_UNAVAILABLE,
        Kind.TOO_LARGE,
        Kind.NOT_JSON,
        Kind.KEY_REUSED,
    )
    return {
        "operationId": "sendMessage",
        "summary": "Send a message",
        "description": f"Needs the scope `{ApiScope.SEND.value}`.",
        "parameters": [key],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _reference(SendRequest), "examples": EXAMPLES["send"]}},
        },
        "responses": {"202": accepted} | _problems(*refused, *_EVERYWHERE),
    }


def _read(operation_id: str, summary: str, answer: type, pattern: str) -> Json:
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": f"^{pattern}$"}}
    content = {"application/json": {"schema": _reference(answer)}}
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": f"Needs the scope `{ApiScope.READ.value}`.",
        "parameters": [parameter],
        "responses": {"200": {"description": "As it is now.", "content": content}}
        | _problems(Kind.NOT_FOUND, *_EVERYWHERE),
    }


def _cancel() -> Json:
    return _read("cancelMessage", "Cancel a message that is held", Message, MESSAGE_ID.pattern) | {
        "description": f"Needs the scope `{ApiScope.SEND.value}`. Canceling twice is the same as once.",
        "responses": {
            "200": {"description": "It is canceled.", "content": {"application/json": {"schema": _reference(Message)}}}
        }
        | _problems(Kind.NOT_FOUND, Kind.TOO_LATE, *_EVERYWHERE),
    }


def _problems(*kinds: Kind) -> Json:
    """One answer per status, naming the types that it may have."""
    answers: Json = {}
    for status in sorted({kind.status for kind in kinds}):
        same = [kind for kind in kinds if kind.status == status]
        answer: Json = {
            "description": "; ".join(f"`{kind.slug}`: {kind.title.lower()}" for kind in same),
            "content": {MEDIA_TYPE: {"schema": _reference(Problem)}},
        }
        if status in (429, 503):
            answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
        if status == 401:
            answer["headers"] = {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}
        answers[str(status)] = answer
    return answers


def _reference(struct: type) -> Json:
    return {"$ref": _REFERENCE.format(name=struct.__name__)}


EXAMPLES: Json = {
    "send": {
        "text": {"value": {"to": "+12025550111", "text": "Your table is ready."}},
        "markdown": {
            "value": {"to": "+12025550111", "markdown": True, "texts": ["**Order 4711**", "- tea\n- two cups"]},
        },
        "media": {"value": {"to": "+12025550111", "text": "Today:", "media": ["https://example.com/menu.png"]}},
        "turn": {
            "summary": "The answer to a turn",
            "value": {"turn": "mzxw6ytboi3dsnrt-1795340000000", "text": "It is **done**."},
        },
        "defaultTo": {"summary": "To the account's defaultTo", "value": {"text": "The backup is done."}},
    },
    "accepted": {
        "id": "mzxw6ytboi3dsnrt-api-5f0c2ad1b7e94c36",
        "conversation": "mzxw6ytboi3dsnrt",
        "account": "default",
        "status": "queued",
        "createdAt": "2026-11-21T09:30:00.125Z",
        "scheduledAt": None,
        "paused": False,
        "links": {
            "self": "/v1/messages/mzxw6ytboi3dsnrt-api-5f0c2ad1b7e94c36",
            "conversation": "/v1/conversations/mzxw6ytboi3dsnrt",
        },
    },
}
