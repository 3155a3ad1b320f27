"""uvicorn as our own ingress runs it: uvloop, httptools, no access log, one process."""

import sys

import uvicorn


def serve(app: object) -> None:
    """Serve on the port in the last argument until SIGTERM."""
    uvicorn.run(
        app,  # type: ignore[arg-type]  # any ASGI app
        host="127.0.0.1",
        port=int(sys.argv[-1]),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
    )
