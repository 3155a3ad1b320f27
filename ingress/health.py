"""Health: `/healthz` says that the process is up, `/readyz` that it can do its work."""

import asyncio

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import JSONResponse

from shared.redis_client import AWAY
from shared.route_mark import ROUTE_HEADER, RouteMark

READY_LIMIT_S = 2.0

_MARK = {ROUTE_HEADER: RouteMark.HEALTH.value}


async def healthz(_: Request) -> JSONResponse:
    """Always 200 while the event loop turns."""
    return JSONResponse({"status": "ok"}, headers=_MARK)


async def readyz(request: Request) -> JSONResponse:
    """200 if Redis answers, else 503; the configuration was valid at start, or there would be no process."""
    redis: Redis = request.app.state.redis
    try:
        async with asyncio.timeout(READY_LIMIT_S):
            await redis.ping()
    except (*AWAY, TimeoutError):
        return JSONResponse({"status": "unavailable", "redis": "away"}, status_code=503)
    return JSONResponse({"status": "ok", "redis": "ok"})
