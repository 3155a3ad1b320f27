"""Serves hosted files to Twilio: `GET {webhookPath}/media/{token}`, and nothing that does not stand there.

The token is the only key; there is no listing, and what is wrong in whatever way is the same 404. A file is served for
what it was found to be, never as a page. Redis keys: hosted:<token>, hosted-index.
"""

from redis.asyncio import Redis
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from ingress.routes import WebhookRoutes
from shared.hosted_files import load_file, note_fetch, split_path
from shared.keys import Keys
from shared.logs import logger
from shared.redis_client import AWAY

_HEADERS = {
    "cache-control": "private",
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
}

log = logger(__name__)


class MediaRoutes(BaseRoute):
    """Matches the paths below the webhooks of the accounts that are served now."""

    def __init__(self, webhooks: WebhookRoutes, *, keys: Keys, redis: Redis) -> None:
        self._webhooks = webhooks
        self._keys = keys
        self._redis = redis

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = split_path(scope["path"]) if scope["type"] == "http" else None
        account = self._webhooks.account_at(found[0]) if found else None
        if found is None or account is None:
            return Match.NONE, {}
        return Match.FULL, {"media": (account.id, found[1])}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope["method"], *scope["media"])
        await answer(scope, receive, send)

    async def _answer(self, method: str, account_id: str, token: str) -> Response:
        if method not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"allow": "GET, HEAD"})
        try:
            file = await load_file(self._redis, self._keys, token)
            if file is None or file.account_id != account_id:
                raise HTTPException(404)
            if method == "GET":
                await note_fetch(self._redis, self._keys, token, file)
        except AWAY:
            return Response(status_code=503)
        log.info("media_served", account=account_id, method=method, bytes=len(file.content))
        headers = _HEADERS | {"content-type": file.content_type, "content-length": str(len(file.content))}
        return Response(file.content if method == "GET" else b"", headers=headers)
