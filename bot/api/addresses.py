"""Callback addresses of apps: public ones alone, so that no app can reach the operator's network."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
"""The IPv6 range of the public internet; unique local, link-local, site-local and IPv4-compatible addresses lie
outside."""
_SPECIAL = tuple(ipaddress.ip_network(network) for network in ("2001::/32", "2002::/16", "3fff::/20"))
"""Teredo and 6to4, whose addresses lead to an IPv4 address inside them, and the range of documentation, which older
Pythons do not know."""


def check_callback_url(url: str | None) -> str | None:
    """Returns the address. Raises ValueError for one that can never be called; host names are resolved at each call."""
    if url is None:
        return None
    parts = urlsplit(url)
    host, _ = parts.hostname, parts.port  # raises ValueError for an invalid port
    if parts.scheme != "https" or not host or parts.username is not None:
        raise ValueError("expected https://host/path without user and password")
    if is_literal(host) and not is_public(host):
        raise ValueError("expected a public address")
    if "." not in host.rstrip(".") and ":" not in host:
        raise ValueError("expected the full name of a public host")
    return url


def is_literal(host: str) -> bool:
    """Whether the host is an IP address in any notation that the system accepts ("127.1", "0x7f000001")."""
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True


def is_public(host: str) -> bool:
    """Whether the text is an IP address of the public internet."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None or address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        elif address not in _UNICAST or any(address in network for network in _SPECIAL):
            return False
    return address.is_global and not address.is_multicast


class PublicResolver(AbstractResolver):
    """Resolves hosts, and fails unless all their addresses are public. The connection goes to the checked address."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of the host. Raises OSError if any of them is not public."""
        found = await self._resolver.resolve(host, port, family)
        if not all(is_public(result["host"]) for result in found):
            raise OSError(f"{host} has an address that is not public")
        return found

    async def close(self) -> None:
        await self._resolver.close()
