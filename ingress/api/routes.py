"""The routes of the API, there only while tokens are configured, and the boundary around every handler.

One wide log event per request: who, what, outcome; ids only, never a number or a text.
"""

import functools
import logging
import time
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Receive, Scope, Send

from ingress.api.conversations import get_conversation
from ingress.api.messages import delete_message, get_message
from ingress.api.openapi import get_openapi
from ingress.api.problems import Kind, RefusedError, problem_response
from ingress.api.send import post_message
from ingress.api.service import Service
from shared.errors import TransientError
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.logs import logger
from shared.phone import parse_e164
from shared.redis_client import AWAY
from shared.settings import Settings

PREFIX = "/v1/"
RETRY_AFTER_S = 2
"""When to come again after a 503: a restarted Redis is back by then."""

Handler = Callable[[Service, Request], Awaitable[Response]]

log = logger(__name__)


class ApiRoutes(BaseRoute):
    """Everything under `/v1/`; replaced as a whole when the configuration changes."""

    def __init__(self, settings: Settings, *, keys: Keys, commit: GroupCommit, redis: Redis) -> None:
        self._keys = keys
        self._commit = commit
        self._redis = redis
        self._router: Router | None = None
        self.replace(settings)

    def replace(self, settings: Settings) -> None:
        """Serve these tokens and accounts from now on; without tokens, nothing."""
        if not settings.api_tokens:
            self._router = None
            return
        parse_e164("+15551234567")  # loads its library now: the first request would hold up webhooks for 125 ms
        self._router = _router(Service(settings, keys=self._keys, commit=self._commit, redis=self._redis))
        log.info("api_served", path=PREFIX, tokens=[token.name for token in settings.api_tokens])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if self._router is not None and scope["type"] == "http" and scope["path"].startswith(PREFIX):
            return Match.FULL, {"endpoint": self._router}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await scope["endpoint"](scope, receive, send)
        except HTTPException as error:  # the router's own: an unknown path, a method that does not fit
            refusal = _REFUSALS[error.status_code]
            await problem_response(RefusedError(refusal, headers=dict(error.headers or {})))(scope, receive, send)


_REFUSALS = {404: Kind.NOT_FOUND, 405: Kind.METHOD_NOT_ALLOWED}


def _router(service: Service) -> Router:
    table: dict[str, dict[str, Handler]] = {
        "/v1/messages": {"POST": post_message},
        "/v1/messages/{id}": {"GET": get_message, "DELETE": delete_message},
        "/v1/conversations/{id}": {"GET": get_conversation},
        "/v1/openapi.json": {"GET": get_openapi},
    }
    # One route per path, not per method: else `Allow` names only the first.
    routes = [
        Route(path, functools.partial(_answer, service, handlers), methods=list(handlers))
        for path, handlers in table.items()
    ]
    return Router(routes=routes, redirect_slashes=False)


async def _answer(service: Service, handlers: dict[str, Handler], request: Request) -> Response:
    started = time.perf_counter()
    handler = handlers["GET" if request.method == "HEAD" else request.method]
    request.state.token, request.state.facts = None, {}
    try:
        response = await handler(service, request)
    except RefusedError as error:
        response = _refuse(request, error)
    except (TransientError, RedisError, *AWAY) as error:
        request.state.facts |= {"reason": f"{type(error).__name__}: {error}"}
        response = _refuse(request, RefusedError(Kind.NOT_STORED, headers={"retry-after": str(RETRY_AFTER_S)}))
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is left to read it
    log.log(
        _LEVELS.get(response.status_code, logging.INFO),
        "api_request",
        handler=handler.__name__,
        status=response.status_code,
        token=request.state.token,
        duration_ms=round((time.perf_counter() - started) * 1000, 2),
        **request.state.facts,
    )
    return response


def _refuse(request: Request, refusal: RefusedError) -> Response:
    request.state.facts |= {"problem": refusal.kind.slug}
    return problem_response(refusal)


_LEVELS = {401: logging.WARNING, 403: logging.WARNING, 503: logging.ERROR}
