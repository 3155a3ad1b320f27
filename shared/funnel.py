"""The Tailscale Funnel command that makes a local route public. Pure.

Source: tailscale.com/docs/features/tailscale-funnel, tailscale.com/docs/reference/tailscale-cli/funnel.
"""

import shlex
from urllib.parse import urlsplit

FUNNEL_PORTS = (443, 8443, 10000)
"""Where Funnel may listen."""


def funnel_command(public_url: str, *, webhook_path: str, port: int) -> str | None:
    """The command for a host of Tailscale's; None for any other host.

    Funnel cuts the mounted path off, so the target names it again.
    """
    url = urlsplit(public_url)
    if not (url.hostname or "").endswith(".ts.net"):
        return None
    https = f"--https={url.port} " if url.port not in (None, 443) else ""
    target = f"http://127.0.0.1:{port}{webhook_path}"
    return f"tailscale funnel --bg {https}--set-path {shlex.quote(url.path)} {shlex.quote(target)}"
