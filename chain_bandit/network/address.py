"""HOST:PORT: how an address is read, and whether a host is on this machine or in a private network."""

import re
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, AF_INET6, AddressFamily, inet_aton

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*{_LABEL}")
"""Of the DNS; an IPv4 address is one too."""

_IPV6 = re.compile("[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9_.-]{1,16})?")


def host_and_port(text: str, least: int = 1) -> tuple[str, int] | None:
    """A host, without the brackets of IPv6, and a port from `least` on; None for what is no such address."""
    host, _, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_host = _NAME.fullmatch(host) or (":" in host and _IPV6.fullmatch(host) and _literal(host))
    good = is_host and port.isascii() and port.isdigit() and least <= int(port[:6]) < 1 << 16
    return (host, int(port)) if good else None


def family_of(host: str) -> AddressFamily:
    """Of the sockets for a host, which has no brackets."""
    return AF_INET6 if ":" in host else AF_INET


def is_private(host: str) -> bool:
    """Whether a host is `localhost` or an address that is loopback, link-local, private or unspecified.

    Of another name nothing is known before it is resolved.
    """
    address = _literal(host)
    return host == "localhost" or (address is not None and not address.is_global)


def is_unspecified(host: str) -> bool:
    """Whether a host is every address of this machine, such as 0.0.0.0."""
    address = _literal(host)
    return address is not None and address.is_unspecified


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by an address that no other reaches."""
    address = _literal(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, in each form that a resolver takes, such as 127.1; None of a name."""
    with suppress(ValueError):
        return ip_address(host)
    with suppress(OSError, ValueError):
        return ip_address(inet_aton(host))
    return None
