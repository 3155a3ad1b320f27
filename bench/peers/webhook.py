"""The handler that people write in front of a queue: Starlette, the SDK's validator, one job per text.

It has no policy, no limits, and no deduplication but what the queue does with a job's id.
"""

import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

PATH = "/webhooks/sms"

Fields = dict[str, str]
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def handler(enqueue: Callable[[Request, Fields], Awaitable[object]], lifespan: Lifespan | None = None) -> Starlette:
    """Check the signature, `enqueue` the form, answer. The account's auth token comes from the environment."""
    validator = RequestValidator(os.environ["BENCH_AUTH_TOKEN"])  # type: ignore[no-untyped-call]  # the SDK has no types

    async def webhook(request: Request) -> Response:
        form = await request.form()
        genuine = validator.validate  # type: ignore[no-untyped-call]  # likewise
        if not genuine(str(request.url), form, request.headers.get("X-Twilio-Signature", "")):
            return Response(status_code=403)
        await enqueue(request, {name: str(value) for name, value in form.items()})
        return Response("<Response/>", media_type="text/xml")

    return Starlette(routes=[Route(PATH, webhook, methods=["POST"])], lifespan=lifespan)
