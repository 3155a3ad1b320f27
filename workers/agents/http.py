"""`agent.kind: "http"`: a web service of the user's own is posted each turn, and answers at once or later.

200 with JSON or plain text is the answer, 204 means nothing to say, 202 that the answer will come by `POST
/v1/messages` with the turn's key (see `shared/turns.py`). A turn that is tried again has the same `Idempotency-Key`.
"""

import hashlib
import hmac
import time

from shared.agent_backends import HttpBackend
from shared.errors import TransientError
from shared.secrets import Secret
from workers.agents.contract import LATER, Answer, Later, Turn
from workers.agents.post import Answered, Poster, fault_of
from workers.agents.wire import decode_answer, encode_turn

SIGNATURE = "textgate-signature"

_HINTS = {
    401: "check agent.http.secret and agent.http.headers",
    403: "check agent.http.secret and agent.http.headers",
    404: "check agent.http.url",
}


class HttpAgent:
    """One web service."""

    def __init__(self, backend: HttpBackend) -> None:
        self._backend = backend
        self._poster = Poster()

    async def __call__(self, turn: Turn) -> Answer | Later:
        body = encode_turn(turn)
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/plain;q=0.9, text/markdown;q=0.9",
            "idempotency-key": turn.key,
        }
        headers |= {name: value.reveal() for name, value in self._backend.headers}
        if self._backend.secret is not None:
            headers[SIGNATURE] = sign(body, self._backend.secret, at_s=int(time.time()))
        return read_answer(await self._poster.post(self._backend.url, body, headers))

    async def close(self) -> None:
        """Give the connections back."""
        await self._poster.close()


def sign(body: bytes, secret: Secret, *, at_s: int) -> str:
    """`t=<Unix seconds>,v1=<hex>`: HMAC-SHA256 over the seconds, a dot and the body, so that neither can be changed."""
    digest = hmac.new(secret.reveal().encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def read_answer(answer: Answered) -> Answer | Later:
    """What the service said. Raises TransientError or PermanentError."""
    match answer.status:
        case 200 if answer.content_type == "application/json":
            return decode_answer(answer.body)
        case 200 if answer.content_type.startswith("text/") and answer.content_type != "text/html":
            return answer.body.decode(errors="replace")
        case 200 if not answer.body:
            return None
        case 200:
            kind = answer.content_type[:60]
            raise TransientError(f"the agent answered {kind}, not JSON or plain text", code="agent-garbage")
        case 202:
            return LATER
        case 204:
            return None
    raise fault_of(answer, said="", hint=_HINTS.get(answer.status, "see what the service logs"))
