"""A Starlette route that reads the body and answers 200. It checks nothing and keeps nothing."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.contenders.serve import serve


async def webhook(request: Request) -> Response:
    """Read, answer."""
    await request.body()
    return Response("<Response/>", media_type="text/xml")


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/webhooks/sms", webhook, methods=["POST"])]))
