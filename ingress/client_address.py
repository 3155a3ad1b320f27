"""Whose request this is, behind proxies: the right-most address that no trusted proxy wrote about itself.

`X-Forwarded-For` is a list to which each proxy appends the address it was called from. Only what a trusted proxy
appended can be believed, so the list is read from the right and ends at the first address that is not trusted.
Pure functions.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

UNKNOWN = "unknown"
"""A request over a unix socket, or one whose trusted proxy wrote nonsense: all of these share one bucket."""


def parse_networks(trusted: tuple[str, ...]) -> tuple[Network, ...]:
    """`ingress.trustedProxies` as networks; they were checked when the configuration was loaded."""
    return tuple(ip_network(entry, strict=False) for entry in trusted)


def client_address(peer: str | None, forwarded_for: list[str], trusted: tuple[Network, ...]) -> str:
    """The client's address as text; IPv6 clients count by their /64, since one customer has at least that."""
    hops = [hop.strip() for header in forwarded_for for hop in header.split(",")]
    found = _parse(peer or "")
    while found is not None and hops and any(found in network for network in trusted):
        found = _parse(hops.pop())
    if found is None:
        return UNKNOWN
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found)


def _parse(text: str) -> Address | None:
    """An address with or without a port or brackets; IPv4 in IPv6 clothes counts as IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
