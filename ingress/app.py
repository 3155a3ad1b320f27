"""The public ASGI app: one webhook per enabled account, health, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from ingress.health import healthz, readyz
from ingress.webhook import Webhook
from shared import texts
from shared.admission import Gate
from shared.durability import confirmation
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.settings import Account, Settings


def create_app(settings: Settings, redis: Redis) -> Starlette:
    """The app for these settings. It closes `redis` when it shuts down."""
    commit = GroupCommit(redis, confirm=confirmation(settings.redis))
    keys = Keys(settings.redis.prefix)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await redis.aclose()

    webhooks = [
        WebhookRoute(
            account.webhook_path,
            Webhook(account=account, gate=gate_of(account, settings), keys=keys, commit=commit),
        )
        for account in settings.accounts.values()
        if account.receives
    ]
    routes = [*webhooks, Route("/healthz", healthz), Route("/readyz", readyz)]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: _not_found})
    app.router.redirect_slashes = False  # a redirected POST loses its signature
    app.state.redis = redis
    return app


def gate_of(account: Account, settings: Settings) -> Gate:
    """The account's rules as admission applies them."""
    return Gate(
        policy=account.dm_policy.value,
        sender_per_minute=account.rate_limits.per_sender_per_minute,
        account_per_minute=account.rate_limits.per_account_per_minute,
        pairing_max_pending=account.pairing_max_pending,
        debounce_ms=settings.agent.debounce_ms,
        pairing_text=texts.PAIRING,
    )


class WebhookRoute(Route):
    """An exact path, every method: the webhook itself answers 405, in TwiML like all its answers."""

    def __init__(self, path: str, webhook: Webhook) -> None:
        super().__init__("/" if path == "/" else path, webhook)
        self._exact = path

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and scope["path"] == self._exact:
            return Match.FULL, {"endpoint": self.endpoint}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


async def _not_found(*_: object) -> Response:
    return Response(status_code=404)
