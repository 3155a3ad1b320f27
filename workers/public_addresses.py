"""Addresses of the internet, and none of a private network: names are resolved once, and checked, for a connection.

So no URL from a configuration or a webhook makes the gateway call into its own network.
"""

import asyncio
import socket
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult


class PrivateAddressError(OSError):
    """The host leads to an address that is not public."""


def leads_inside(error: BaseException) -> bool:
    """Whether a connection failed because its host is not one of the internet: aiohttp wraps what a resolver raises."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PrivateAddressError):
            return True
        cause = cause.__cause__ or cause.__context__ or getattr(cause, "os_error", None)
    return False


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only; the connection is made to the very address that was checked."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises PrivateAddressError if any address is not public, OSError if there is none."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        addresses = [(kind, str(where[0])) for kind, _, _, _, where in found]
        if not all(is_public(address) for _, address in addresses):
            raise PrivateAddressError
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's; of an IPv6 address that wraps an IPv4 one, both must be."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (inner is None or inner.is_global)
