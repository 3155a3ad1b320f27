"""The floor: a raw ASGI app that reads the body and answers 200. It checks nothing and keeps nothing."""

from bench.contenders.serve import serve

ANSWER = b"<Response/>"


async def app(scope, receive, send):  # type: ignore[no-untyped-def]  # plain ASGI
    """Read, answer."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"text/xml"), (b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


if __name__ == "__main__":
    serve(app)
