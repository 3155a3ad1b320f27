"""Twilio's edge, as small as it gets: every message is accepted at once, and when it came is kept. For benches only.

`GET /arrivals` tells the time (`time.perf_counter`, one clock for all processes of a machine) at which the message
whose body ends with each number came, and forgets them.
"""

import json
import time
from urllib.parse import parse_qs

from bench.contenders.serve import serve

_arrived: dict[int, list[float]] = {}
_count = 0


async def app(scope, receive, send):  # type: ignore[no-untyped-def]  # plain ASGI
    """Accept the message."""
    global _count
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["method"] == "GET":
        answer = json.dumps(_arrived).encode()
        _arrived.clear()
        status = 200
    else:
        now = time.perf_counter()
        words = parse_qs(body.decode())["Body"][0].split()
        _arrived.setdefault(int(words[-1]), []).append(now)
        _count += 1
        answer, status = b'{"sid": "SM%032x", "status": "queued", "error_code": null}' % _count, 201
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    serve(app)
