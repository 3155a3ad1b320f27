"""How the API's answers are made: JSON, links. Pure functions."""

import msgspec
from starlette.responses import Response

from ingress.api.wire import Links, Wire

_encode = msgspec.json.Encoder().encode


def json_response(document: Wire, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The document as an answer that nobody keeps: states change."""
    return Response(
        _encode(document),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store", **(headers or {})},
    )


def links(message_id: str, conversation: str) -> Links:
    """Where a message and its conversation are seen."""
    return Links(self=f"/v1/messages/{message_id}", conversation=f"/v1/conversations/{conversation}")
