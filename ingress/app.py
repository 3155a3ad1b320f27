"""The public ASGI app: one webhook and its hosted media per enabled account, the API while it has tokens, health."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ingress.api.routes import ApiRoutes
from ingress.health import healthz, readyz
from ingress.media import MediaRoutes
from ingress.redis_watch import RedisWatch
from ingress.routes import WebhookRoutes
from ingress.webhook import TWIML
from shared.durability import confirmation
from shared.group_commit import GroupCommit
from shared.keys import Keys
from shared.reload import SettingsWatcher
from shared.route_mark import ROUTE_HEADER, RouteMark
from shared.settings import Settings


class Ingress(Starlette):
    """Starlette with a short way in: webhooks are nearly all of the traffic and need none of its middleware."""

    webhooks: WebhookRoutes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        webhook = self.webhooks.find(scope)
        if webhook is None:
            await super().__call__(scope, receive, send)
            return
        try:
            await webhook(scope, receive, send)
        except Exception:
            await (await _failed())(scope, receive, send)
            raise


def create_app(settings: Settings, redis: Redis) -> Starlette:
    """The app for these settings. While it runs it watches the configuration; at the end it closes `redis`."""
    commit = GroupCommit(redis, confirm=confirmation(settings.redis))
    keys = Keys(settings.redis.prefix)
    watch = RedisWatch(redis.ping)
    webhooks = WebhookRoutes(settings, keys=keys, commit=commit, watch=watch)
    api = ApiRoutes(settings, keys=keys, commit=commit, redis=redis)

    def replace(fresh: Settings) -> None:
        app.state.settings = fresh
        webhooks.replace(fresh)
        api.replace(fresh)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        beside = [
            asyncio.create_task(SettingsWatcher(settings, apply=replace).run()),
            asyncio.create_task(watch.run()),
        ]
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            await commit.close()

    media = MediaRoutes(webhooks, keys=keys, redis=redis)
    routes = [webhooks, api, media, Route("/healthz", healthz), Route("/readyz", readyz)]
    app = Ingress(routes=routes, lifespan=lifespan, exception_handlers={404: _not_found, 500: _failed})
    app.router.redirect_slashes = False  # a redirected POST loses its signature
    app.webhooks = webhooks
    app.state.redis = redis
    app.state.settings = settings
    return app


async def _failed(*_: object) -> Response:
    """A bug of ours; the server logs its traceback."""
    return Response(TWIML, status_code=500, headers={"content-type": "text/xml"})


async def _not_found(*_: object) -> Response:
    return Response(TWIML, status_code=404, headers={"content-type": "text/xml", ROUTE_HEADER: RouteMark.NONE.value})
