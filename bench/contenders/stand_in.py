"""Twilio's edge, as small as it gets: every message is accepted at once. Only for the benches."""

import itertools

from bench.contenders.serve import serve

_numbers = itertools.count(1)


async def app(scope, receive, send):  # type: ignore[no-untyped-def]
    """Accept the message."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    body = b'{"sid": "SM%032x", "status": "queued", "error_code": null}' % next(_numbers)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    serve(app)
