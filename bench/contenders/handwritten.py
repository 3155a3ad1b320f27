"""The handler that people write: Starlette, the SDK's validator, `arq.enqueue_job`. One job per text, nothing else.

It has no policy, no limits and no deduplication beyond arq's job id, and its queue keeps no order.
"""

import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

from arq import create_pool
from arq.connections import RedisSettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from bench.contenders.serve import serve
from bench.webhooks import AUTH_TOKEN

VALIDATOR: Any = RequestValidator(AUTH_TOKEN)  # type: ignore[no-untyped-call]  # the SDK has no types


async def webhook(request: Request) -> Response:
    """Check, enqueue, answer."""
    form = await request.form()
    if not VALIDATOR.validate(str(request.url), form, request.headers.get("X-Twilio-Signature", "")):
        return Response(status_code=403)
    await request.app.state.arq.enqueue_job("handle_text", dict(form), _job_id=str(form["MessageSid"]))
    return Response("<Response/>", media_type="text/xml")


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Connect to Redis."""
    path = unquote(os.environ["BENCH_REDIS_URL"].removeprefix("unix://"))
    app.state.arq = await create_pool(RedisSettings(unix_socket_path=path))
    yield
    await app.state.arq.aclose()


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/webhooks/sms", webhook, methods=["POST"])], lifespan=lifespan))
