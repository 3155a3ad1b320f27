"""Tells whether an address stays on this machine: the sandbox listens and posts nowhere else.

It signs as if it were Twilio and answers anybody who reaches it, so a sandbox that talked to other machines would be
a way to forge webhooks. Pure: no name is looked up, only `localhost` and literal loopback addresses count.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback_host(host: str) -> bool:
    """True for `localhost`, 127.0.0.0/8 and ::1, with or without the brackets of a URL."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """True for an absolute http(s) URL whose host is loopback."""
    return is_web_url(url) and is_loopback_host(urlsplit(url).hostname or "")


def is_web_url(url: str) -> bool:
    """True for an absolute http(s) URL with a host and, if any, a port that is a number."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
